"""gRPC through the gate: a real client, a real server, and HTTP/2 all the way."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest

from gate.site import STAFF, app
from glassgate.access.app import Origin, OriginTls
from glassgate.config.limits import LIMITS
from mitm.driver.playing import until
from mitm.harness import signed_in

BIG = 3 << 20


class Echo(grpc.GenericRpcHandler):
    """Answers with what came, in each of gRPC's four ways."""

    def __init__(self):
        self.seen = []

    def service(self, call):
        name = call.method.rpartition("/")[2]
        self.seen.append((name, dict(call.invocation_metadata)))
        handlers = {
            "One": grpc.unary_unary_rpc_method_handler(self.one),
            "Down": grpc.unary_stream_rpc_method_handler(self.down),
            "Up": grpc.stream_unary_rpc_method_handler(self.up),
            "Both": grpc.stream_stream_rpc_method_handler(self.both),
            "Fails": grpc.unary_unary_rpc_method_handler(self.fails),
        }
        return handlers.get(name)

    def one(self, said, context):
        context.set_trailing_metadata((("x-trailer", "seen"),))
        return said

    def down(self, said, _):
        for _ in range(int(said)):
            yield b"x" * 100_000

    def up(self, pieces, _):
        return str(sum(map(len, pieces))).encode()

    def both(self, pieces, _):
        yield from pieces

    def fails(self, _, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now")


@contextlib.contextmanager
def serving(gate, certificates, folder, **limits):
    """A gate, and the origin behind it."""
    ca, leaf = certificates
    echo, pem = Echo(), leaf.read_bytes()
    server = grpc.server(ThreadPoolExecutor(16), handlers=[echo], options=[("grpc.max_receive_message_length", -1)])
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(pem, pem)]))
    server.start()
    origin = Origin("https", "127.0.0.1", port, OriginTls(ca=ca, server_name="wiki.localhost"), http2=True)
    apps = [app("wiki", "wiki.localhost", STAFF, origin=origin)]
    try:
        with gate(certificates, folder, 0, apps=apps, limits=replace(LIMITS, **limits)) as made:
            yield made, echo, ("127.0.0.1", port)
    finally:
        server.stop(0)


def connected(ca, running):
    trust = grpc.ssl_channel_credentials(ca.read_bytes())
    options = [
        ("grpc.ssl_target_name_override", "wiki.localhost"),
        ("grpc.default_authority", f"wiki.localhost:{running.port}"),
        ("grpc.max_receive_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    return contextlib.closing(grpc.secure_channel(f"127.0.0.1:{running.port}", trust, options))


@pytest.fixture(scope="module")
def parts(gate, certificates, tmp_path_factory):
    with serving(gate, certificates, tmp_path_factory.mktemp("gate")) as made:
        yield made


@pytest.fixture
def running(parts):
    return parts[0]


@pytest.fixture
def channel(certificates, running):
    with connected(certificates[0], running) as made:
        yield made


@pytest.fixture
def cookie(running):
    return (("cookie", signed_in(running.site)),)


def test_a_call_and_its_trailers(channel, cookie, parts):
    answer, call = channel.unary_unary("/echo/One").with_call(b"hello", metadata=cookie, timeout=20)
    assert (answer, call.code(), dict(call.trailing_metadata())["x-trailer"]) == (b"hello", grpc.StatusCode.OK, "seen")
    assert "cf-access-jwt-assertion" in parts[1].seen[-1][1], "the origin is told who it is"
    assert "CF_Authorization" not in str(parts[1].seen[-1][1].get("cookie"))


def test_a_call_that_fails_says_why(channel, cookie):
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/echo/Fails")(b"x", metadata=cookie, timeout=20)
    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not now")
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/echo/None")(b"x", metadata=cookie, timeout=20)
    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_who_is_nobody_reaches_nothing(channel, parts):
    before = len(parts[1].seen)
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/echo/One")(b"x", timeout=20)
    assert failed.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert len(parts[1].seen) == before


def test_streams_both_ways(channel, cookie):
    down = channel.unary_stream("/echo/Down")(b"40", metadata=cookie, timeout=30)
    assert sum(map(len, down)) == 4_000_000
    assert channel.stream_unary("/echo/Up")(iter([b"y" * 100_000] * 40), metadata=cookie, timeout=30) == b"4000000"
    assert channel.unary_unary("/echo/One")(b"z" * BIG, metadata=cookie, timeout=30) == b"z" * BIG


def test_a_conversation(channel, cookie):
    """Each answer comes before the next question is asked."""
    said = []

    def questions():
        for n in range(10):
            until(lambda n=n: len(said) == n)
            yield b"%d" % n

    for answer in channel.stream_stream("/echo/Both")(questions(), metadata=cookie, timeout=30):
        said.append(answer)
    assert said == [b"%d" % n for n in range(10)]


def test_many_at_once_are_not_mixed(channel, cookie):
    call = channel.unary_unary("/echo/One")
    asked = [b"%d-" % n * 1000 for n in range(64)]
    assert [one.result(30) for one in [call.future(text, metadata=cookie) for text in asked]] == asked


def test_a_connection_to_an_origin_that_is_not_used_ends_after_a_while(gate, certificates, tmp_path, front):
    with serving(gate, certificates, tmp_path, kept_time=0.2) as (running, _, address):
        cookie = (("cookie", signed_in(running.site)),)
        with connected(certificates[0], running) as channel:
            call = channel.unary_unary("/echo/One")
            assert call(b"1", metadata=cookie, timeout=20) == b"1"
            if front == "driver":  # a stock program keeps it as long as the client's
                until(lambda: running.in_loop(running.door.pool.counts, address) == (0, 0))
            assert call(b"2", metadata=cookie, timeout=20) == b"2"


def test_where_all_are_in_use_one_that_rests_makes_room(gate, certificates, tmp_path):
    with serving(gate, certificates, tmp_path, to_origin=1) as (running, _, _):
        cookie = (("cookie", signed_in(running.site)),)
        with connected(certificates[0], running) as one, connected(certificates[0], running) as other:
            for turn in range(2):
                for channel in (one, other):
                    said = b"%d" % turn
                    assert channel.unary_unary("/echo/One")(said, metadata=cookie, timeout=20) == said
