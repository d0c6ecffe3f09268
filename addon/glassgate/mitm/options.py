"""The mitmproxy options that the gate needs, and those under which what was judged is not what is sent."""

from collections.abc import Mapping
from typing import Any

from mitmproxy.optmanager import OptManager
from mitmproxy.proxy import mode_specs

from glassgate.config.settings import Endpoint, Settings
from glassgate.errors import StartError

# Leads nowhere (RFC 6761 reserves .invalid): traffic without a verdict has no origin to reach.
NOWHERE = "http://gate.invalid:1"

# Option -> the only values under which the gate runs. None, False and empty are all "off".
OFF = (
    "allow_hosts", "ignore_hosts", "tcp_hosts", "udp_hosts", "map_local", "map_remote", "modify_body",
    "modify_headers", "block_list", "server_replay", "client_replay", "stickyauth", "stickycookie", "proxyauth",
    "upstream_auth", "rawtcp", "ssl_insecure", "anticache", "anticomp", "request_client_cert", "client_certs",
    "stream_large_bodies", "body_size_limit", "store_streamed_bodies", "save_stream_file", "hardump", "rfile",
    "add_upstream_certs_to_client_chain", "proxy_debug", "intercept",
)  # fmt: skip
ON = ("validate_inbound_headers", "keep_host_header", "http2", "websocket", "normalize_outbound_headers")

WHY = {
    "save_stream_file": "saved flows would hold session tokens",
    "hardump": "saved flows would hold session tokens",
    "intercept": "an intercepted flow could be changed after it was judged",
    "validate_inbound_headers": "without it requests can be smuggled past the gate",
    "ssl_insecure": "origins would not be verified",
}
REWRITES = "it changes what was judged"


def needed(settings: Settings) -> dict[str, Any]:
    """The values that the gate sets, on every front end."""
    return {
        "mode": [_mode(settings.listen)],
        "listen_host": settings.listen.host,  # said by the mode already; mitmweb shows these
        "listen_port": settings.listen.port,
        "certs": [f"*={path}" for path in settings.certificates],
        "connection_strategy": "lazy",
        "keep_host_header": True,
        "rawtcp": False,
        "block_global": False,  # who may come is for the policies to say
        "flow_detail": 0,  # the console dumper prints addresses whole, codes and all
    }


def _mode(listen: Endpoint) -> str:
    # mitmproxy takes an IPv6 address as it is, and listens nowhere for one in brackets.
    return f"reverse:{NOWHERE}@{listen.host}:{listen.port}"


def set_needed(options: OptManager, settings: Settings) -> None:
    """Set what is needed, of what this front end knows."""
    options.update(**{name: value for name, value in needed(settings).items() if name in options})


def refuse_dangerous(options: Mapping[str, Any] | OptManager) -> None:
    """Refuse options that undo the gate. Raises StartError that names all of them."""
    wrong = [f"{name} ({WHY.get(name, REWRITES)})" for name in OFF if _value(options, name)]
    wrong += [f"{name}=false ({WHY.get(name, REWRITES)})" for name in ON if _value(options, name) is False]
    if wrong:
        raise StartError(
            f"These mitmproxy options and the gate exclude each other: {', '.join(wrong)}.",
            mend="leave them out of the command line and of mitmproxy's own config.yaml",
        )


def check_listener(options: OptManager, listen: Endpoint) -> None:
    """Refuse a command line that asks for another listener than the configuration. Raises StartError."""
    asked = [mode_specs.ProxyMode.parse(mode) for mode in options.mode]
    for mode in asked:
        said_host = (mode.custom_listen_host or options.listen_host or "").strip("[]") or None
        said_port = mode.custom_listen_port or options.listen_port
        differs = (said_host not in (None, listen.host)) or (said_port not in (None, listen.port))
        if differs or len(asked) > 1:
            said = Endpoint(said_host or listen.host, said_port or listen.port)
            raise StartError(
                f"The command line asks for a listener at {said}, the configuration for {listen}.",
                mend=f"say --mode {_mode(listen)}, or change `listen`",
            )


def _value(options: Mapping[str, Any] | OptManager, name: str) -> Any:
    if isinstance(options, OptManager):
        return getattr(options, name) if name in options else None
    return options.get(name)
