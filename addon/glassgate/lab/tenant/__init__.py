"""A stand-in Microsoft Entra ID: tenants, their v2.0 endpoints, and a little of Microsoft Graph, as WSGI apps."""
