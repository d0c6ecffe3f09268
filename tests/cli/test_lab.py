"""The lab's tenant is turned from the command line, while it runs."""

import json
import ssl
import urllib.error
import urllib.request

import pytest
import yaml
from click.testing import CliRunner

from cli.program import demo, deployed, glassgate
from glassgate.cli.main import commands
from glassgate.lab.tenant.keys import SigningKeys
from glassgate.lab.tenant.switches import Fault, Switchboard, UserSwitch
from glassgate.state.open import open_store
from journeys.visitor import Visitor

GROUP, OTHER = "1f6b2c44-9f7e-4a53-8b0a-3f9d0c5e7a01", "1f6b2c44-9f7e-4a53-8b0a-3f9d0c5e7a02"
NOW = 1_800_000_000.0


@pytest.fixture
def folder(tmp_path):
    demo(tmp_path)
    return tmp_path


@pytest.fixture
def tell(folder):
    """Runs one command of `lab`."""

    def tell(*words):
        return CliRunner().invoke(commands, ["lab", *words, "-c", str(folder / "config.yaml")], prog_name="glassgate")

    return tell


def change(folder, edit):
    path = folder / "config.yaml"
    given = yaml.safe_load(path.read_text())
    edit(given)
    path.write_text(yaml.safe_dump(given))


def switched(folder):
    store = open_store(f"sqlite:{folder / 'state' / 'glassgate.db'}")
    try:
        return Switchboard(store).read(NOW)
    finally:
        store.close()


@pytest.mark.parametrize(
    ("words", "fault", "said"),
    [
        (["slow"], Fault("slow"), "From now on every answer comes late, until it is cleared."),
        (["slow", "--seconds", "1.5", "--times", "2"], Fault("slow", 1.5, 2), "every answer comes late, 2 times."),
        (["down", "--times", "1"], Fault("down", times=1), "every address answers 503, once."),
        (["aadsts:50105"], Fault("aadsts:50105"), "sign-ins end with AADSTS50105, until"),
        (["aadsts:50173@token"], Fault("aadsts:50173@token"), "tokens are refused with AADSTS50173, until"),
    ],
    ids=["plain", "seconds and times", "once", "at sign-in", "for tokens"],
)
def test_a_fault_is_set(folder, tell, words, fault, said):
    done = tell("fault", "set", *words)
    assert (done.exit_code, said in done.output) == (0, True)
    assert switched(folder).faults == {fault.name: fault}


def test_faults_are_listed_with_where_they_come_from(folder, tell):
    change(folder, lambda given: given["lab"].update(faults=["alg_none"]))
    tell("fault", "set", "slow", "--seconds", "2", "--times", "3")
    lines = tell("fault", "list").output.splitlines()
    assert [line.split()[0] for line in lines] == ["FAULT", "alg_none", "slow"]
    assert lines[1].split()[1] == str(folder / "config.yaml")
    assert lines[2].split()[1:4] == ["2", "3", "command"]
    assert json.loads(tell("fault", "list", "--json").output)[1] == {
        "name": "slow",
        "seconds": 2.0,
        "times": 3,
        "from": "command",
        "says": "every answer comes late",
    }


def test_where_nothing_goes_wrong_the_list_says_so(tell):
    assert tell("fault", "list").output == "Nothing goes wrong.\n"
    assert json.loads(tell("fault", "list", "--json").output) == []


def test_faults_are_cleared_by_name_and_all(folder, tell):
    for name in ("slow", "down", "expired"):
        tell("fault", "set", name)
    assert tell("fault", "clear", "down").output == "Cleared: down.\n"
    assert set(switched(folder).faults) == {"slow", "expired"}
    assert tell("fault", "clear").output == "Cleared: slow, expired.\n"
    assert switched(folder).faults == {}
    assert tell("fault", "clear").output == "There was nothing to clear.\n"


def test_a_fault_of_the_file_is_not_cleared_by_command(folder, tell):
    change(folder, lambda given: given["lab"].update(faults=["alg_none"]))
    done = tell("fault", "clear")
    assert done.exit_code == 1
    assert "Take it out of `lab.faults` there." in done.output
    assert tell("fault", "clear", "slow").exit_code == 0


def test_what_is_switched_is_listed_with_the_command_that_undoes_it(folder, tell, monkeypatch):
    monkeypatch.chdir(folder)
    tell("user", "disable", "alice")
    assert tell("list").output == "alice@contoso.example is disabled  ./run.sh lab user enable alice@contoso.example\n"
    assert json.loads(tell("list", "--json").output) == [
        {"what": "alice@contoso.example is disabled", "undo": "./run.sh lab user enable alice@contoso.example"}
    ]


