"""`${NAME}` and `file:PATH` are filled in, or told."""

import pytest

from config.files import SECRET, app, good, problems, provider, settings
from glassgate.oidc.client_auth import ClientSecret


@pytest.mark.parametrize(
    ("written", "environ", "value"),
    [
        ("${HOST}", {"HOST": "a.example.com"}, "a.example.com"),
        ("${A}.${B}.com", {"A": "a", "B": "b"}, "a.b.com"),
        ("a.$B.com", {}, None),
        ("${A}", {"A": "${HOST}", "HOST": "a.example.com"}, None),
    ],
)
def test_names_are_filled_in_anywhere_once(tmp_path, written, environ, value):
    if value is None:
        assert "`domain`: `" in problems(app(domain=written), tmp_path, **environ)[0][1]
    else:
        assert settings(app(domain=written), tmp_path, **environ).apps[0].domains == (value,)


@pytest.mark.parametrize(("value", "flag"), [("true", True), ("false", False)])
def test_a_flag_may_come_from_the_environment(tmp_path, value, flag):
    assert settings(app(forward_cookie="${FLAG}"), tmp_path, FLAG=value).apps[0].forward_cookie is flag


def test_in_quotes_a_flag_is_text(tmp_path):
    settings(app(forward_cookie="${FLAG}"), tmp_path, FLAG="true")
    quoted = (tmp_path / "config.yaml").read_text().replace("${FLAG}", "'${FLAG}'")
    assert "wants true or false" in problems(quoted, tmp_path, FLAG="true")[0][1]


def test_other_words_are_no_flags(tmp_path):
    assert "wants true or false" in problems(app(forward_cookie="${FLAG}"), tmp_path, FLAG="1")[0][1]


@pytest.mark.parametrize("secret", ["true", "123", "${SECRET}", "a: b", SECRET])
def test_a_secret_is_taken_as_it_is(tmp_path, secret):
    loaded = settings(provider(client_secret="${MINE}"), tmp_path, MINE=secret)
    assert loaded.providers[0].credentials == (ClientSecret(secret),)
    assert loaded.literal_secrets == ()


def test_a_secret_is_read_from_a_file_beside_the_configuration(tmp_path):
    (tmp_path / "secret").write_text(f"  {SECRET}\n")
    loaded = settings(provider(client_secret="file:${DIR}/secret"), tmp_path, DIR=".")
    assert loaded.providers[0].credentials == (ClientSecret(SECRET),)
    assert loaded.literal_secrets == ()


def test_a_secret_in_the_file_itself_is_noted(tmp_path):
    assert settings(provider(client_secret=SECRET), tmp_path).literal_secrets == ("entra",)


def test_each_of_two_secrets_is_filled_in(tmp_path):
    (tmp_path / "new").write_text("after")
    loaded = settings(provider(client_secret=["file:new", "${OLD}"]), tmp_path, OLD="before")
    assert loaded.providers[0].credentials == (ClientSecret("after"), ClientSecret("before"))
    assert loaded.literal_secrets == ()


@pytest.mark.parametrize("secrets", [["${SECRET}", SECRET], [SECRET, "${SECRET}"]])
def test_one_of_two_secrets_in_the_file_itself_is_noted(tmp_path, secrets):
    assert settings(provider(client_secret=secrets), tmp_path).literal_secrets == ("entra",)


def test_only_secrets_are_read_from_files(tmp_path):
    assert settings(good(state="file:x"), tmp_path).state == tmp_path / "file:x"


BAD_FILES = {"gone": None, "empty": b" \n", "large": b"x" * 70_000, "binary": b"\xff\xfe"}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_holds_no_secret_is_told(tmp_path, name):
    if BAD_FILES[name] is not None:
        (tmp_path / name).write_bytes(BAD_FILES[name])
    ((_, what, mend),) = problems(provider(client_secret=f"file:{name}"), tmp_path)
    assert f"the file `{tmp_path / name}` cannot be used" in what
    assert "nothing else" in mend


@pytest.mark.parametrize(
    ("written", "environ", "what"),
    [
        ("${GONE}", {}, "`${GONE}` is not set"),
        ("x${EMPTY}", {"EMPTY": ""}, "set in the environment, but empty"),
        ("${not a name}", {}, "no name of a variable"),
    ],
)
def test_what_cannot_be_filled_in_is_the_only_error_there(tmp_path, written, environ, what):
    ((_, said, mend),) = problems(app(domain=written), tmp_path, **environ)
    assert what in said
    assert mend
