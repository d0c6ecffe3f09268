"""What is remembered: keys, sessions, one-time codes; in memory or on disk."""
