"""The journey of a request: canonical target, app, session, policy, then forward or answer. Does no I/O."""
