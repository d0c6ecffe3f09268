"""What each kind of provider adds to OpenID Connect: its checks, and how its claims become an identity."""
