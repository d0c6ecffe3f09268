"""Entra's ways, end to end at the lab's tenant: many groups, several tenants, accounts that end, keys that change,
faults on command. Nothing here is a part of the product that stands in for another."""

import json
import re
import time

import pytest
from click.testing import CliRunner

from glassgate.cli.main import commands
from journeys.visitor import Visitor

STAFF = "1f6b2c44-9f7e-4a53-8b0a-3f9d0c5e7a01"
FABRIKAM = "0d4e2f7a-6c1b-4b8e-9a3d-5f2c7e9b1a44"
PROGRAMS = {"Accept": "application/json"}


def lab(demo, *words):
    """`glassgate lab …` while the gate runs, which is another process."""
    done = CliRunner().invoke(commands, ["lab", *words, "-c", str(demo.config)])
    assert done.exit_code == 0, done.output


def logged(demo, **wanted):
    """The audit log's lines with these fields, once there is one: it is written beside the requests."""
    path, until = demo.folder / "state" / "audit.jsonl", time.monotonic() + 10
    while True:
        whole = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
        found = [line for line in map(json.loads, whole) if wanted.items() <= line.items()]
        if found or time.monotonic() > until:
            return found
        time.sleep(0.02)


def metric(demo, name):
    """A metric's value, by its name with its labels."""
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{demo.metrics_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)


def signed_in(demo, name="alice", host="wiki"):
    visitor = Visitor(demo.ca)
    page = visitor.sign_in(demo.url(host), name)
    assert page.status == 200, page.text[:800]
    return visitor


def token_size(visitor, demo, host="wiki.localhost"):
    return len("CF_Authorization=" + visitor.jars[host]["CF_Authorization"])


# Groups


def crowd(groups_from):
    def edit(config):
        entra = config["identity_providers"][0]
        entra["groups_from"] = groups_from
        alice = config["lab"]["users"][0]
        alice["groups_count"] = 5000

    return edit


CALLS = [("graph", 6), ("check", 1)]


@pytest.mark.parametrize(("groups_from", "calls"), CALLS, ids=[row[0] for row in CALLS])
def test_a_user_in_5000_groups(running_demo, tmp_path, groups_from, calls):
    """The policy by group holds, the cookie stays small, and Graph is asked as little as can be."""
    with running_demo(tmp_path, crowd(groups_from)) as demo:
        alice = signed_in(demo)
        assert token_size(alice, demo) < 1500
        log = (demo.folder / "state" / "lab" / "graph.log").read_text().splitlines()
        assert len(log) == calls, log
        told = json.loads(alice.ask(demo.url("wiki", "/cdn-cgi/access/get-identity"), headers=PROGRAMS).body)
        assert STAFF in [group["id"] for group in told["groups"]]
        assert len(told["groups"]) == (5001 if groups_from == "graph" else 1)


def test_too_many_groups_for_a_token_are_unknown_where_graph_is_not_asked(running_demo, tmp_path):
    with running_demo(tmp_path, crowd("claim")) as demo:
        visitor = Visitor(demo.ca)
        page = visitor.sign_in(demo.url("wiki"), "alice")
        assert page.status == 403
        assert "unknown" in page.text
        assert demo.origin_log("wiki") == []


def test_groups_that_cannot_be_read_let_nobody_in_and_the_log_says_why(running_demo, tmp_path):
    with running_demo(tmp_path, crowd("graph")) as demo:
        lab(demo, "fault", "set", "graph403")
        assert Visitor(demo.ca).sign_in(demo.url("wiki"), "alice").status == 403
        sign_in = logged(demo, Action="login")[0]
        assert "groups_unknown" in sign_in["Details"][0]
        lab(demo, "fault", "clear")
        assert Visitor(demo.ca).sign_in(demo.url("wiki"), "alice").status == 200


def test_a_graph_that_is_busy_is_waited_for(running_demo, tmp_path):
    with running_demo(tmp_path, crowd("check")) as demo:
        lab(demo, "fault", "set", "graph429", "--seconds", "1", "--times", "1")
        assert Visitor(demo.ca).sign_in(demo.url("wiki"), "alice").status == 200


# Sessions


def rechecked(seconds):
    def edit(config):
        config["identity_providers"][0]["recheck"] = f"{seconds}s"

    return edit


