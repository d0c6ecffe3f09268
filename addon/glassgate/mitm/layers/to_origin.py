"""A connection to an origin, and what the layers and a driver tell each other of it."""

from collections.abc import Collection
from dataclasses import dataclass

from mitmproxy.connection import Connection, Server
from mitmproxy.proxy.layers.http import GetHttpConnection
from mitmproxy.proxy.layers.http._events import ResponseProtocolError

HTTP1_ALONE = (b"http/1.1",)


class ToOrigin(Server):
    """One connection. By its `alpn_offers` it may be kept from HTTP/2; else its origin's configuration says."""

    __hash__, __eq__ = object.__hash__, object.__eq__  # mitmproxy's compare ids, many times a request

    # From the layers
    must_be_new = False  # one that was kept will not do
    full: Collection[int] = ()  # requests whose bodies the origin takes no more of, for want of HTTP/2 windows

    # From a driver
    was_kept = False  # others were served on it
    is_behind = False  # its other end takes no more bytes just now

    def takes(self, stream_id: int) -> bool:
        """Whether more of a request's body can be worked on."""
        return not self.is_behind and stream_id not in self.full


class Another(GetHttpConnection):
    """Have a new connection, for a request that must be sent once more."""


@dataclass
class UnansweredError(ResponseProtocolError):
    """A request that its origin has not begun to answer, and very likely never saw: the connection was kept, and its
    origin had ended it (RFC 9112 section 9.3.1), or said that it was not looked at (RFC 9113 section 8.7)."""


def takes(server: Connection, stream_id: int) -> bool:
    """Whether the origin of a request takes more of its body; what is not one yet has taken none."""
    return not isinstance(server, ToOrigin) or server.takes(stream_id)
