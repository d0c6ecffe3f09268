"""`glassgate entra`: doctor at the running lab, each link of its chain broken in turn; register, as a user calls it."""

import json
import subprocess
import time

import pytest
import yaml
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.program import deployed, glassgate
from glassgate.cli.main import commands
from glassgate.oidc.doctor.chain import CHAIN
from journeys.demo import free_ports, prepare, running
from journeys.provider import npm_provider
from journeys.visitor import Visitor
from oidc.doctor.cases import certificate, pem
from oidc.peer import Authority

SECRET = "lab-secret-known-to-everybody"
OTHER_SECRET = "a-secret-that-the-lab-does-not-know"


class Lab:
    """The running demo, with groups from Graph and sessions that are asked for again."""

    def __init__(self, demo):
        self.demo = demo
        self.folder = demo.folder

    def written(self, edit):
        """The demo's configuration, edited into another file."""
        config = yaml.safe_load(self.demo.config.read_text())
        edit(config["identity_providers"][0], config)
        path = self.folder / "other.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    def doctor(self, edit, *words):
        """Call the doctor, in this process."""
        return CliRunner().invoke(commands, ["entra", "doctor", "-c", str(self.written(edit)), *words])

    def links(self, edit=lambda provider, config: None, *words):
        """(exit code, the first broken link, states by link, all that is told)."""
        done = self.doctor(edit, "--json", *words)
        (told,) = json.loads(done.output)["providers"]
        states = {}
        for link in told["links"]:
            states.setdefault(link["link"], []).append(link["state"])
        return done.exit_code, told["broken"], states, done.output

    def switch(self, *words):
        """Turn the tenant's faults."""
        done = CliRunner().invoke(commands, ["lab", "fault", *words, "-c", str(self.demo.config)])
        assert done.exit_code == 0, done.output


