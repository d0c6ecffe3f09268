"""The bench: what a signed-in request costs through the gate, against what one would run instead."""
