"""What the gate leans on in mitmproxy and pyOpenSSL beyond what they document: a row for each, and what it holds up.

When one of these fails, a new version changed something. Read what the row says, then the code that names it.
"""

import inspect
import logging
import re
import sys
from importlib.metadata import version

import pytest
from h2.config import H2Configuration
from h2.connection import ConnectionState as H2State
from h2.connection import H2Connection
from h11 import _readers, _receivebuffer
from mitmproxy import addonmanager, connection, http, optmanager
from mitmproxy.addons import next_layer, proxyserver, script, tlsconfig
from mitmproxy.net.http import http1
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.proxy import events, layer, mode_servers, server, server_hooks, tunnel
from mitmproxy.proxy.layers import ClientTLSLayer, tls, websocket
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpClient,
    HttpLayer,
    HTTPMode,
    HttpStream,
    RegisterHttpConnection,
    SendHttp,
    _base,
    _events,
    _http1,
    _http2,
    _http_h2,
    validate_request,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook
from mitmproxy.test import tflow
from mitmproxy.tools.web.master import WebMaster
from OpenSSL import SSL
from wsproto.connection import Connection as WsConnection
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameDecoder

from glassgate.config.limits import Limits
from glassgate.mitm.layers.events import CloseWebsocket, Drain, Refuse, TooSlow
from glassgate.mitm.layers.first import GateLayer, first_layer
from glassgate.mitm.layers.http1 import Http1Front
from glassgate.mitm.layers.http2 import Http2Front
from glassgate.mitm.layers.stream import GateStream
from glassgate.mitm.layers.upstream import Http1Back
from glassgate.mitm.layers.websocket import GateWebsocket
from glassgate.mitm.layers.windows import Bounded
from mitm.layers.stage import PROGRAM, Said


def source(thing):
    return inspect.getsource(thing)


def parameters(call):
    return list(inspect.signature(call).parameters)


def context():
    from mitmproxy.proxy.context import Context

    return Context(tflow.tclient_conn(), PROGRAM.options)


def test_the_version_that_all_of_this_was_read_in():
    assert version("mitmproxy").startswith("12.2.")


# layers/: what is read has a limit, what fails gets our answer

STREAM = [
    ("state_wait_for_request_headers", ["self", "event"], "a body is asked for before its length was judged"),
    ("check_invalid", ["self", "request"], "a request that can be read in two ways gets mitmproxy's page"),
    ("start_request_stream", ["self"], "a line of the log for each request"),
    ("make_server_connection", ["self"], "an origin works on for somebody who was refused meanwhile"),
    ("state_stream_request_body", ["self", "event"], "a body without a length is passed on without an end"),
    ("state_consume_request_body", ["self", "event"], "a refused body is kept in memory to its last byte"),
    ("state_wait_for_response_headers", ["self", "event"], "an origin's ambiguous head gets mitmproxy's page"),
    ("start_response_stream", ["self"], "a line of the log for each answer"),
    ("state_stream_response_body", ["self", "event"], "options are looked up for every piece of an answer"),
    ("send_response", ["self", "already_streamed"], "an answer's end waits for a request that waits for it"),
    ("flow_done", ["self"], "a WebSocket is mitmproxy's, and bounds nothing"),
    ("handle_protocol_error", ["self", "event"], "an origin that is away gets mitmproxy's page"),
    ("check_killed", ["self", "emit_error_hook"], "a stream of HTTP/2 that was killed is known for ever"),
    ("state_consume_response_body", ["self", "event"], "an answer without a body has no next step"),
    ("state_errored", ["self", "_"], "an answer of ours goes on to be judged as the origin's"),
    ("state_done", ["self", "_"], "an unfinished request is taken for a finished one"),
    ("passthrough", ["self", "event"], "a WebSocket hears nothing"),
]


