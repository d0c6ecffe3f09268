"""What the gate does with mitmproxy's own server beside its hooks."""

import asyncio

import pytest
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.test import tflow

from glassgate.mitm.layers.events import CloseWebsocket
from glassgate.mitm.stock import StockServer


class Handler:
    """A connection of mitmproxy's server, as far as it is looked at."""

    def __init__(self, client):
        self.client, self.transports, self.events = client, {}, []

    async def server_event(self, event):
        self.events.append(event)


def test_a_websocket_is_closed_on_its_own_connection():
    async def scene():
        server, flow, other = Proxyserver(), tflow.tflow(), tflow.tflow()
        for one in (flow, other):
            server.connections[one.client_conn.id] = Handler(one.client_conn)
        event = CloseWebsocket(flow, 1008, "over")
        StockServer(server).close_websocket(event)
        await asyncio.sleep(0)
        assert server.connections[flow.client_conn.id].events == [event]
        assert server.connections[other.client_conn.id].events == []

    asyncio.run(scene())


def test_one_that_is_gone_cannot_be_told():
    with pytest.raises(ValueError, match="live"):
        StockServer(Proxyserver()).close_websocket(CloseWebsocket(tflow.tflow(), 1008, "over"))


def test_hanging_up_on_nobody_is_nothing():
    server, flow = Proxyserver(), tflow.tflow()
    StockServer(server).hang_up("nobody")
    server.connections["ended"] = Handler(flow.client_conn)
    StockServer(server).hang_up("ended")