def test_a_disabled_account_is_out_within_the_interval(running_demo, tmp_path):
    with running_demo(tmp_path, rechecked(5)) as demo:
        alice, bob = signed_in(demo), signed_in(demo, "bob")
        lab(demo, "user", "disable", "alice")
        began, until = time.monotonic(), time.monotonic() + 20
        while alice.ask(demo.url("wiki"), headers=PROGRAMS).status == 200:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert time.monotonic() - began < 7, "five seconds, and what a request takes"
        assert bob.ask(demo.url("wiki"), headers=PROGRAMS).status == 200
        ended = logged(demo, Action="session_ended")[0]
        assert (ended["Email"], "AADSTS50057" in ended["Details"][0]) == ("alice@contoso.example", True)
        page = Visitor(demo.ca).sign_in(demo.url("wiki"), "alice")
        assert page.url.startswith(demo.url("login"))
        assert "AADSTS50057" in page.text


def test_groups_are_read_anew(running_demo, tmp_path):
    with running_demo(tmp_path, rechecked(5)) as demo:
        alice = signed_in(demo)
        lab(demo, "user", "groups", "alice", "--remove", STAFF)
        until = time.monotonic() + 20
        while alice.ask(demo.url("wiki"), headers=PROGRAMS).status == 200:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert alice.ask(demo.url("wiki"), headers=PROGRAMS).status == 403
        lab(demo, "user", "groups", "alice", "--add", STAFF)
        while alice.ask(demo.url("wiki"), headers=PROGRAMS).status == 403:
            assert time.monotonic() < until + 10
            time.sleep(0.1)


def test_who_was_just_put_into_a_group_asks_anew(running_demo, tmp_path):
    with running_demo(tmp_path) as demo:
        lab(demo, "user", "groups", "alice", "--remove", STAFF)
        alice = Visitor(demo.ca)
        page = alice.sign_in(demo.url("wiki"), "alice")
        assert page.status == 403
        lab(demo, "user", "groups", "alice", "--add", STAFF)
        assert alice.open(demo.url("wiki")).status == 403
        (link,) = re.findall(r'href="([^"]*/refresh-identity)"', page.text)
        page = alice.open(link)
        assert (page.status, page.url) == (200, demo.url("team", "/?done=refreshed")), "no password is asked for"
        assert demo.url("wiki") in page.text
        assert alice.open(demo.url("wiki")).status == 200


def test_a_tenant_that_is_away_ends_no_session(running_demo, tmp_path):
    with running_demo(tmp_path, rechecked(5)) as demo:
        alice = signed_in(demo)
        lab(demo, "fault", "set", "down")
        until = time.monotonic() + 8
        while time.monotonic() < until:
            assert alice.ask(demo.url("wiki"), headers=PROGRAMS).status == 200
            time.sleep(0.2)
        assert len(logged(demo, Action="recheck_failed")) == 1
        assert Visitor(demo.ca).open(demo.url("wiki")).status == 503


def test_a_sign_out_at_the_tenant_ends_the_session_here(running_demo, tmp_path):
    """The tenant's page frames our address with the sid alone; no cookie of ours comes along."""
    with running_demo(tmp_path) as demo:
        alice = signed_in(demo)
        page = alice.ask(demo.url("login", "/8f0c7d52-3b6e-4f6c-9a55-2d1c7e9b4a10/oauth2/v2.0/logout"))
        frame = page.text.partition("<iframe")[2].partition('src="')[2].partition('"')[0].replace("&amp;", "&")
        assert frame.startswith(demo.url("team", "/cdn-cgi/access/frontchannel-logout/entra?sid="))
        assert alice.ask(demo.url("wiki"), headers=PROGRAMS).status == 200
        framed = Visitor(demo.ca).ask(frame, headers={"Accept": "text/html", "Sec-Fetch-Dest": "iframe"})
        assert framed.status == 200
        assert f"frame-ancestors https://login.localhost:{demo.port}" in framed.headers["Content-Security-Policy"]
        assert alice.ask(demo.url("wiki"), headers=PROGRAMS).status == 401


# Keys


def test_a_key_rollover_in_mid_traffic_fails_no_request(running_demo, tmp_path):
    with running_demo(tmp_path, rechecked(5)) as demo:
        alice = signed_in(demo)
        for _ in range(3):
            lab(demo, "keys", "rotate")
            for name in ("alice", "bob"):
                signed_in(demo, name)
            assert alice.ask(demo.url("wiki"), headers=PROGRAMS).status == 200
            time.sleep(0.5)
        failures = [line for line in logged(demo, Action="login") if not line["Allowed"]]
        assert failures == []
        assert metric(demo, 'glassgate_provider_keys_age_seconds{provider="entra"}') < 60