@pytest.mark.parametrize(("name", "given", "holds_up"), STREAM, ids=[row[0] for row in STREAM])
def test_the_steps_of_a_request(name, given, holds_up):
    assert parameters(getattr(HttpStream, name)) == given, holds_up


REPLACED = [
    (ours, theirs, name)
    for ours, theirs in (
        (GateStream, HttpStream),
        (GateLayer, HttpLayer),
        (Http1Front, _http1.Http1Server),
        (Http1Back, _http1.Http1Client),
        (Http2Front, _http2.Http2Server),
        (GateWebsocket, websocket.WebsocketLayer),
        (Bounded, _http_h2.BufferedH2Connection),
    )
    for name in vars(ours)
    if hasattr(theirs, name) and name[0] != "_" and callable(getattr(theirs, name))
]


@pytest.mark.parametrize(("ours", "theirs", "name"), REPLACED, ids=[f"{row[0].__name__}.{row[2]}" for row in REPLACED])
def test_what_we_replace_is_still_asked(ours, theirs, name):
    """By another step, or as the state that the next event goes to; a method that nobody calls would do nothing."""
    asked = "".join(source(sys.modules[one.__module__]) for one in (*theirs.__mro__[:-1], *ours.__mro__[:1]))
    assert re.search(rf"(?<!def )\b{name}\b", asked), name


def test_a_request_has_the_parts_that_we_read():
    stream = HttpStream(context(), 1)
    assert stream.stream_id == 1
    assert callable(stream.client_state)
    assert callable(stream.server_state)
    assert len(stream.request_body_buf) == 0
    stream.request_body_buf.clear()


def test_a_layer_waits_while_a_hook_is_not_done():
    """By which a body is left unread until its request is worked on, and its bytes are counted once."""
    assert HttpStream(context(), 1)._paused is None
    assert "if self._paused:" in source(layer.Layer.handle_event)
    assert "self._paused_event_queue.append" in source(layer.Layer.handle_event)


def test_a_refusal_is_sent_when_its_body_has_ended_and_not_before():
    """Why `state_consume_request_body` is replaced: mitmproxy keeps the body, whoever answers."""
    code = source(HttpStream.state_consume_request_body)
    assert "self.request_body_buf" in code
    assert "RequestEndOfMessage" in code


def test_what_of_a_step_we_leave_out():
    """Replaced steps are ours to keep up: where mitmproxy does more in one, we have to look whether it matters."""
    code = source(HttpStream.state_wait_for_request_headers)
    steps = re.findall(r"yield from self\.(\w+)|yield (\w+)", code)
    assert [one or other for one, other in steps] == [
        "check_invalid", "handle_connect", "SendHttp", "check_body_size", "HttpRequestHeadersHook", "check_killed",
        "SendHttp", "start_request_stream",
    ]  # fmt: skip
    code = source(HttpStream.state_wait_for_response_headers)
    steps = re.findall(r"yield from self\.(\w+)|yield (\w+)", code)
    assert [one or other for one, other in steps] == [
        "check_body_size", "check_invalid", "HttpResponseHeadersHook", "check_killed", "start_response_stream",
    ]  # fmt: skip


def test_what_of_an_answers_end_we_leave_out():
    """An answer that was passed on as it came is ended by ours, unless it has trailers or becomes a WebSocket."""
    code = source(HttpStream.send_response)
    steps = re.findall(r"yield from self\.(\w+)|yield (\w+)", code)
    assert [one or other for one, other in steps] == [
        "HttpResponseHook", "check_killed", "SendHttp", "SendHttp", "SendHttp", "flow_done",
    ]  # fmt: skip
    assert code.index("already_streamed:") < code.index("SendHttp") < code.index("trailers:") < code.index("flow_done")
    assert "status_code == 101" in code


def test_what_we_make_without_its_constructor():
    """For speed. It has these parts and no others; what is made in layers/made.py has its tests beside it."""
    assert list(vars(http.Headers([(b"a", b"b")]))) == ["fields"]
    assert layer.Paused._fields == ("command", "generator")


