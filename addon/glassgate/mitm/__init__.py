"""The hooks: a flow becomes an exchange, a verdict is applied. The only code that imports mitmproxy."""