# Tenants


def two_tenants(config):
    entra = config["identity_providers"][0]
    ours = entra.pop("tenant")
    entra |= {
        "tenant": "organizations",
        "allowed_tenants": [ours, FABRIKAM],
        "email_domains": {ours: ["contoso.example"], FABRIKAM: ["fabrikam.example"]},
    }
    config["lab"]["tenants"] = [
        {"domain": "fabrikam.example", "id": FABRIKAM, "users": [{"name": "frida", "password": "password"}]},
        {
            "domain": "evil.example",
            "users": [{"name": "eve", "password": "password", "email": "alice@contoso.example"}],
        },
    ]
    config.pop("groups")
    wiki, payroll = config["apps"]
    wiki["policies"] = [{"name": "by mail", "decision": "allow", "include": [{"email_domain": "fabrikam.example"}]}]
    payroll["policies"] = [
        {
            "name": "ours",
            "decision": "allow",
            "include": [{"email_domain": "contoso.example"}, {"entra_group": {"id": STAFF, "tenant": ours}}],
        }
    ]


def test_several_tenants_and_only_those_that_are_named(running_demo, tmp_path):
    with running_demo(tmp_path, two_tenants) as demo:
        frida = signed_in(demo, "frida@fabrikam.example")
        assert frida.ask(demo.url("payroll")).status != 200
        alice = signed_in(demo, "alice@contoso.example", "payroll")
        assert alice.open(demo.url("wiki")).status == 403
        page = Visitor(demo.ca).sign_in(demo.url("payroll"), "eve@evil.example")
        assert page.status != 200
        assert "tenant_not_allowed" in page.text
        assert [line.split()[-1] for line in demo.origin_log("wiki")] == ["frida@fabrikam.example"]


# Faults on command: what a visitor sees, and what the log says

FAULTS = [
    ("slow", ("--seconds", "6"), 503, "timeout"),
    ("wrong_nonce", (), 502, "nonce_mismatch"),
    ("wrong_aud", (), 502, "aud_mismatch"),
    ("wrong_iss", (), 502, "iss_mismatch"),
    ("expired", (), 502, "expired"),
    ("clock_skew", (), 502, "not_yet_valid"),
    ("unknown_kid", (), 502, "kid_unknown"),
    ("alg_none", (), 502, "alg_none"),
    ("bad_signature", (), 502, "signature"),
    ("aadsts:50105", (), 403, "provider_refused"),
    ("aadsts:50057", (), 403, "provider_refused"),
    ("aadsts:7000222", (), 502, "provider_refused"),
    ("aadsts:90033", (), 503, "provider_unavailable"),
]


@pytest.mark.parametrize("fault", ["down", "error500"])
def test_a_tenant_that_is_away_from_the_first_moment(running_demo, tmp_path, fault):
    """The gate starts all the same, and says whose fault it is."""
    with running_demo(tmp_path, lambda config: config["lab"].update(faults=[fault])) as demo:
        page = Visitor(demo.ca).open(demo.url("wiki"))
        assert page.url.startswith(demo.url("team"))
        assert (page.status, int(page.headers["Retry-After"]) > 0) == (503, True)
        assert [line["Reason"] for line in logged(demo, Action="login")] == ["provider_unavailable"]
        assert demo.origin_log("wiki") == []


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.mark.parametrize(("fault", "more", "status", "reason"), FAULTS, ids=[row[0] for row in FAULTS])
def test_each_fault_has_its_page_and_its_line_in_the_log(demo, fault, more, status, reason):
    alive = signed_in(demo, "bob")
    lab(demo, "fault", "set", fault, *more)
    try:
        visitor = Visitor(demo.ca, timeout=40)
        page = visitor.sign_in(demo.url("wiki"), "alice")
        assert page.status == status
        assert page.headers["Cf-Ray"] in page.text
        if fault.startswith("aadsts:"):
            assert f"AADSTS{fault.partition(':')[2]}" in page.text
        assert "CF_Authorization" not in str(visitor.jars)
        assert alive.ask(demo.url("wiki"), headers=PROGRAMS).status == 200, "live sessions go on"
    finally:
        lab(demo, "fault", "clear")
    told = logged(demo, Action="login", RayID=page.headers["Cf-Ray"])
    assert [(line["Allowed"], line["Reason"]) for line in told] == [(False, reason)]
