"""One transport: what is said goes out at once and together, and who does not keep up is waited for."""

import asyncio
import socket

import pytest

from glassgate.mitm.driver.sides import HIGH_WATER, STUCK, TOGETHER, Side, steer


class Wire(asyncio.Transport):
    """A transport that remembers what it was told."""

    def __init__(self, waiting=0):
        super().__init__()
        self.writes, self.reading, self.closing, self.waiting = [], True, False, waiting
        self.socket = socket.socket()

    def set_write_buffer_limits(self, high=None, low=None):
        self.high = high

    def get_write_buffer_size(self):
        return self.waiting

    def get_extra_info(self, name, default=None):
        return self.socket if name == "socket" else default

    def write(self, data):
        self.writes.append(data)

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True


class Hearing:
    """Hears what a side hears."""

    def __init__(self):
        self.heard = []

    def received(self, side, data):
        self.heard.append(data)

    def ended(self, side, *, lost):
        self.heard.append("lost" if lost else "ended")

    def flow_changed(self, side):
        self.heard.append("behind" if side.is_behind else "keeps up")


def side(hearer=None, waiting=0, is_tls=False):
    made = Side(hearer, None, is_tls=is_tls)
    made.connection_made(Wire(waiting))
    return made


def come(one, data):
    one.get_buffer(-1)[: len(data)] = data
    one.buffer_updated(len(data))


async def until(holds):
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


@pytest.mark.parametrize(
    ("said", "writes"),
    [
        ([], []),
        ([b"one"], [b"one"]),
        ([b"head", b"body", b"end"], [b"headbodyend"]),
        ([b"x"] * (TOGETHER + 1), [b"x" * TOGETHER, b"x"]),
    ],
    ids=["nothing", "one", "three", "more than is kept back"],
)
def test_what_was_said_goes_out_in_one_write(said, writes):
    one = side()
    for piece in said:
        one.say(piece)
    one.flush()
    one.flush()
    assert one.transport.writes == writes


def test_closing_sends_what_was_said_and_then_no_more():
    one = side()
    one.say(b"last")
    one.close()
    one.say(b"later")
    one.flush()
    assert (one.transport.writes, one.transport.closing, one.is_open) == ([b"last"], True, False)


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "TLS"])
def test_a_half_close_is_told_and_kept_where_there_is_such_a_thing(is_tls):
    hearing = Hearing()
    assert side(hearing, is_tls=is_tls).eof_received() is not is_tls
    assert hearing.heard == ["ended"]


def test_what_comes_is_passed_on_and_outlives_what_comes_next():
    first, second = Hearing(), Hearing()
    come(side(first), b"for one")
    come(side(second), b"for another")
    assert (first.heard, second.heard) == ([b"for one"], [b"for another"])


def test_nobody_hears_an_idle_one_and_it_ends_by_whatever_comes():
    one, another = side(), side()
    come(one, b"HTTP/1.1 200 OK\r\n\r\n")
    assert one.is_open is False
    assert another.eof_received() is False, "asyncio closes it"
    another.connection_lost(None)
    assert another.is_open is False


def test_what_waits_on_the_way_has_not_been_taken():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as near:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        near.connect(server.getsockname())
        near.setblocking(False)
        far, _ = server.accept()
        one = side(waiting=1000)
        one.transport.socket = near
        in_kernel = near.send(b"x" * 5_000_000)  # as much as the kernel takes
        one.say(b"x" * (in_kernel + 1000))
        one.flush()
        assert 0 <= one.taken < in_kernel, "the kernel holds the rest"
        near.shutdown(socket.SHUT_WR)
        with far:
            while far.recv(1 << 20):
                pass
            asyncio.run(until(lambda: one.taken == in_kernel))
    assert one.taken == one.said - 1000, "nothing is known of a socket that is closed"


STEERED = [  # (client behind, bytes untaken, crowded, one stuck), (client read, that one read, the other read)
    ("all keep up", (False, 0, False, False), (True, True, True)),
    ("the client is behind", (True, STUCK, False, False), (True, False, False)),
    ("the client takes nothing at all", (True, STUCK + 1, False, False), (False, False, False)),
    ("too much of the client's waits", (False, 0, True, False), (False, True, True)),
    ("the client gives one answer no window", (False, 0, False, True), (True, False, True)),
]


@pytest.mark.parametrize(("given", "read"), [row[1:] for row in STEERED], ids=[row[0] for row in STEERED])
def test_nobody_is_read_whose_bytes_would_only_wait(given, read):
    behind, waiting, crowded, stuck = given
    client, late, other = side(waiting=waiting), side(), side()
    client.is_behind = behind
    for _ in range(2):
        steer(client, [late, other], crowded=crowded, stuck=[late] if stuck else ())
        assert (client.transport.reading, late.transport.reading, other.transport.reading) == read
    client.is_behind = False
    client.transport.waiting = 0
    steer(client, [late, other], crowded=False)
    assert all(one.transport.reading for one in (client, late, other))


def test_who_leaves_while_nobody_reads_is_noticed():
    async def test():
        opened = []
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: opened.append(Side(Hearing(), None)) or opened[-1], "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await until(lambda: opened and opened[0].transport)
        one = opened[0]
        one.read(False)
        writer.write(b"x" * 1000)
        await writer.drain()
        await asyncio.sleep(0.05)
        assert not one.has_left, "it may still take an answer"
        writer.close()
        await until(lambda: one.has_left)
        assert one.hearer.heard == [], "nor does asyncio tell of it"
        one.read(True)
        assert not one.has_left, "asyncio tells of it now"
        await until(lambda: "ended" in one.hearer.heard)
        server.close()

    asyncio.run(test())


def test_who_does_not_read_is_behind_and_who_reads_again_keeps_up():
    async def test():
        hearing, opened = Hearing(), []
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: opened.append(Side(hearing, None)) or opened[-1], "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1024)
        await until(lambda: opened and opened[0].transport)
        sent = 0
        while not opened[0].is_behind:
            opened[0].say(b"x" * HIGH_WATER)
            opened[0].flush()
            sent += HIGH_WATER
            await asyncio.sleep(0)
        assert opened[0].waiting > HIGH_WATER
        assert len(await reader.readexactly(sent)) == sent
        await until(lambda: not opened[0].is_behind)
        assert (hearing.heard, opened[0].waiting) == (["behind", "keeps up"], 0)
        writer.close()
        server.close()

    asyncio.run(test())
