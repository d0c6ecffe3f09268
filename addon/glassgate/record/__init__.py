"""What is told: the audit log, the metrics, and what must not be told. Decides nothing."""