def graphed(config):
    config["identity_providers"][0] |= {"groups_from": "graph", "recheck": "1h"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running(tmp_path_factory.mktemp("lab"), graphed) as demo:
        yield Lab(demo)


@pytest.fixture(scope="module")
def known(lab):
    """The same, with somebody signed in."""
    visitor = Visitor(lab.demo.ca)
    assert visitor.sign_in(lab.demo.url("wiki"), "alice").status == 200
    return lab


@pytest.fixture
def well(known):
    yield known
    known.switch("clear")


def keys(**changes):
    """An edit of the provider's keys."""
    return lambda provider, config: provider.update(changes)


def without_graph(provider, config):
    del provider["groups_from"], provider["recheck"]


def with_certificate(name, key, signed):
    """An edit that names a certificate, and the files for it."""

    def edit(provider, config):
        del provider["client_secret"]
        provider["certificate"] = {"key": f"{name}.key", "certificate": f"{name}.pem"}

    return edit, {f"{name}.key": pem(key), f"{name}.pem": pem(signed)}


def test_the_demo_is_well(known):
    done = glassgate(known.folder, "entra", "doctor")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("entra: tenant 8f0c7d52-")
    assert lines[-2:] == ["  The whole chain holds.", ""]
    for step in CHAIN:
        assert step.name == "tenants" or any(line[13:].startswith(step.name) for line in lines), step.name
    assert "User.Read is granted; groups of Alice Ahlberg: 1" in done.out


def test_it_does_no_harm_to_the_session_that_it_tried_with(known):
    for _ in range(2):
        code, broken, states, _ = known.links()
        assert (code, broken, states["groups"]) == (0, None, ["ok"])


def test_without_graph_the_chain_is_shorter(known):
    code, broken, states, _ = known.links(without_graph)
    assert (code, broken) == (0, None)
    assert not {"Graph", "groups", "tenants"} & set(states)


def test_nothing_listens(tmp_path):
    """The gate is not running, as on a machine that is being set up."""
    deployed(
        tmp_path,
        lambda text: text.replace(
            "client_id:", f"authority: https://login.localhost:{free_ports(1)[0]}\n    client_id:"
        ),
    )
    done = glassgate(tmp_path, "entra", "doctor")
    assert done.code == 1
    assert "  ok         DNS            login.localhost is this machine" in done.out
    assert "  broken     TCP            nothing answers at 127.0.0.1" in done.out
    assert "The first broken link is TCP." in done.out
    assert "not tried  credential" in done.out


# With Graph's permission by its bare name, the tenant has no word on where Graph is.
BARE = ["openid", "profile", "email", "User.Read"]
BROKEN = [
    ("a Graph that is none of the tenant's", keys(graph="https://graph.localhost:1"), "redirect URI", "AADSTS500011"),
    ("trust that is not there", keys(ca="gone.pem"), "configuration", "Name the PEM file of the authority"),
    ("another port", keys(authority="https://login.localhost:1"), "TCP", "`./run.sh`"),
    ("another authority's trust", keys(ca="other/other.pem"), "TLS", "Name the PEM file of that authority in `ca`"),
    ("no trust", lambda provider, config: provider.pop("ca"), "TLS", "name its PEM file in `ca`"),
    ("another tenant", keys(tenant="nobody.example"), "discovery", "AADSTS90002"),
    ("another secret", keys(client_secret=OTHER_SECRET), "credential", "AADSTS7000215"),
    ("another client", keys(client_id="5d3a1c9e-0000-4000-8000-000000000000"), "credential", "AADSTS700016"),
    (
        "another team",
        lambda provider, config: config.update(team=f"other.{config['team']}"),
        "redirect URI",
        "AADSTS50011",
    ),
    ("another Graph", keys(graph="https://graph.localhost:1", scopes=BARE), "Graph", "graph.localhost, port 1"),
    (
        "what is no Graph",
        lambda provider, config: provider.update(graph=provider["authority"], scopes=BARE),
        "Graph",
        "See `graph`",
    ),
    ("no such scope", keys(scopes=["openid", "profile", "Nonsense.Read"]), "redirect URI", "AADSTS650053"),
]


@pytest.mark.parametrize(("edit", "link", "mend"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_the_broken_link_is_named_with_its_mend(known, edit, link, mend):
    (known.folder / "other").mkdir(exist_ok=True)
    Authority(known.folder / "other", "other")
    code, broken, states, told = known.links(edit)
    assert (code, broken) == (1, link)
    assert mend in told
    names = [step.name for step in CHAIN if step.name in states]
    after = names[names.index(link) + 1 : -1]
    assert [states[name] for name in after] == [["not tried"]] * len(after)


FAULTS = [
    ("down", "discovery", "status 503"),
    ("error500", "discovery", "status 500"),
    ("aadsts:7000222@token", "credential", "This gate's secret has expired"),
    ("graph500", "Graph", "status 500"),
    ("graph403", "groups", "Grant admin consent"),
]


@pytest.mark.parametrize(("fault", "link", "says"), FAULTS, ids=[row[0] for row in FAULTS])
def test_what_goes_wrong_at_the_tenant_is_found(well, fault, link, says):
    well.switch("set", fault)
    code, broken, _, told = well.links()
    assert (code, broken) == (1, link)
    assert says in told


def test_an_expired_second_secret_is_told_though_people_can_sign_in(known):
    code, broken, states, told = known.links(keys(client_secret=[SECRET, OTHER_SECRET]))
    assert (code, broken) == (1, "credential")
    assert states["credential"] == ["ok", "broken"]
    assert states["redirect URI"] == ["ok", "ok"], "one that is taken is enough to go on"
    assert "client secret 2 of 2: AADSTS7000215" in told


OWN, OTHER = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)
CERTIFICATES = [
    ("of another key", OTHER, {"key": OWN}, "configuration", "is not the certificate of"),
    ("that has expired", OWN, {"key": OWN, "days": (-90, -1)}, "configuration", "so not now"),
    ("that was not uploaded", OWN, {"key": OWN}, "credential", "AADSTS700027"),
]


@pytest.mark.parametrize(
    ("key", "made", "link", "says"), [row[1:] for row in CERTIFICATES], ids=[row[0] for row in CERTIFICATES]
)
def test_a_certificate(known, key, made, link, says):
    edit, files = with_certificate("own", key, certificate(("gate",), now=time.time(), **made))
    for name, data in files.items():
        (known.folder / name).write_bytes(data)
    code, broken, _, told = known.links(edit)
    assert (code, broken) == (1, link)
    assert says in told


def test_a_secret_that_is_not_there_is_told_with_its_line(known):
    done = glassgate(known.folder, "entra", "doctor", "-c", known.written(keys(client_secret="file:gone")).name)
    assert (done.code, done.out) == (1, "")
    assert done.lines[0].startswith("other.yaml:")
    assert "gone" in done.lines[0]


UNTRIED = [
    ("nothing is kept", lambda provider, config: provider.pop("recheck"), "Set `recheck: 1h`"),
    ("in memory", lambda provider, config: config.update(store="memory:"), "Name a store that is on disk"),
    ("another gate's state", lambda provider, config: config.update(state="new", store="sqlite:new/x.db"), "Start it"),
]


@pytest.mark.parametrize(("edit", "says"), [row[1:] for row in UNTRIED], ids=[row[0] for row in UNTRIED])
def test_where_no_session_can_be_tried_it_says_how_to_have_one(known, edit, says):
    code, broken, states, told = known.links(edit)
    assert (code, broken, states["groups"]) == (0, None, ["not tried"])
    assert says in told


def test_what_is_told_holds_no_secret_and_no_token(known):
    for words in ((), ("--json",)):
        done = known.doctor(keys(client_secret=[SECRET, OTHER_SECRET]), *words)
        said = done.output + done.stderr
        assert SECRET not in said
        assert OTHER_SECRET not in said
        assert "eyJ" not in said


def test_just_one_of_several_providers(known):
    def two(provider, config):
        for app in config["apps"]:
            app["policies"] = [{"name": "all", "decision": "allow", "include": [{"everyone": {}}]}]
        del config["groups"]
        config["identity_providers"].append(provider | {"id": "second", "client_secret": OTHER_SECRET})

    assert known.doctor(two).exit_code == 1
    done = known.doctor(two, "--provider", "entra", "--json")
    assert (done.exit_code, [one["provider"] for one in json.loads(done.output)["providers"]]) == (0, ["entra"])


def other_kind(text):
    """A deployment whose only provider is not of type entra."""
    keyed = text.replace("type: entra", "type: oidc").replace("tenant: contoso.example", "issuer: http://127.0.0.1:1")
    return (
        keyed.partition("    policies:")[0]
        + "    policies: [{name: all, decision: allow, include: [{everyone: {}}]}]\n"
    )


WRONG = [
    ("doctor, no such provider", ["doctor", "--provider", "entry"], str, "did you mean `entra`?"),
    ("register, no such provider", ["register", "--provider", "entry"], str, "did you mean `entra`?"),
    ("register, none of Entra's", ["register"], other_kind, "no provider of type entra: there is nothing to register"),
    ("register, another kind", ["register", "--provider", "entra"], other_kind, "is not of type entra"),
    ("register, no such part", ["register", "--only", "pictures"], str, "is not one of"),
]


@pytest.mark.parametrize(("words", "edit", "says"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_call_is_2(tmp_path, monkeypatch, words, edit, says):
    monkeypatch.setenv("CLIENT_SECRET", OTHER_SECRET)
    deployed(tmp_path, edit)
    done = CliRunner().invoke(commands, ["entra", *words, "-c", str(tmp_path / "config.yaml")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in " ".join(done.stderr.split())


def test_another_kind_of_provider_is_tried_too(tmp_path):
    deployed(tmp_path, other_kind)
    done = glassgate(tmp_path, "entra", "doctor")
    assert done.code == 1
    assert "The first broken link is TCP." in done.out


@pytest.fixture(scope="module")
def npm(tmp_path_factory):
    """A configuration for npm's oidc-provider, which runs; no gate does."""
    folder = tmp_path_factory.mktemp("npm")
    [port] = free_ports(1)

    def edit(config):
        del config["groups"]
        config["identity_providers"] = [
            {"id": "npm", "type": "oidc", "issuer": f"http://localhost:{port}", "client_id": "glassgate",
             "client_secret": "secret-of-the-test"}
        ]  # fmt: skip
        for app in config["apps"]:
            app["policies"] = [{"name": "all", "decision": "allow", "include": [{"everyone": {}}]}]

    made = prepare(folder / "gate", edit)
    with npm_provider("provider.mjs", folder / "provider.txt", port, made.url("team", "/cdn-cgi/access/callback")):
        yield Lab(made)


ELSEWHERE = [
    ("all is well", lambda provider, config: None, None),
    ("another secret", keys(client_secret=OTHER_SECRET), "credential"),
    ("another team", lambda provider, config: config.update(team=f"other.{config['team']}"), "redirect URI"),
    ("another issuer", lambda provider, config: provider.update(issuer=f"{provider['issuer']}/x"), "discovery"),
]


@pytest.mark.parametrize(("edit", "link"), [row[1:] for row in ELSEWHERE], ids=[row[0] for row in ELSEWHERE])
def test_at_a_provider_that_nobody_here_wrote(npm, edit, link):
    code, broken, states, _ = npm.links(edit, "--provider", "npm")
    assert (code, broken) == (1 if link else 0, link)
    assert link or (states["credential"], states["redirect URI"]) == (["not tried"], ["ok"])


def registered(folder, *words):
    done = CliRunner().invoke(commands, ["entra", "register", "-c", str(folder / "config.yaml"), *words])
    assert done.exit_code == 0, done.output
    return done


def test_register_says_it_in_four_ways(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIENT_SECRET", OTHER_SECRET)
    deployed(tmp_path)
    out = registered(tmp_path).stdout
    parts = ["\nBy clicks\n", "\nBy the Azure CLI\n", "\nBy Microsoft Graph\n", "\nBy the manifest\n"]
    assert [out.count(part) for part in parts] == [1, 1, 1, 1]
    assert sorted(parts, key=out.index) == parts
    assert OTHER_SECRET not in out


def test_register_needs_no_secret_since_there_is_none_yet(tmp_path, monkeypatch):
    monkeypatch.delenv("CLIENT_SECRET", raising=False)
    deployed(tmp_path, lambda text: text.replace("client_id: the-client", "client_id: ${CLIENT_ID}"))
    done = registered(tmp_path, "--only", "manifest")
    assert json.loads(done.stdout)
    assert done.stderr == "Not set in the environment, so left open: CLIENT_ID, CLIENT_SECRET\n\n"
    doctor = CliRunner().invoke(commands, ["entra", "doctor", "-c", str(tmp_path / "config.yaml")])
    assert "`${CLIENT_SECRET}` is not set" in str(doctor.exception), "the doctor does need it"


def test_each_part_alone_is_fit_for_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIENT_SECRET", OTHER_SECRET)
    deployed(tmp_path)
    script = registered(tmp_path, "--only", "az").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    assert json.loads(registered(tmp_path, "--only", "manifest").stdout)["signInAudience"] == "AzureADMyOrg"
    assert registered(tmp_path, "--only", "clicks").stdout.startswith("In the Entra admin center")
    assert "POST https://graph.microsoft.com/v1.0/applications\n" in registered(tmp_path, "--only", "graph").stdout


def test_in_the_lab_the_first_line_says_that_there_is_nothing_to_do(lab):
    out = registered(lab.folder).stdout
    assert out.startswith("`authority` is the lab's tenant, where nothing has to be registered")
    script = registered(lab.folder, "--only", "az").stdout
    assert script.startswith("# `authority` is the lab's tenant")
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    alone = registered(lab.folder, "--only", "manifest")
    assert json.loads(alone.stdout)
    assert alone.stderr.startswith("`authority` is the lab's tenant")
