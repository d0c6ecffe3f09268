"""mitmproxy's options: those that undo the gate are refused by name, and a new one is looked at before it is let be."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from mitmproxy.addons.core import Core
from mitmproxy.addons.next_layer import NextLayer
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy import mode_specs
from mitmproxy.tools.dump import DumpMaster
from mitmproxy.tools.web.master import WebMaster

from glassgate.config.settings import Endpoint, Settings
from glassgate.errors import StartError
from glassgate.mitm import options
from mitm.harness import free_port

SETTINGS = Settings(
    path=Path("config.yaml"), team=Endpoint("team.localhost", 8443), listen=Endpoint("127.0.0.1", 8443),
    certificates=(Path("/certs/edge.pem"), Path("/certs/two.pem")), ca=Path("/certs/ca.pem"), state=Path("/state"),
    store="memory:", session_duration=86400, providers=(), apps=(),
)  # fmt: skip

# Of no matter for what is judged and what is sent. An option that is neither here nor in the tables of options.py is
# new: what can it do to a request that was judged?
HARMLESS = {
    "block_private", "cert_passphrase", "ciphers_client", "ciphers_server", "client_replay_concurrency",
    "command_history", "confdir", "connect_addr", "console_focus_follow", "content_view_lines_cutoff",
    "dns_name_servers", "dns_use_hosts_file", "dumper_default_contentview", "dumper_filter",
    "export_preserve_original_ip", "http2_ping_keepalive", "http3", "http_connect_send_host_header",
    "intercept_active", "keep_alt_svc_header", "keepserving", "key_size", "listen_host", "listen_port",
    "onboarding", "onboarding_host", "protobuf_definitions", "readfile_filter", "save_stream_filter", "scripts",
    "server", "server_replay_extra", "server_replay_ignore_content", "server_replay_ignore_host",
    "server_replay_ignore_params", "server_replay_ignore_payload_params", "server_replay_ignore_port",
    "server_replay_kill_extra", "server_replay_nopop", "server_replay_refresh", "server_replay_reuse",
    "server_replay_use_headers", "show_ignored_hosts", "showhost", "ssl_verify_upstream_trusted_ca",
    "ssl_verify_upstream_trusted_confdir", "strip_ech", "tcp_timeout", "tls_ecdh_curve_client",
    "tls_ecdh_curve_server", "tls_version_client_max", "tls_version_client_min", "tls_version_server_max",
    "tls_version_server_min", "upstream_cert", "view_filter", "view_order", "view_order_reversed",
    "web_columns", "web_debug", "web_host", "web_open_browser", "web_password", "web_port", "web_static_viewer",
}  # fmt: skip


def known():
    """The options of mitmdump and mitmweb, with their defaults."""

    async def main():
        masters = [made(Options(), with_termlog=False) for made in (DumpMaster, WebMaster)]
        return {name: getattr(master.options, name) for master in masters for name in master.options.keys()}  # noqa: SIM118

    return asyncio.run(main())


def test_every_option_of_mitmproxys_programs_was_looked_at():
    tables = {*options.OFF, *options.ON, *options.needed(SETTINGS)}
    assert tables - set(known()) == set(), "no such option: it would never be refused"
    assert set(known()) - tables - HARMLESS == set()


def test_its_defaults_are_not_refused():
    """All but those that the gate sets itself."""
    options.refuse_dangerous({**known(), **options.needed(SETTINGS)})


@pytest.mark.parametrize("name", options.OFF)
def test_each_dangerous_option_is_refused_by_its_name(name):
    for value in (True, ["x"], "x"):
        with pytest.raises(StartError) as refused:
            options.refuse_dangerous({name: value})
        assert f"{name} (" in refused.value.what
        assert refused.value.mend
    for value in (False, None, [], ""):
        options.refuse_dangerous({name: value})


@pytest.mark.parametrize("name", options.ON)
def test_each_safeguard_that_is_off_is_refused_by_its_name(name):
    with pytest.raises(StartError, match=f"{name}=false"):
        options.refuse_dangerous({name: False})
    options.refuse_dangerous({name: True})


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(StartError) as refused:
        options.refuse_dangerous({"map_remote": ["x"], "rawtcp": True, "http2": False})
    assert all(name in refused.value.what for name in ("map_remote", "rawtcp", "http2=false"))


LISTENS = [
    ("IPv4", "127.0.0.1", "reverse:http://gate.invalid:1@127.0.0.1:8443"),
    ("IPv6", "::1", "reverse:http://gate.invalid:1@::1:8443"),
    ("a name", "localhost", "reverse:http://gate.invalid:1@localhost:8443"),
    ("everywhere", "0.0.0.0", "reverse:http://gate.invalid:1@0.0.0.0:8443"),
]


@pytest.mark.parametrize(("host", "mode"), [row[1:] for row in LISTENS], ids=[row[0] for row in LISTENS])
def test_the_listener_is_the_configurations_and_its_upstream_leads_nowhere(host, mode):
    settings = replace(SETTINGS, listen=Endpoint(host, 8443))
    made = Options()
    options.set_needed(made, settings)
    assert made.mode == [mode]
    parsed = mode_specs.ProxyMode.parse(mode)
    assert (parsed.custom_listen_host, parsed.custom_listen_port) == (host, 8443)
    options.check_listener(made, settings.listen)


def test_every_certificate_is_given_for_every_name():
    made = Options()
    options.set_needed(made, SETTINGS)
    assert made.certs == ["*=/certs/edge.pem", "*=/certs/two.pem"]


def test_what_a_front_end_does_not_know_is_left_out():
    made = Options()
    assert "flow_detail" not in made
    options.set_needed(made, SETTINGS)
    assert "flow_detail" not in made
    assert made.rawtcp is False


LISTENER = Endpoint("127.0.0.1", 8443)
ASKED = [
    ("as configured", {"mode": ["reverse:http://127.0.0.1:9000@127.0.0.1:8443"]}, LISTENER, True),
    ("the mode alone", {"mode": ["reverse:http://127.0.0.1:9000"]}, LISTENER, True),
    ("the port alone", {"mode": ["reverse:http://x:1@8443"]}, LISTENER, True),
    ("as configured, by options", {"listen_host": "127.0.0.1", "listen_port": 8443}, LISTENER, True),
    ("IPv6", {"mode": ["reverse:http://x:1@[::1]:8443"]}, Endpoint("::1", 8443), True),
    ("IPv6 as mitmproxy has it", {"mode": ["reverse:http://x:1@::1:8443"]}, Endpoint("::1", 8443), True),
    ("IPv6 by options", {"listen_host": "::1"}, Endpoint("::1", 8443), True),
    ("another port", {"mode": ["reverse:http://x:1@127.0.0.1:9443"]}, LISTENER, False),
    ("another host", {"mode": ["reverse:http://x:1@0.0.0.0:8443"]}, LISTENER, False),
    ("another port by options", {"listen_port": 9443}, LISTENER, False),
    ("another host by options", {"listen_host": "0.0.0.0"}, LISTENER, False),
    ("another IPv6 host", {"mode": ["reverse:http://x:1@[::2]:8443"]}, Endpoint("::1", 8443), False),
    ("two modes", {"mode": ["reverse:http://x:1", "reverse:http://y:1"]}, LISTENER, False),
]


@pytest.mark.parametrize(("given", "listen", "good"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED])
def test_a_command_line_that_asks_for_another_listener_is_refused_with_the_mend(given, listen, good):
    made = Options(**{"mode": ["reverse:http://x:1"], **given})
    if good:
        options.check_listener(made, listen)
        return
    with pytest.raises(StartError) as refused:
        options.check_listener(made, listen)
    assert f"for {listen}" in refused.value.what
    assert f"@{listen.host}:{listen.port}" in refused.value.mend


def test_it_listens_on_an_ipv6_address():
    """The address of the mode, as mitmproxy itself binds it."""
    settings = replace(SETTINGS, listen=Endpoint("::1", free_port()), certificates=())

    async def main():
        proxy = Proxyserver()
        master = Master(Options(), asyncio.get_running_loop())
        master.addons.add(Core(), proxy, NextLayer())
        options.set_needed(master.options, settings)
        await master.running()
        try:
            await proxy.setup_servers()
            return [(instance.last_exception, instance.listen_addrs) for instance in proxy.servers]
        finally:
            master.options.update(server=False)
            await proxy.setup_servers()

    [(fault, addresses)] = asyncio.run(main())
    assert fault is None
    assert [address[:2] for address in addresses] == [("::1", settings.listen.port)]
