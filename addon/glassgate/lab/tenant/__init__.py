"""A stand-in Microsoft Entra ID: one tenant, its v2.0 endpoints, as a WSGI application."""
