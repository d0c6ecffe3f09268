"""What each kind of provider adds to OpenID Connect: tables of checks, and how its claims become an identity."""
