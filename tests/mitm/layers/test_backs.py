"""What speaks to an origin: chosen by what both ends agreed on, and found again, TLS in between or not."""

import pytest
from mitmproxy.proxy.layers import ServerTLSLayer
from mitmproxy.proxy.layers.http import HttpClient

from glassgate.mitm.layers.backs import Opening, back_of, reusable
from glassgate.mitm.layers.upstream import Http1Back
from glassgate.mitm.layers.upstream_http2 import Http2Back
from mitm.layers.stage import Stage, refuse

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("alpn", "kind"), [(None, Http1Back), (b"", Http1Back), (b"http/1.1", Http1Back), (b"h2", Http2Back)]
)
def test_what_was_agreed_on_is_spoken(alpn, kind):
    stage = Stage()
    stage.origin_alpn = alpn
    stage.say(GET)
    back = back_of(stage.layer, stage.origins[0])
    assert isinstance(back, kind)
    assert back.context.layers[-1] is back, "mitmproxy looks there for the connection of an injected message"
    assert stage.asked().startswith(b"PRI * HTTP/2.0\r\n" if kind is Http2Back else b"GET / HTTP/1.1\r\n")


def test_what_is_no_connection_to_an_origin():
    stage = Stage(decide=refuse).say(GET)
    assert back_of(stage.layer, stage.client) is None
    assert not reusable(stage.layer, stage.client)


def test_a_connection_that_is_not_made_yet():
    stage = Stage(away="refused").say(GET)
    for connection in stage.layer.connections:
        assert back_of(stage.layer, connection) is None


def test_one_behind_tls_is_found():
    """In mitmproxy's own programs it is a layer."""
    stage = Stage().say(GET)
    [server] = stage.origins
    opened = stage.layer.connections[server]
    assert isinstance(opened, Opening)
    assert isinstance(opened, HttpClient)
    above = ServerTLSLayer(opened.context)
    above.child_layer = opened
    stage.layer.connections[server] = above
    assert back_of(stage.layer, server) is opened.child_layer
