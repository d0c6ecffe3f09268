"""`glassgate check`, as a terminal and a pipeline see it."""

import json

import pytest

from cli.program import SECRET, demo, deployed, glassgate


def test_a_good_configuration_is_told_with_what_to_register(tmp_path):
    port = deployed(tmp_path)
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


def test_one_error_is_one(tmp_path):
    deployed(tmp_path, lambda text: text.replace("${CLIENT_SECRET}", "${NOT_SET}"))
    done = glassgate(tmp_path, "check")
    assert done.code == 1
    assert len(done.lines) == 2
    assert "NOT_SET" in done.lines[0]
    assert done.lines[1] == "glassgate: 1 error in the configuration."


def unwise(text):
    return text.replace(f"{{entra_group: {text.split('entra_group: ')[1].split('}')[0]}}}", "{everyone: {}}")


@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--strict",), 1)], ids=["told", "strict"])
def test_what_is_unwise(tmp_path, strict, code):
    deployed(tmp_path, unwise)
    done = glassgate(tmp_path, "check", *strict)
    assert done.code == code
    assert "\n1 warning:\n  config.yaml:15: `wiki` is open to every account of `entra`" in done.out


def test_a_certificate_that_nobody_made_is_told(tmp_path):
    deployed(tmp_path, lambda text: text.replace("wiki.localhost", "wiki.example.com"))
    done = glassgate(tmp_path, "check")
    assert done.code == 0
    assert "\n1 warning:\n  tls.certificate: the local CA signs for localhost" in done.out


def test_json_of_a_good_one(tmp_path):
    port = deployed(tmp_path)
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
