"""Values are read as one kind only: nothing is turned into something else on the quiet."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from glassgate.access.app import Unauthenticated
from glassgate.access.policy import Decision
from glassgate.config import kinds


def read(kind, value):
    return TypeAdapter(kind).validate_python(value)


def refused(kind, value):
    with pytest.raises(ValidationError) as caught:
        read(kind, value)
    (problem,) = caught.value.errors()
    return problem["ctx"]["error"]


@pytest.mark.parametrize("value", [1, 1.5, True, None, ["x"], {"x": 1}, b"x"])
def test_text_is_text(value):
    assert "wants text" in refused(kinds.Name, value).what


@pytest.mark.parametrize("value", [8443, 1.5, True])
def test_what_yaml_took_for_something_else_goes_in_quotes(value):
    assert "in quotes" in refused(kinds.Name, value).mend


DECIDED = [("allow", Decision.ALLOW), ("service_auth", Decision.SERVICE_AUTH), ("non_identity", Decision.SERVICE_AUTH)]


@pytest.mark.parametrize(("value", "decision"), DECIDED)
def test_decisions(value, decision):
    assert kinds.read_decision(value) is decision


@pytest.mark.parametrize("value", ["Allow", "", None, True, ["allow"], {"allow": 1}])
def test_no_decisions(value):
    with pytest.raises(ValueError, match="no decision"):
        kinds.read_decision(value)


@pytest.mark.parametrize(
    ("value", "read_as"),
    [(401, Unauthenticated.ANSWER_401), ("401", Unauthenticated.ANSWER_401), ("auto", Unauthenticated.AUTO)],
)
def test_unauthenticated(value, read_as):
    assert kinds.read_unauthenticated(value) is read_as


@pytest.mark.parametrize("value", [True, 403, None, "AUTO", [401]])
def test_not_unauthenticated(value):
    with pytest.raises(ValueError, match="none of its values"):
        kinds.read_unauthenticated(value)


@pytest.mark.parametrize(("value", "read_as"), [(True, True), ("gate.pem", Path("gate.pem"))])
def test_a_certificate_for_origins_is_the_gates_own_or_a_file(value, read_as):
    assert read(kinds.ClientCertificateFile, value) == read_as


@pytest.mark.parametrize("value", [False, 1, None, ["gate.pem"], {}])
def test_what_is_no_certificate_for_origins(value):
    assert "`true` for the gate's own" in refused(kinds.ClientCertificateFile, value).mend


@pytest.mark.parametrize("value", [{}, {"a": 1, "b": 2}, "everyone", ["everyone"], None])
def test_a_rule_has_one_selector(value):
    with pytest.raises(ValueError, match="one selector"):
        kinds.read_rule(value)


def test_scopes_hold_openid():
    assert read(kinds.Scopes, ["openid"]) == ["openid"]
    assert "lacks `openid`" in refused(kinds.Scopes, ["profile"]).what


ONE, TWO = "8f0c7d52-3b6e-4f6c-9a55-2d1c7e9b4a10", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        (["Contoso.example"], {kinds.EVERY_TENANT: ["contoso.example"]}),
        ({ONE.upper(): ["A.example", "b.example"]}, {ONE: ["a.example", "b.example"]}),
        ({ONE: ["a.example"], TWO: ["b.example"]}, {ONE: ["a.example"], TWO: ["b.example"]}),
    ],
)
def test_email_domains_are_of_all_or_of_each_tenant(value, read_as):
    assert read(kinds.EmailDomains, value) == read_as


@pytest.mark.parametrize("value", [[], {}, {ONE: []}])
def test_no_email_domains_are_no_list(value):
    with pytest.raises(ValidationError, match="too_short"):
        read(kinds.EmailDomains, value)


@pytest.mark.parametrize("value", ["contoso.example", 5, None, True, {ONE: "contoso.example"}])
def test_email_domains_are_a_list(value):
    with pytest.raises(ValidationError, match="list_type"):
        read(kinds.EmailDomains, value)


def test_email_domains_of_what_is_no_tenant():
    assert "is not an object id" in refused(kinds.EmailDomains, {"contoso.example": ["contoso.example"]}).what


@pytest.mark.parametrize(("value", "read_as"), [("x", ["x"]), (["x"], ["x"]), (["x", "y"], ["x", "y"])])
def test_secrets_are_one_or_two(value, read_as):
    assert read(kinds.Secrets, value) == read_as


@pytest.mark.parametrize("value", [[], ["x", "y", "z"]])
def test_other_numbers_of_secrets(value):
    with pytest.raises(ValidationError, match="too_"):
        read(kinds.Secrets, value)
