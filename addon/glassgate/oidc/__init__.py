"""The relying party: discovery, keys, the way to the provider and back, and every check of an ID token."""
