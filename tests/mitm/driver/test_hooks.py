"""Who is called for a hook, in which order, and what waits for whom."""

import asyncio

from mitmproxy.connection import Client, Server
from mitmproxy.hooks import all_hooks
from mitmproxy.proxy.server_hooks import (
    ClientConnectedHook,
    ClientDisconnectedHook,
    ServerConnectHook,
    ServerConnectionHookData,
)

from glassgate.mitm.driver.hooks import Table

CLIENT = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0.0)


class Addon:
    def __init__(self, seen, name, waits=False):
        self.seen, self.name, self.waits = seen, name, waits

    def client_connected(self, client):
        self.seen.append(self.name)
        return self._later() if self.waits else None

    async def _later(self):
        await asyncio.sleep(0)
        self.seen.append(f"{self.name} done")


def called(*addons, hook=ClientConnectedHook):
    async def run():
        waiting = Table(addons, ["client_connected"]).start(hook(CLIENT))
        if waiting is not None:
            await waiting
        return waiting is not None

    return asyncio.run(run())


def test_those_who_do_not_wait_are_called_in_place():
    seen = []
    assert called(Addon(seen, "a"), object(), Addon(seen, "b")) is False
    assert seen == ["a", "b"]


def test_who_waits_makes_those_after_it_wait():
    seen = []
    assert called(Addon(seen, "a", waits=True), Addon(seen, "b"), Addon(seen, "c", waits=True)) is True
    assert seen == ["a", "a done", "b", "c", "c done"]


def test_a_hook_of_nobody_is_done_at_once():
    assert called(Addon([], "a"), hook=ClientDisconnectedHook) is False


def test_a_fault_is_told_by_its_kind_and_those_after_it_are_called(caplog):
    class Broken:
        def client_connected(self, client):
            raise RuntimeError("a fault that a test made")

    seen = []
    assert called(Broken(), Addon(seen, "b")) is False
    assert seen == ["b"]
    assert caplog.messages == ["The hook client_connected failed: RuntimeError"]


def test_where_it_fails_whether_to_connect_nobody_connects():
    class Broken:
        def server_connect(self, data):
            raise RuntimeError("a fault that a test made")

    server = Server(address=("127.0.0.1", 1))
    data = ServerConnectionHookData(client=None, server=server)
    assert Table((Broken(),), all_hooks).start(ServerConnectHook(data)) is None
    assert server.error
