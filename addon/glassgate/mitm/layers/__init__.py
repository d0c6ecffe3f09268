"""mitmproxy's HTTP layers with what they lack: limits, own answers, and only one way to read what came."""