def test_where_nothing_is_switched_the_list_says_so(tell):
    assert tell("list").output == "Nothing is switched.\n"
    assert json.loads(tell("list", "--json").output) == []


def test_a_reset_undoes_it_all_and_says_what(folder, tell):
    tell("fault", "set", "slow")
    tell("user", "disable", "alice")
    assert tell("reset").output == "Undone: every answer comes late.\nUndone: alice@contoso.example is disabled.\n"
    after = switched(folder)
    assert (after.faults, after.users) == ({}, {})
    assert tell("reset").output == "There was nothing to undo.\n"


def test_a_reset_says_what_stands_in_the_file(folder, tell):
    change(folder, lambda given: given["lab"].update(faults=["alg_none"]))
    done = tell("reset")
    assert done.exit_code == 1
    assert "There was nothing to undo." in done.output
    assert "Take it out of `lab.faults` there." in done.output


def test_a_name_that_several_have_is_not_guessed(folder, tell):
    other = {"name": "alice", "password": "password"}
    change(folder, lambda given: given["lab"].update(tenants=[{"domain": "adatum.example", "users": [other]}]))
    done = tell("user", "disable", "alice")
    assert done.exit_code == 2
    assert "write alice@contoso.example or alice@adatum.example." in " ".join(done.output.split())
    assert tell("user", "disable", "alice@adatum.example").exit_code == 0


def test_a_user_is_disabled_enabled_and_revoked(folder, tell):
    assert tell("user", "disable", "Alice").exit_code == 0
    assert switched(folder).user("alice@contoso.example") == UserSwitch(disabled=True)
    assert tell("user", "enable", "alice@contoso.example").exit_code == 0
    assert tell("user", "revoke", "bob").exit_code == 0
    after = switched(folder)
    assert after.user("alice@contoso.example") == UserSwitch()
    assert after.user("bob@contoso.example").revoked > NOW / 2


@pytest.mark.parametrize(
    ("name", "upn"), [("carol", "carol@contoso.example"), ("carol@fabrikam.example", "carol@fabrikam.example")]
)
def test_a_guest_is_meant_here_or_by_the_whole_name_at_home(folder, tell, name, upn):
    assert upn in tell("user", "disable", name).output
    assert switched(folder).user(upn).disabled


def test_groups_come_and_go(folder, tell):
    assert tell("user", "groups", "alice", "--add", OTHER).output == "alice@contoso.example is in 2 groups now.\n"
    assert "is in 1 group now" in tell("user", "groups", "alice", "--remove", GROUP.upper()).output
    assert switched(folder).user("alice@contoso.example").groups((GROUP,)) == (OTHER,)


def test_keys_are_rotated(folder, tell):
    keys = SigningKeys.open(folder / "state" / "lab", NOW)
    following = keys.published[1].kid
    assert f"signs with {following} now" in tell("keys", "rotate").output
    assert keys.current.kid == following


CALLS = {
    "unknown fault": (["fault", "set", "dwn"], "did you mean `down`?"),
    "no fault": (["fault", "set"], "Missing argument 'NAME'"),
    "seconds of another": (["fault", "set", "down", "--seconds", "1"], "only slow and graph429 do"),
    "too slow": (["fault", "set", "slow", "--seconds", "61"], "0<=x<=60"),
    "never": (["fault", "set", "slow", "--times", "0"], "1<=x<=10000"),
    "unknown fault to clear": (["fault", "clear", "dwn"], "did you mean `down`?"),
    "unknown user": (["user", "disable", "alise"], "did you mean `alice`?"),
    "unknown tenant": (["user", "revoke", "alice@fabrikam.example"], "did you mean `carol@fabrikam.example`?"),
    "no groups": (["user", "groups", "alice"], "--add ID, --remove ID, or both"),
    "no group": (["user", "groups", "alice", "--add", "staff"], "`staff` is not an object id: write it as"),
}


@pytest.mark.parametrize("row", CALLS)
def test_a_wrong_call_is_2_and_says_the_mend(folder, tell, row):
    words, said = CALLS[row]
    done = tell(*words)
    assert (done.exit_code, said in done.output) == (2, True), done.output
    assert not (folder / "state" / "glassgate.db").exists() or switched(folder).users == {}


