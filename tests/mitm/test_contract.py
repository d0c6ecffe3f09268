"""What the gate leans on in mitmproxy and pyOpenSSL beyond what they document: a row for each, and what it holds up.

When one of these fails, a new version changed something. Read what the row says, then the code that names it.
"""

import inspect
import logging
from importlib.metadata import version

import pytest
from mitmproxy import addonmanager, connection, http, optmanager
from mitmproxy.addons import next_layer, proxyserver, script, tlsconfig
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.options import Options
from mitmproxy.proxy import layer, mode_servers, server, server_hooks
from mitmproxy.proxy.layers import ClientTLSLayer, tls
from mitmproxy.proxy.layers.http import DropStream, HttpLayer, HTTPMode, HttpStream, SendHttp, _events
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook
from mitmproxy.test import tflow
from mitmproxy.tools.web.master import WebMaster
from OpenSSL import SSL

from glassgate.mitm.layers import GateLayer, GateStream, first_layer


def source(thing):
    return inspect.getsource(thing)


def parameters(call):
    return list(inspect.signature(call).parameters)


def context():
    from mitmproxy.proxy.context import Context

    return Context(tflow.tclient_conn(), Options())


def test_the_version_that_all_of_this_was_read_in():
    assert version("mitmproxy").startswith("12.2.")


# layers.py: bodies are framed, refused ones cut off, failures get our page

STREAM = [
    ("start_request_stream", ["self"], "an HTTP/2 body goes to an origin without framing: smuggling"),
    ("state_consume_request_body", ["self", "event"], "a refused body is kept in memory to its last byte"),
    ("state_wait_for_response_headers", ["self", "event"], "an origin's ambiguous head gets mitmproxy's page"),
    ("handle_protocol_error", ["self", "event"], "an origin that is away gets mitmproxy's page"),
    ("state_errored", ["self", "_"], "an answer of ours goes on to be judged as the origin's"),
    ("state_done", ["self", "_"], "an unfinished request is taken for a finished one"),
]


@pytest.mark.parametrize(("name", "given", "holds_up"), STREAM, ids=[row[0] for row in STREAM])
def test_the_steps_of_a_request(name, given, holds_up):
    assert parameters(getattr(HttpStream, name)) == given, holds_up


@pytest.mark.parametrize("name", [name for name in vars(GateStream) if name in vars(HttpStream) and name[0] != "_"])
def test_what_we_replace_is_still_asked(name):
    """By another step, or as the state that the next event goes to; a method that nobody calls would do nothing."""
    assert f"self.{name}" in source(HttpStream).replace(f"def {name}", ""), name


def test_a_request_has_the_parts_that_we_read():
    stream = HttpStream(context(), 1)
    assert stream.stream_id == 1
    assert callable(stream.client_state)
    assert callable(stream.server_state)
    assert len(stream.request_body_buf) == 0
    stream.request_body_buf.clear()


def test_a_refusal_is_sent_when_its_body_has_ended_and_not_before():
    """Why `state_consume_request_body` is replaced: mitmproxy keeps the body, whoever answers."""
    code = source(HttpStream.state_consume_request_body)
    assert "self.request_body_buf" in code
    assert "RequestEndOfMessage" in code


def test_streams_are_made_in_one_place():
    code = source(HttpLayer)
    assert "self.make_stream(" in code, "every request must be a GateStream"
    assert "HttpStream(" in source(HttpLayer.make_stream)
    assert code.count("HttpStream(") == 1, "a stream that is made elsewhere has none of our cures"
    assert parameters(HttpLayer.make_stream) == ["self", "stream_id"]
    assert parameters(HttpLayer.event_to_child) == ["self", "child", "event"]


def test_a_layer_of_ours_makes_streams_of_ours():
    made = GateLayer(context(), lambda flow: None)
    assert made.mode is HTTPMode.transparent, "in reverse mode the Host header would be mitmproxy's to set"
    list(made.make_stream(7))
    assert isinstance(made.streams[7], GateStream)


def test_what_is_sent_to_a_client():
    assert parameters(SendHttp) == ["event", "connection"]
    assert parameters(DropStream) == ["stream_id"]
    assert parameters(HttpErrorHook) == ["flow"]
    assert parameters(_events.ResponseHeaders) == ["stream_id", "response", "end_stream"]
    assert parameters(_events.ResponseData) == ["stream_id", "data"]
    assert parameters(_events.ResponseEndOfMessage) == ["stream_id"]
    assert parameters(_events.ResponseProtocolError)[:3] == ["stream_id", "message", "code"]
    assert _events.ErrorCode.RESPONSE_VALIDATION_FAILED


def test_a_stack_of_layers_is_built_from_below():
    def away(flow):
        return None

    given = context()
    given.layers.append(layer.NextLayer(given))
    lower = first_layer(given, b"\x16\x03\x01", away)
    assert isinstance(lower, ClientTLSLayer)
    assert isinstance(lower.child_layer, GateLayer)
    plain = context()
    plain.layers.append(layer.NextLayer(plain))
    assert isinstance(first_layer(plain, b"GET", away), GateLayer)


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


# addon.py: the order of hooks, and what they may set


def test_our_layer_may_be_chosen_before_mitmproxys_addon_chooses():
    made = layer.NextLayer(context())
    assert (made.layer, made.data_client()) == (None, b"")
    ours = made.layer = GateLayer(context(), lambda flow: None)
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
