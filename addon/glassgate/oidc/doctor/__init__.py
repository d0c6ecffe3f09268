"""Walks the chain of a sign-in at one provider, link by link, and says which one is broken and how to mend it."""