def test_streams_are_made_in_one_place():
    code = source(HttpLayer)
    assert "self.make_stream(" in code, "every request must be a GateStream"
    assert "HttpStream(" in source(HttpLayer.make_stream)
    assert code.count("HttpStream(") == 1, "a stream that is made elsewhere has none of our cures"
    assert parameters(HttpLayer.make_stream) == ["self", "stream_id"]
    assert parameters(HttpLayer.event_to_child) == ["self", "child", "event"]


def test_a_layer_of_ours_makes_streams_of_ours():
    made = GateLayer(context(), Said(Limits()))
    assert made.mode is HTTPMode.transparent, "in reverse mode the Host header would be mitmproxy's to set"
    list(made.make_stream(7))
    assert isinstance(made.streams[7], GateStream)


def test_a_layers_events_go_to_whoever_asked_for_them():
    made = HttpLayer(context(), HTTPMode.transparent)
    assert (made.command_sources, made.connections, dict(made.waiting_for_establishment)) == ({}, {}, {})
    code = source(HttpLayer._handle_event)
    assert "self.command_sources.pop(event.command)" in code
    assert "self.connections[event.connection]" in code


def test_connections_to_origins_are_made_in_one_place():
    """Which is ours: one that was made elsewhere would send an HTTP/2 body to an origin without framing: smuggling."""
    assert parameters(HttpLayer.register_connection) == ["self", "command"]
    assert parameters(HttpLayer.get_connection) == ["self", "event", "reuse"]
    code = source(HttpLayer)
    assert code.count("HttpClient(") == 1
    assert "HttpClient(" in source(HttpLayer.get_connection)
    assert set(inspect.signature(RegisterHttpConnection).parameters) == {"connection", "err"}


def test_how_a_connection_to_an_origin_is_asked_for_and_had():
    asked = GetHttpConnection(("a", 1), False, None)
    assert (asked.address, asked.tls, asked.blocking) == (("a", 1), False, True)
    assert asked.connection_spec_matches(connection.Server(address=("a", 1)))
    assert not asked.connection_spec_matches(connection.Server(address=("a", 2)))
    assert parameters(GetHttpConnectionCompleted) == ["command", "reply"]
    code = source(HttpStream.make_server_connection)
    assert "connection, err = yield GetHttpConnection(" in code
    assert "self.context.server = self.flow.server_conn = connection" in code
    code = source(HttpClient._handle_event)
    steps = [code.index(step) for step in ("OpenConnection", "h2", "RegisterHttpConnection")]
    assert steps == sorted(steps)


def test_what_is_offered_to_an_origin_is_said_by_its_connection():
    """To the hook that makes its TLS in mitmproxy's own programs; their layer says in `alpn` what was agreed on."""
    made = connection.Server(address=("a", 1))
    assert (tuple(made.alpn_offers), made.alpn) == ((), None)
    assert "self.conn.alpn = " in source(tls.TLSLayer)


def test_h2_would_lose_the_answers_of_an_origin_that_leaves():
    """Why its GOAWAY is read past h2."""
    assert parameters(H2Connection._receive_goaway_frame) == ["self", "frame"]
    assert "self._receive_goaway_frame" in source(H2Connection.__init__)
    assert "ConnectionInputs.RECV_GOAWAY" in source(H2Connection._receive_goaway_frame)


def test_what_is_sent_to_a_client():
    assert parameters(SendHttp) == ["event", "connection"]
    assert parameters(DropStream) == ["stream_id"]
    assert parameters(HttpErrorHook) == ["flow"]
    assert parameters(_events.ResponseHeaders) == ["stream_id", "response", "end_stream"]
    assert parameters(_events.ResponseData) == ["stream_id", "data"]
    assert parameters(_events.ResponseEndOfMessage) == ["stream_id"]
    assert parameters(_events.ResponseProtocolError)[:3] == ["stream_id", "message", "code"]
    assert parameters(_base.ReceiveHttp) == ["event"]
    assert _events.ErrorCode.RESPONSE_VALIDATION_FAILED


