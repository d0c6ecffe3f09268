"""Sample origins: real servers on loopback ports that stand behind the gate, and trust nobody."""
