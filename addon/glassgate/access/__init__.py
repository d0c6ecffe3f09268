"""What is decided, pure: identities, sessions, tokens, cookies, policies, and the pages that tell of them."""