EVERY = [
    ["list"], ["reset"], ["fault", "set", "slow"], ["fault", "list"], ["fault", "clear"], ["user", "disable", "alice"],
    ["user", "enable", "alice"], ["user", "revoke", "alice"], ["user", "groups", "alice", "--add", GROUP],
    ["keys", "rotate"],
]  # fmt: skip


@pytest.mark.parametrize("words", EVERY, ids=lambda words: "-".join(words[:2]))
def test_a_store_in_memory_cannot_be_reached(folder, tell, words):
    change(folder, lambda given: given.update(store="memory:"))
    done = tell(*words)
    assert done.exit_code == 2
    assert "memory:" in done.output
    assert "write `store: sqlite:state/glassgate.db`" in done.output


@pytest.mark.parametrize("words", EVERY, ids=lambda words: "-".join(words[:2]))
def test_without_a_lab_there_is_nothing_to_turn(folder, tell, words):
    change(folder, lambda given: given["lab"].update(enabled=False))
    done = tell(*words)
    assert done.exit_code == 2
    assert "There is no lab in" in done.output


@pytest.mark.parametrize(
    "words", [[], ["fault"], ["user"], ["keys"], *(words[:2] for words in EVERY)], ids=lambda words: "-".join(words)
)
def test_help_fits_a_terminal(words):
    said = CliRunner().invoke(commands, ["lab", *words, "--help"], prog_name="glassgate", terminal_width=80)
    assert said.exit_code == 0
    assert max(map(len, said.output.splitlines())) <= 80


def test_it_is_a_command_of_the_program(tmp_path):
    deployed(tmp_path)
    done = glassgate(tmp_path, "lab", "fault", "list")
    assert done.code == 2
    assert "There is no lab in config.yaml" in done.err


def test_a_lab_that_runs_heeds_at_once(running_demo, tmp_path):
    with running_demo(tmp_path / "demo") as lab:
        context = ssl.create_default_context(cafile=str(lab.ca))

        def ask(target):
            request = urllib.request.Request(f"https://127.0.0.1:{lab.port}{target}")
            request.add_header("Host", f"login.localhost:{lab.port}")
            context.check_hostname = False
            try:
                with urllib.request.urlopen(request, context=context, timeout=20) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as no:
                return no.code, b""

        def told(*words):
            done = glassgate(lab.folder, "lab", *words)
            assert done.code == 0, done.err

        keys = "/common/discovery/v2.0/keys"
        before = json.loads(ask(keys)[1])["keys"]
        told("fault", "set", "down")
        assert ask(keys)[0] == 503
        told("fault", "clear")
        assert ask(keys)[0] == 200
        told("keys", "rotate")
        after = json.loads(ask(keys)[1])["keys"]
        assert [key["kid"] for key in after][::2] == [before[1]["kid"], before[0]["kid"]]


CONTOSO, FABRIKAM = "8f0c7d52-3b6e-4f6c-9a55-2d1c7e9b4a10", "8f0c7d52-3b6e-4f6c-9a55-2d1c7e9b4a11"


def several_tenants(config):
    """The gate takes users of two of the lab's three tenants."""
    provider = config["identity_providers"][0]
    domains = {CONTOSO: ["contoso.example"], FABRIKAM: ["fabrikam.example"]}
    provider |= {"tenant": "organizations", "allowed_tenants": [CONTOSO, FABRIKAM], "email_domains": domains}
    config["lab"]["tenants"] = [
        {"domain": "contoso.example", "id": CONTOSO},
        {"domain": "fabrikam.example", "id": FABRIKAM, "users": [{"name": "dave", "password": "password"}]},
        {"domain": "adatum.example", "users": [{"name": "erin", "password": "password"}]},
    ]
    config["groups"]["staff"]["include"] = [{"email_domain": "contoso.example"}, {"email": "dave@fabrikam.example"}]
    config["apps"] = config["apps"][:1]


def test_users_of_several_tenants_come_through_the_gate_where_they_may(running_demo, tmp_path):
    with running_demo(tmp_path / "demo", several_tenants) as lab:

        def status(name):
            return Visitor(lab.ca).sign_in(lab.url("wiki"), name).status

        assert {name: status(name) for name in ("alice", "dave", "carol", "erin")} == {
            "alice": 200,
            "dave": 200,
            "carol": 403,  # of an allowed tenant, and of no policy
            "erin": 502,  # of a tenant that is not allowed
        }
