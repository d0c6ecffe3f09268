"""`glassgate policy import`: the YAML on one stream, what was left out on the other."""

import json

import pytest
import yaml

from cli.asked import glassgate

APP = {
    "id": "a1", "aud": "ab" * 32, "name": "wiki", "domain": "wiki.example.com", "type": "self_hosted",
    "policies": [
        {"id": "p1", "name": "staff", "decision": "allow", "include": [{"email_domain": {"domain": "x.example"}}]}
    ],
}  # fmt: skip
GROUPS = {"result": [{"id": "g1", "name": "Ops", "include": [{"email": {"email": "a@x.example"}}]}], "success": True}


def imported(folder, *documents):
    files = []
    for number, document in enumerate(documents):
        files.append(folder / f"{number}.json")
        files[-1].write_text(document if isinstance(document, str) else json.dumps(document))
    return glassgate("policy", "import", *files)


def test_apps_and_groups_are_written_with_what_is_still_to_be_said(tmp_path):
    code, out, err = imported(tmp_path, {"result": [APP], "success": True}, GROUPS)
    assert (code, err) == (0, "")
    assert "#   identity_providers:\n#   - id: entra\n#     type: entra\n#     tenant: contoso.example\n" in out
    assert "# Each origin is a placeholder; write where the app really is:\n" in out
    assert "#   http://wiki.invalid   wiki\n" in out
    assert yaml.safe_load(out) == {
        "groups": {"Ops": {"include": [{"email": "a@x.example"}]}},
        "apps": [{
            "name": "wiki", "domain": "wiki.example.com", "origin": "http://wiki.invalid", "aud": "ab" * 32,
            "policies": [{"name": "staff", "decision": "allow", "include": [{"email_domain": "x.example"}]}],
        }],
    }  # fmt: skip


def test_what_was_left_out_is_told_and_the_exit_code_says_so(tmp_path):
    code, out, err = imported(tmp_path, [APP, APP | {"type": "saas", "name": "mail", "domain": "mail.example.com"}])
    assert code == 1
    assert [one["name"] for one in yaml.safe_load(out)["apps"]] == ["wiki"]
    assert err == (
        f"{tmp_path}/0.json[1]: `mail` is an app of type saas (only what is behind a proxy is taken)\n"
        "glassgate: 1 left out or changed, see above.\n"
    )


def test_what_its_names_say_steers_no_terminal(tmp_path):
    _, _, err = imported(tmp_path, [APP, APP | {"type": "saas", "name": "a\x1b[2J\nb"}])
    assert r"`a\x1b[2J\nb` is an app of type saas" in err


def test_what_holds_no_app(tmp_path):
    code, out, err = imported(tmp_path, GROUPS)
    assert (code, out) == (1, "")
    assert "no app is in it" in err


@pytest.mark.parametrize("text", ["hello", "[" * 1_000_000], ids=["a word", "without a bottom"])
def test_what_is_no_json(tmp_path, text):
    code, _, err = imported(tmp_path, text)
    assert code == 1
    assert "0.json: this is no JSON" in err
    assert glassgate("policy", "import", tmp_path / "none")[0] == 2
    assert glassgate("policy", "import")[0] == 2
