"""The relying party: discovery, keys, the authorization request, the callback, and every check of an ID token."""
