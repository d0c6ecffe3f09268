"""Our own runner of mitmproxy's protocol layers: listeners, timers, hook dispatch, the pool of origin connections."""