def test_an_event_of_ours_goes_down_through_tls():
    """It must be none of a connection's: a layer of TLS takes those for its own."""
    for ours in (Drain, TooSlow, CloseWebsocket):
        assert not issubclass(ours, events.ConnectionEvent | events.CommandCompleted)
    assert "yield from self.event_to_child(event)" in source(tunnel.TunnelLayer._handle_event)
    assert issubclass(Refuse, _base.HttpEvent)
    assert "isinstance(command, ReceiveHttp)" in source(HttpLayer.event_to_child)


CONNECTION = ("stream_id", "request", "response", "request_done", "response_done", "state", "buf", "conn")


@pytest.mark.parametrize("kind", [_http1.Http1Server, _http1.Http1Client])
@pytest.mark.parametrize("name", CONNECTION)
def test_an_http_1_connection_has_the_parts_that_we_read(kind, name):
    assert hasattr(kind(context()), name), "of a replaced step the next one would not hear"


def test_a_pipe_is_made_of_what_is_in_the_buffer():
    code = source(_http1.Http1Connection.make_pipe)
    assert "self.state = self.passthrough" in code
    assert "self.buf.maybe_extract_at_most(len(self.buf))" in code


def test_where_a_message_ends_is_said_by_these_parts_of_it_alone():
    """Which stand in for the whole of it, for speed."""
    code = re.sub(r"#.*", "", source(http1.expected_http_body_size))
    assert set(re.findall(r"(?:request|response)\.(\w+)", code)) == {"headers", "method", "status_code"}
    assert set(re.findall(r'"([a-z]+-[a-z]+)"', code)) == {"transfer-encoding", "content-length"}


def test_h11_reads_from_a_buffer_like_ours():
    """h11's own buffer, of which ours is one, has these; its readers read from nothing else."""
    made = _receivebuffer.ReceiveBuffer()
    assert (made._data, made._next_line_search, made._multiple_lines_search) == (bytearray(), 0, 0)
    assert parameters(made._extract) == ["count"]
    code = source(_readers.ChunkedReader) + source(_readers.ContentLengthReader) + source(_readers.Http10Reader)
    assert set(re.findall(r"buf\.(\w+)", code)) == {
        "maybe_extract_lines", "maybe_extract_at_most", "maybe_extract_next_line",
    }  # fmt: skip
    assert "return None" in source(_readers.ChunkedReader.__call__), "a line without an end is not known as one"


H2 = [
    ("incoming_buffer", "a head in endless CONTINUATION frames is kept"),
    ("decoder", "header lists have mitmproxy's limit"),
    ("max_inbound_frame_size", "frames have mitmproxy's limit, eight times ours"),
    ("local_settings", "windows are mitmproxy's: two gigabytes"),
    ("stream_buffers", "what waits for a client's window is not counted"),
    ("state_machine", "a connection is ended twice"),
    ("streams", "a stream that has ended is taken for one that has not"),
]


@pytest.mark.parametrize(("name", "holds_up"), H2, ids=[row[0] for row in H2])
def test_an_http_2_connection_has_the_parts_that_we_read(name, holds_up):
    assert hasattr(_http_h2.BufferedH2Connection(H2Configuration(client_side=False)), name), holds_up


def test_h2_keeps_a_frame_and_a_head_that_are_not_whole():
    made = H2Connection(H2Configuration(client_side=False)).incoming_buffer
    assert (made._data, made._headers_buffer) == (bytearray(), [])


def test_what_waits_for_a_window_is_kept_where_we_count():
    code = source(_http_h2.BufferedH2Connection)
    assert set(re.findall(r"self\.stream_buffers\[stream_id\]\.(\w+)\(", code)) == {"append", "appendleft", "popleft"}
    assert parameters(_http_h2.SendH2Data) == ["data", "end_stream"]


