import pytest

from glassgate.lab.tenant.errors import TenantError
from glassgate.lab.tenant.scopes import described, permissions, read_scopes

GRAPH = "https://graph.localhost:8443"


@pytest.mark.parametrize(
    ("text", "scopes", "allowed"),
    [
        ("openid profile", ("openid", "profile"), ("openid", "profile")),
        (" openid  openid ", ("openid",), ("openid",)),
        ("User.Read", ("User.Read",), ("User.Read",)),
        (f"{GRAPH}/User.Read", (f"{GRAPH}/User.Read",), ("User.Read",)),
        (f"{GRAPH}/.default", (f"{GRAPH}/.default",), ("User.Read",)),
        (f"User.Read {GRAPH}/User.Read", ("User.Read", f"{GRAPH}/User.Read"), ("User.Read",)),
        ("", (), ()),
    ],
    ids=["plain", "twice", "bare", "whole", "default", "both", "none"],
)
def test_scopes_and_what_they_allow(text, scopes, allowed):
    assert read_scopes(text, GRAPH, "client") == scopes
    assert permissions(scopes) == allowed


@pytest.mark.parametrize(
    ("scope", "number"),
    [("Mail.Read", 650053), ("user.read", 650053), (f"{GRAPH}/Mail.Read", 650053), (f"{GRAPH}/openid", 650053),
     ("https://graph.microsoft.com/User.Read", 500011), (f"{GRAPH}/v1.0/User.Read", 500011), ("api://x/y", 500011)],
)  # fmt: skip
def test_scopes_that_there_are_not(scope, number):
    with pytest.raises(TenantError) as no:
        read_scopes(f"openid {scope}", GRAPH, "client")
    assert no.value.code == number


def test_a_person_is_told_in_words():
    assert described(("openid", f"{GRAPH}/.default")) == ["Sign you in", "Read your profile and your groups"]
