"""Origin connections that clients share: each with one client at a time, bounded, and never one that is spent."""

import asyncio
import socket
import ssl
from dataclasses import replace

import pytest

from gate.site import STAFF, app
from glassgate.access.app import Origin, OriginTls
from glassgate.config.limits import LIMITS
from glassgate.mitm.driver.pool import OriginBusyError, Pool
from glassgate.mitm.driver.sides import Side
from glassgate.mitm.tls import OriginTrust


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Origins:
    """A server that keeps what connects to it."""

    def __init__(self, **more):
        self.more = more
        self.writers = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._take, "127.0.0.1", 0, **self.more)
        self.address = self.server.sockets[0].getsockname()[:2]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for writer in self.writers:
            writer.close()

    async def _take(self, reader, writer):
        self.writers.append(writer)


def pool_of(clock=None, trust=None, **limits):
    return Pool(trust or OriginTrust([]), replace(LIMITS, **limits), clock or Clock())


async def connected(pool, address):
    side = Side(None, None)
    await pool.connect(address, side)
    return side


async def until(holds):
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


def run(test):
    asyncio.run(test())


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"], ids=["without a word", "with a word"])
def test_one_that_its_origin_has_just_ended_is_not_used(said):
    """What the loop has not heard yet: a request with a body would be lost on it, and cannot be sent twice."""

    async def test():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address, pool = listener.getsockname(), pool_of()
            side = await connected(pool, address)
            with listener.accept()[0] as origin:
                pool.give_back(address, side)
                assert pool.take(address) is side
                pool.give_back(address, side)
                origin.sendall(said)
            assert pool.take(address) is None
            assert pool.counts(address) == (0, 0)

    run(test)


def test_a_connection_that_came_back_is_used_again():
    async def test():
        async with Origins() as origin:
            pool = pool_of()
            side = await connected(pool, origin.address)
            assert pool.take(origin.address) is None
            pool.give_back(origin.address, side)
            assert pool.take(origin.address) is side
            assert pool.take(origin.address) is None, "one client at a time"
            assert pool.counts(origin.address) == (1, 0)

    run(test)


def test_the_one_that_was_used_last_is_used_first():
    async def test():
        async with Origins() as origin:
            pool = pool_of()
            first, second = await connected(pool, origin.address), await connected(pool, origin.address)
            pool.give_back(origin.address, first)
            pool.give_back(origin.address, second)
            assert pool.take(origin.address) is second

    run(test)


def test_what_its_origin_closed_is_not_given_out():
    async def test():
        async with Origins() as origin:
            pool = pool_of()
            side = await connected(pool, origin.address)
            pool.give_back(origin.address, side)
            await until(lambda: origin.writers)
            origin.writers[0].close()
            await until(lambda: not side.is_open)
            assert pool.take(origin.address) is None
            assert pool.counts(origin.address) == (0, 0)

    run(test)


def test_what_speaks_unasked_is_of_no_use():
    async def test():
        async with Origins() as origin:
            pool = pool_of()
            side = await connected(pool, origin.address)
            pool.give_back(origin.address, side)
            await until(lambda: origin.writers)
            origin.writers[0].write(b"HTTP/1.1 200 OK\r\n\r\n")
            await until(lambda: not side.is_open)
            assert pool.take(origin.address) is None

    run(test)


def test_idle_connections_are_bounded_in_number_and_time():
    async def test():
        async with Origins() as origin:
            clock = Clock()
            pool = pool_of(clock, kept_idle=2, kept_time=30.0)
            for side in [await connected(pool, origin.address) for _ in range(3)]:
                pool.give_back(origin.address, side)
            assert pool.counts(origin.address) == (2, 2)
            clock.now = 29.0
            pool.sweep()
            assert pool.counts(origin.address) == (2, 2)
            clock.now = 30.0
            pool.sweep()
            assert pool.counts(origin.address) == (0, 0)

    run(test)


def test_who_comes_when_all_are_in_use_waits_for_one():
    async def test():
        async with Origins() as origin:
            pool = pool_of(to_origin=1)
            side = await connected(pool, origin.address)
            waiting = asyncio.create_task(connected(pool, origin.address))
            await asyncio.sleep(0.02)
            assert not waiting.done()
            pool.give_back(origin.address, side)
            assert (await waiting).is_open
            assert pool.counts(origin.address) == (1, 0)

    run(test)


def test_a_place_that_comes_free_is_of_whoever_waited_for_it():
    async def test():
        async with Origins() as origin:
            pool = pool_of(to_origin=1)
            side = await connected(pool, origin.address)
            waiting = asyncio.create_task(connected(pool, origin.address))
            await asyncio.sleep(0)
            pool.give_back(origin.address, side)
            late = asyncio.create_task(connected(pool, origin.address))
            assert (await waiting).is_open
            assert (pool.counts(origin.address), late.done()) == ((1, 0), False)
            late.cancel()

    run(test)


def test_a_place_that_comes_too_late_for_one_is_the_next_ones():
    async def test():
        async with Origins() as origin:
            pool = pool_of(to_origin=2)
            side, _ = await connected(pool, origin.address), await connected(pool, origin.address)
            gone, waiting = (asyncio.create_task(connected(pool, origin.address)) for _ in range(2))
            await asyncio.sleep(0)
            pool.give_back(origin.address, side)
            gone.cancel()
            assert (await asyncio.wait_for(waiting, 5)).is_open
            assert pool.counts(origin.address) == (2, 0)

    run(test)