def test_h2_cannot_say_goodbye_and_go_on():
    """Why GOAWAY is written past h2, where what is under way is to be answered."""
    made = H2Connection(H2Configuration(client_side=False))
    made.initiate_connection()
    made.close_connection()
    assert made.state_machine.state is H2State.CLOSED


def test_an_http_2_layer_has_the_parts_that_we_set():
    made = _http2.Http2Server(context())
    assert (made.streams, made.is_closed(1), made.is_open_for_us(1)) == ({}, True, False)
    assert parameters(_http2.Http2Connection.close_connection) == ["self", "msg"]
    assert parameters(_http2.Http2Connection.protocol_error) == ["self", "message", "error_code"]
    assert parameters(_http2.Http2Connection.handle_h2_event) == ["self", "event"]
    assert _http2.StreamState.HEADERS_RECEIVED
    assert parameters(_http2.parse_h2_request_headers) == ["h2_headers"]


def test_a_websocket_has_the_parts_that_we_set():
    assert parameters(websocket.WebsocketLayer.__init__) == ["self", "context", "flow"]
    assert parameters(websocket.WebsocketConnection.send2) == ["self", "event"]
    assert websocket.Fragmentizer([b"a", b"bc"], False).fragment_lengths == [1, 2]
    for hook in (websocket.WebsocketStartHook, websocket.WebsocketMessageHook, websocket.WebsocketEndHook):
        assert parameters(hook) == ["flow"]
    code = source(HttpStream.passthrough)
    assert "ErrorCode.PASSTHROUGH_CLOSE" in code, "the last frame would be lost where the socket closes at once"


def test_wsprotos_compression_has_the_parts_that_we_set():
    made = PerMessageDeflate()
    assert (made._compressor, made._decompressor, made._inbound_compressed) == (None, None, None)
    code = source(FrameDecoder)
    for name in ("frame_inbound_header", "frame_inbound_payload_data", "frame_inbound_complete"):
        assert f"extension.{name}(" in code, "a message grows beyond its limit while it is decompressed"
    assert code.count("raise ParseFailed(msg, ") >= 3, "a message that is too big does not end the WebSocket"
    assert "yield CloseConnection(code=exc.code" in source(WsConnection.events)


def test_a_clients_handshake_needs_no_reading_of_its_first_message():
    """mitmproxy's layer for clients reads it by itself; ours goes on to the one below, which leaves it to OpenSSL."""
    made = tls.ClientTLSLayer(with_layers())
    assert made.tls is None
    assert "self.tls = tls_start.ssl_conn" in source(tls.TLSLayer.start_tls)
    code = source(tls.TLSLayer.receive_handshake_data)
    assert "self.tls.bio_write(data)" in code
    assert "self.tls.do_handshake()" in code
    assert "sni" not in code, "the host that was asked for would be set twice"
    assert parameters(tls.TLSLayer.receive_handshake_data) == ["self", "data"]


def test_openssl_says_how_much_is_in_its_buffers():
    """Without it, each read and each write would end in an exception that says that there is no more."""
    made = SSL.Connection(SSL.Context(SSL.TLS_SERVER_METHOD))
    assert SSL._lib.BIO_get_mem_data(made._into_ssl, SSL._ffi.NULL) == 0
    made.bio_write(b"12345")
    assert SSL._lib.BIO_get_mem_data(made._into_ssl, SSL._ffi.NULL) == 5
    assert SSL._lib.BIO_get_mem_data(made._from_ssl, SSL._ffi.NULL) == 0


def test_openssl_says_what_it_has_against_a_certificate():
    assert SSL._ffi.string(SSL._lib.X509_verify_cert_error_string(10)) == b"certificate has expired"


