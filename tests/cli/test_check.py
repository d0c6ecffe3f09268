"""`glassgate check`, as a terminal and a pipeline see it."""

import json

import pytest

from cli.program import SECRET, demo, deployed, glassgate


def test_a_good_configuration_is_told_with_what_to_register(tmp_path):
    port = deployed(tmp_path, naming("recheck", "1h"))
    done = glassgate(tmp_path, "check")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{tmp_path}/config.yaml is good.\n")
    assert f"https://team.localhost:{port}/cdn-cgi/access/callback" in done.out
    assert f"https://wiki.localhost:{port}\n  origin    http://127.0.0.1:1\n  aud       " in done.out
    assert done.out.endswith("\nNo warnings.\n")


def test_the_demo_is_good_and_what_is_worth_knowing_is_no_warning(tmp_path):
    demo(tmp_path)
    done = glassgate(tmp_path, "check", "--strict")
    assert done.code == 0
    assert "No warnings.\n\nGood to know:\n  config.yaml:" in done.out


def broken(text):
    return text.replace("allow", "alow").replace("listen: 127", "listen: 999").replace("apps:", "aps: 1\napps:")


def test_every_error_at_once_with_its_line_and_mend(tmp_path):
    deployed(tmp_path, broken)
    done = glassgate(tmp_path, "check")
    assert (done.code, done.out) == (1, "")
    assert [line.split(": ")[0] for line in done.lines] == [
        "config.yaml:2", "config.yaml:9", "config.yaml:16", "glassgate",
    ]  # fmt: skip
    assert done.lines[2].endswith("`alow` is no decision (did you mean `allow`?)")
    assert done.lines[-1] == "glassgate: 3 errors in the configuration."


def test_one_error_is_one_line(tmp_path):
    deployed(tmp_path, lambda text: text.replace("${CLIENT_SECRET}", "${NOT_SET}"))
    done = glassgate(tmp_path, "check")
    assert done.code == 1
    assert len(done.lines) == 1
    assert "NOT_SET" in done.lines[0]


def unwise(text):
    return text.replace(f"{{entra_group: {text.split('entra_group: ')[1].split('}')[0]}}}", "{everyone: {}}")


@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--strict",), 1)], ids=["told", "strict"])
def test_what_is_unwise(tmp_path, strict, code):
    deployed(tmp_path, unwise)
    done = glassgate(tmp_path, "check", *strict)
    assert done.code == code
    assert "\n1 warning:\n  config.yaml:15: `wiki` is open to every account of `entra`" in done.out


def of_example(text):
    return text.replace("wiki.localhost", "wiki.example.com")


def naming(key, value, after="client_id: the-client\n    "):
    return lambda text: text.replace(after, f"{after}{key}: {value}\n    ")


def with_origin(tls):
    return lambda text: text.replace(
        "origin: http://127.0.0.1:1\n", f"origin: https://127.0.0.1:1\n    origin_tls: {tls}\n"
    )


UNUSABLE = {
    "no certificate of one's own": (of_example, "edge.pem: is not there, and the local CA can sign for localhost"),
    "a second certificate": (
        lambda text: text + "tls: {certificate: [certs/edge.pem, certs/other.pem]}\n", "certs/other.pem: is not there"
    ),
    "the provider's authority": (naming("ca", "nowhere.pem"), "nowhere.pem: is not there"),
    "the provider's authority is none": (naming("ca", "config.yaml"), "config.yaml: holds no certificate"),
    "the client's certificate": (
        naming("certificate", "{key: nowhere.key, certificate: nowhere.pem}"), "nowhere.key cannot be read"
    ),
    "the client's key is none": (
        naming("certificate", "{key: config.yaml, certificate: config.yaml}"), "config.yaml holds no private key"
    ),
    "a federated token that is none": (naming("federated_token_file", "config.yaml"), "config.yaml holds no token"),
    "the origin's authority": (with_origin("{ca: nowhere.pem}"), "nowhere.pem"),
    "the origin's client certificate": (with_origin("{client_certificate: config.yaml}"), "config.yaml"),
    "an audit log that is a folder": (
        lambda text: text.replace("state/audit.jsonl", "."), "is a folder"
    ),
    "an audit log below a file": (
        lambda text: text.replace("state/audit.jsonl", "config.yaml/audit"), "config.yaml: is no folder"
    ),
    "a state folder below a file": (lambda text: text + "state: config.yaml/state\n", "config.yaml: is no folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_no_start_could_use_is_an_error_here_too(tmp_path, name):
    edit, said = UNUSABLE[name]
    deployed(tmp_path, edit)
    checked, started = glassgate(tmp_path, "check"), glassgate(tmp_path, "up")
    assert (checked.code, checked.out) == (1, "")
    assert said in checked.err
    assert all("config.yaml" in line.partition(": ")[0] for line in checked.lines)
    assert started.err == checked.err, "a start says the same"
    assert started.code == 1


def test_all_that_cannot_be_used_is_told_at_once(tmp_path):
    deployed(tmp_path, lambda text: with_origin("{ca: nowhere.pem}")(naming("ca", "elsewhere.pem")(of_example(text))))
    assert glassgate(tmp_path, "check").lines[-1] == "glassgate: 3 errors in the configuration."
    told = json.loads(glassgate(tmp_path, "check", "--json").out)
    assert (told["good"], len(told["errors"])) == (False, 3)


def test_an_account_that_ends_unheard_is_good_to_know(tmp_path):
    deployed(tmp_path)
    done = glassgate(tmp_path, "check", "--strict")
    assert done.code == 0
    assert "whose account is disabled at `entra` stays signed in here till the session ends" in done.out


def test_json_of_a_good_one(tmp_path):
    port = deployed(tmp_path, naming("recheck", "1h"))
    done = glassgate(tmp_path, "check", "--json")
    told = json.loads(done.out)
    assert done.code == 0
    assert (told["good"], told["errors"], told["warnings"], told["notes"]) == (True, [], [], [])
    assert told["team"] == f"https://team.localhost:{port}"
    assert told["callback"] == f"https://team.localhost:{port}/cdn-cgi/access/callback"
    assert [(app["name"], app["domains"], app["policies"]) for app in told["apps"]] == [
        ("wiki", ["wiki.localhost"], ["staff"])
    ]


def test_json_of_a_bad_one(tmp_path):
    deployed(tmp_path, broken)
    done = glassgate(tmp_path, "check", "--json")
    told = json.loads(done.out)
    assert (done.code, done.err, told["good"]) == (1, "", False)
    assert [error["where"] for error in told["errors"]] == ["config.yaml:2", "config.yaml:9", "config.yaml:16"]
    assert all(error["what"] and error["mend"] for error in told["errors"])


def test_json_of_an_unwise_one_under_strict(tmp_path):
    deployed(tmp_path, unwise)
    done = glassgate(tmp_path, "check", "--json", "--strict")
    told = json.loads(done.out)
    assert (done.code, told["good"], len(told["warnings"])) == (1, False, 1)


@pytest.mark.parametrize("edit", [lambda text: text, broken], ids=["good", "broken"])
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_the_secret_is_in_no_output(tmp_path, edit, form):
    deployed(tmp_path, edit)
    done = glassgate(tmp_path, "check", *form)
    assert SECRET["CLIENT_SECRET"] not in done.out + done.err
