"""`glassgate origin`: what is written where, and how a call that cannot be answered ends."""

import time
from ipaddress import ip_address

import pytest
from click.testing import CliRunner

from cli.program import SECRET, deployed
from glassgate.cli.main import commands
from glassgate.errors import StartError
from glassgate.state.client_certificate import client_authority
from glassgate.state.keyring import KeyRing

HTTPS = "origin: https://127.0.0.1:1\n    origin_tls: {client_certificate: true}\n"


@pytest.fixture
def glassgate(tmp_path):
    deployed(tmp_path, lambda text: text.replace("origin: http://127.0.0.1:1\n", HTTPS))
    KeyRing.open(tmp_path / "state" / "keys", time.time())
    runner = CliRunner()

    def run(*words):
        asked = [*words, "-c", str(tmp_path / "config.yaml")]
        return runner.invoke(commands, asked, prog_name="glassgate", env=SECRET, catch_exceptions=True)

    return run


def test_to_standard_output_goes_the_configuration_and_what_it_names_is_told(glassgate):
    said = glassgate("origin", "protect", "wiki", "--for", "nginx")
    assert said.exit_code == 0
    assert said.stdout.startswith("# Made by `glassgate origin protect --for nginx`")
    assert "-o FILE" not in said.stdout
    assert "It names wiki.js, wiki.ca.pem: -o FILE writes these beside it." in said.stderr


def test_with_a_file_all_of_it_is_written(glassgate, tmp_path):
    said = glassgate("origin", "protect", "wiki", "--for", "haproxy", "-o", str(tmp_path / "new" / "gate.cfg"))
    assert (said.exit_code, said.stdout) == (0, "")
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names > {"gate.cfg", "wiki.ca.pem"}
    assert [name.rpartition(".")[2] for name in names - {"gate.cfg", "wiki.ca.pem"}] == ["pub"]
    assert (tmp_path / "new" / "wiki.ca.pem").read_bytes() == client_authority(tmp_path / "state").read_bytes()


@pytest.mark.parametrize(("kind", "told"), [("nginx", True), ("caddy", False)])
def test_who_comes_without_an_assertion_is_thought_of(glassgate, tmp_path, kind, told):
    config = tmp_path / "config.yaml"
    bypass = "policies:\n      - {name: all, decision: bypass, include: [{everyone: {}}]}\n"
    config.write_text(config.read_text().replace("policies:\n", bypass))
    said = glassgate("origin", "protect", "wiki", "--for", kind)
    assert said.exit_code == 0
    assert ("`wiki` has a bypass policy" in said.stderr) is told


def test_the_gates_address_is_the_one_by_which_it_reaches_the_origin(glassgate):
    assert "ip saddr 127.0.0.1 accept" in glassgate("origin", "protect", "wiki", "--for", "nftables").stdout
    given = glassgate("origin", "protect", "wiki", "--for", "nftables", "--gate", "10.0.0.5", "--gate", "fd00::5")
    assert "ip saddr 10.0.0.5 accept" in given.stdout
    assert f"ip6 saddr {ip_address('fd00::5')} accept" in given.stdout
    assert "127.0.0.1" not in given.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["protect", "wikki", "--for", "nginx"], "did you mean `wiki`?"),
        (["check", "wikki"], "did you mean `wiki`?"),
        (["protect", "wiki", "--for", "iis"], "'iis' is not one of"),
        (["protect", "wiki", "--for", "nftables", "--gate", "here"], "'here' is no IP address."),
        (["protect", "wiki", "--for", "nginx", "--at", "/a b"], "a path without spaces"),
        (["protect", "wiki"], "Missing option '--for'"),
    ],
)
def test_a_wrong_call_is_2(glassgate, words, said):
    done = glassgate("origin", *words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_an_origin_that_is_away_is_told(glassgate):
    done = glassgate("origin", "check", "wiki")
    assert isinstance(done.exception, StartError)
    assert "does not answer the gate either: connection refused" in str(done.exception)


def test_before_the_first_start_there_are_no_keys(glassgate, tmp_path):
    (tmp_path / "state" / "keys" / "keyring.json").unlink()
    done = glassgate("origin", "protect", "wiki", "--for", "nginx")
    assert "start the gate once" in str(done.exception)