def test_nobody_waits_for_longer_than_a_connection_may_take():
    async def test():
        async with Origins() as origin:
            pool = pool_of(to_origin=1, connect_time=0.05)
            await connected(pool, origin.address)
            with pytest.raises(TimeoutError):
                await connected(pool, origin.address)
            assert pool.counts(origin.address) == (1, 0)

    run(test)


def test_those_who_wait_are_bounded_too():
    async def test():
        async with Origins() as origin:
            pool = pool_of(to_origin=1, connect_time=5.0)
            side = await connected(pool, origin.address)
            waiting = asyncio.create_task(connected(pool, origin.address))
            await asyncio.sleep(0.02)
            with pytest.raises(OriginBusyError):
                await connected(pool, origin.address)
            side.close()
            pool.gone(origin.address)
            await waiting

    run(test)


def test_an_origin_that_is_away_costs_no_place():
    async def test():
        async with Origins() as origin:
            pass
        pool = pool_of()
        with pytest.raises(OSError, match="Connect"):
            await connected(pool, origin.address)
        assert pool.counts(origin.address) == (0, 0)

    run(test)


def test_an_origin_that_takes_no_connection_is_given_up():
    async def test():
        async with Origins() as origin:
            apps = [app("wiki", "wiki.localhost", STAFF, origin=Origin("https", *origin.address))]
            pool = pool_of(trust=OriginTrust(apps), connect_time=0.1)
            assert pool.is_tls(origin.address)
            with pytest.raises(TimeoutError):
                await connected(pool, origin.address)
            assert pool.counts(origin.address) == (0, 0)

    run(test)


def served(leaf):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf)
    return context


NAMES = [
    ("its own name", "wiki.localhost", True, None),
    ("another name", "evil.localhost", True, ssl.SSLCertVerificationError),
    ("an authority that is not trusted", "wiki.localhost", False, ssl.SSLCertVerificationError),
]


@pytest.mark.parametrize(("name", "trusted", "fault"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_an_https_origin_is_verified(certificates, name, trusted, fault):
    ca, leaf = certificates

    async def test():
        async with Origins(ssl=served(leaf)) as origin:
            tls = OriginTls(ca=ca if trusted else None, server_name=name)
            apps = [app("wiki", "wiki.localhost", STAFF, origin=Origin("https", *origin.address, tls))]
            pool = pool_of(trust=OriginTrust(apps))
            if fault is None:
                assert (await connected(pool, origin.address)).is_open
            else:
                with pytest.raises(fault):
                    await connected(pool, origin.address)
                assert pool.counts(origin.address) == (0, 0)

    run(test)


ALPN = [
    ("an origin that wants HTTP/2 and speaks it", True, ["h2", "http/1.1"], True, "h2"),
    ("one that does not speak it", True, ["http/1.1"], True, "http/1.1"),
    ("one that says nothing of it", True, None, True, None),
    ("one that does not want it", False, ["h2", "http/1.1"], True, None),
    ("for a WebSocket", True, ["h2", "http/1.1"], False, None),
]


@pytest.mark.parametrize(
    ("wants", "speaks", "http2", "agreed"), [row[1:] for row in ALPN], ids=[row[0] for row in ALPN]
)
def test_what_is_agreed_on_with_an_origin(certificates, wants, speaks, http2, agreed):
    ca, leaf = certificates
    context = served(leaf)
    if speaks:
        context.set_alpn_protocols(speaks)

    async def test():
        async with Origins(ssl=context) as origin:
            tls = OriginTls(ca=ca, server_name="wiki.localhost")
            apps = [app("wiki", "wiki.localhost", STAFF, origin=Origin("https", *origin.address, tls, wants))]
            pool, side = pool_of(trust=OriginTrust(apps), to_origin=2), Side(None, None)
            await pool.connect(origin.address, side, http2=http2)
            assert side.transport.get_extra_info("ssl_object").selected_alpn_protocol() == agreed
            assert pool.is_full(origin.address) is False
            await connected(pool, origin.address)
            assert pool.is_full(origin.address) is True

    run(test)


def test_closing_ends_what_nobody_uses():
    async def test():
        async with Origins() as origin:
            pool = pool_of()
            used, idle = await connected(pool, origin.address), await connected(pool, origin.address)
            pool.give_back(origin.address, idle)
            pool.close()
            assert (used.is_open, idle.is_open) == (True, False)

    run(test)


def test_what_was_connected_by_an_earlier_trust_is_not_kept():
    async def test():
        async with Origins() as origin:
            pool = pool_of()
            used, idle = await connected(pool, origin.address), await connected(pool, origin.address)
            pool.give_back(origin.address, idle)
            pool.take_over(OriginTrust([]), LIMITS)
            assert pool.take(origin.address) is None
            assert used.is_open, "what is under way goes on"
            pool.give_back(origin.address, used)
            assert pool.counts(origin.address) == (0, 0)
            fresh = await connected(pool, origin.address)
            pool.give_back(origin.address, fresh)
            assert pool.take(origin.address) is fresh

    run(test)


def test_other_limits_count_from_then_on():
    async def test():
        async with Origins() as origin:
            pool = pool_of()
            pool.take_over(OriginTrust([]), replace(LIMITS, kept_idle=0))
            pool.give_back(origin.address, await connected(pool, origin.address))
            assert pool.counts(origin.address) == (0, 0)

    run(test)