def test_a_handshake_that_fails_is_closed_below_us():
    """Before that ours sends the alert, which mitmproxy leaves in OpenSSL's buffer."""
    assert "tls_interact" not in source(tls.TLSLayer.on_handshake_error)
    assert "yield commands.CloseConnection(self.tunnel_connection)" in source(tunnel.TunnelLayer.on_handshake_error)


def test_tls_that_is_given_is_not_made_again():
    assert "if tls_start.ssl_conn is not None:\n            return" in source(tlsconfig.TlsConfig.tls_start_client)


def with_layers():
    given = context()
    given.layers.append(layer.NextLayer(given))
    return given


def test_a_stack_of_layers_is_built_from_below():
    lower = first_layer(with_layers(), b"\x16\x03\x01", Said(Limits()))
    assert isinstance(lower, ClientTLSLayer)
    assert isinstance(lower.child_layer, GateLayer)
    assert isinstance(first_layer(with_layers(), b"GET", Said(Limits())), GateLayer)


@pytest.mark.parametrize(
    "fields",
    [
        [(b"Content-Length", b"1"), (b"Content-Length", b"2")],
        [(b"Content-Length", b"1"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding ", b"chunked")],
    ],
    ids=["two lengths", "length and coding", "a space in the name"],
)
def test_an_ambiguous_head_is_known_as_one(fields):
    response = http.Response.make(200)
    response.headers = http.Headers(fields)
    with pytest.raises(ValueError, match=r".+"):
        validate_headers(response)


def test_a_request_that_is_none_is_known_as_one():
    asked = tflow.treq(method=b"CONNECT", authority=b"a:80")
    assert validate_request(HTTPMode.transparent, asked, True)
    assert validate_request(HTTPMode.transparent, tflow.treq(), True) is None


# addon.py: the order of hooks, and what they may set


def test_our_layer_may_be_chosen_before_mitmproxys_addon_chooses():
    made = layer.NextLayer(context())
    assert (made.layer, made.data_client()) == (None, b"")
    ours = made.layer = GateLayer(context(), Said(Limits()))
    next_layer.NextLayer().next_layer(made)
    assert made.layer is ours, "mitmproxy would put its own layer in place of ours"


def test_the_first_choice_is_made_with_one_layer_alone():
    """By which a connection's first layer is told from those above it."""
    from mitmproxy.proxy.layers.modes import ReverseProxy

    given = context()
    assert ReverseProxy(given).context.layers == given.layers
    assert len(given.layers) == 1


def test_a_tls_connection_of_ours_is_left_alone():
    assert "ssl_conn is not None" in source(tlsconfig.TlsConfig.tls_start_server), "the origin's trust would be global"


def test_a_connection_that_a_hook_refuses_is_not_made():
    assert parameters(server_hooks.ServerConnectionHookData) == ["server", "client"]
    code = source(server.ConnectionHandler.open_connection)
    hook, opened = code.index("ServerConnectHook"), code.index("asyncio.open_connection")
    refused = code.index("command.connection.error", hook)
    assert hook < refused < opened, "the guard of `server_connect` would come too late"


def test_a_flow_has_the_parts_that_we_set():
    flow = tflow.tflow()
    flow.request.stream = False
    assert flow.client_conn.id
    assert isinstance(flow.request.headers.fields, tuple)
    assert flow.request.data.path == b"/path"
    assert flow.request.data.authority is not None
    assert connection.Client.tls_established.fget is not None


# loader.py: the place of the gate, and the sockets that mitmproxy leaves open


def test_an_addon_may_be_put_at_any_place_of_the_chain():
    assert parameters(addonmanager.AddonManager.register) == ["self", "addon"]
    assert "self.chain" not in source(addonmanager.AddonManager.register), "it would be in the chain twice"
    assert "addons" in source(addonmanager.traverse), "the gate would not be asked: it is a part of its place"


def test_scripts_are_loaded_by_an_addon_of_this_name():
    assert script.ScriptLoader.__name__ == "ScriptLoader"


def test_the_listener_can_be_asked_for():
    assert parameters(proxyserver.Proxyserver.setup_servers) == ["self"]
    assert inspect.iscoroutinefunction(proxyserver.Proxyserver.setup_servers)
    made = proxyserver.Proxyserver()
    assert made.connections == {}
    assert list(made.servers) == []
    for name in ("is_running", "last_exception"):
        assert name in dir(mode_servers.ServerInstance) or name in mode_servers.ServerInstance.__annotations__, name


def test_a_connections_socket_can_be_closed():
    """mitmproxy leaves the socket of a connection open whose end was asked for while its reader waited."""
    assert "transports" in source(server.ConnectionHandler.__init__)
    assert set(parameters(server.ConnectionIO)) >= {"handler", "reader", "writer"}


def test_an_event_can_be_sent_to_the_layers_of_a_connection():
    """stock.py: without it an open WebSocket stays open when its session ends."""
    assert parameters(proxyserver.Proxyserver.inject_event) == ["self", "event"]
    code = source(proxyserver.Proxyserver.inject_event)
    assert "self.connections[connection_id].server_event(event)" in code
    assert set(re.findall(r"event\.(\w+)", code)) == {"flow"}, "our event has nothing else of mitmproxy's"
    assert '"Flow is not from a live connection."' in code
    assert "self.layer.handle_event(event)" in source(server.ConnectionHandler.server_event)


def test_a_connection_ends_with_the_task_that_reads_it():
    """stock.py: otherwise nobody hangs up on a client that does not close."""
    assert "asyncio.CancelledError" in source(server.ConnectionHandler.handle_connection)
    assert "io.handler.cancel(" in source(server.ConnectionHandler.handle_client), "its origins would stay"


def test_a_change_of_options_is_taken_back_where_an_addon_objects():
    assert parameters(optmanager.OptManager.rollback) == ["self", "updated", "reraise"]
    assert "reraise=True" in source(optmanager.OptManager.update_known)


# masters.py


def test_mitmwebs_master_runs_in_our_process():
    assert "with_termlog" in parameters(WebMaster.__init__)
    assert isinstance(WebMaster.web_url, property)


def test_a_program_with_an_ipv6_listener_has_its_address_without_brackets():
    from mitmproxy.proxy.mode_specs import ProxyMode

    assert ProxyMode.parse("reverse:http://x:1@::1:8443").listen_host() == "::1"
    assert ProxyMode.parse("reverse:http://x:1@[::1]:8443").listen_host() == "[::1]", "brackets are taken now"


# tls.py: pyOpenSSL has no public way to check a name


@pytest.mark.parametrize(
    "name",
    ["SSL_get0_param", "X509_VERIFY_PARAM_set_hostflags", "X509_VERIFY_PARAM_set1_host", "X509_VERIFY_PARAM_set1_ip"],
)
def test_openssl_checks_names_for_us(name):
    assert callable(getattr(SSL._lib, name)), "any certificate of a trusted CA would do for any origin"


def test_pyopenssl_lets_us_at_them():
    made = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
    assert SSL._lib.SSL_get0_param(made._ssl)
    with pytest.raises(SSL.Error):
        SSL._openssl_assert(False)


def test_mitmproxy_reads_by_recv_and_asks_for_the_shutdown():
    """Where both are replaced, so that an origin's alert ends a request."""
    assert "self.tls.recv(" in source(tls.TLSLayer.receive_data)
    assert "SSL.ZeroReturnError" in source(tls.TLSLayer.receive_data)
    assert "self.tls.get_shutdown()" in source(tls.TLSLayer.receive_close)


# record: mitmproxy's own log lines hold raw heads


def test_mitmproxys_lines_come_by_the_root_logger(caplog):
    with caplog.at_level(logging.INFO):
        logging.getLogger("mitmproxy.proxy.server").info("a line")
    assert "a line" in caplog.text
