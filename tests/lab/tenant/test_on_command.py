import re

import pytest

from glassgate.lab.tenant.aadsts import KINDS
from glassgate.lab.tenant.on_command import commanded
from glassgate.lab.tenant.switches import Fault
from lab.tenancy import CLIENT, REDIRECT, call

SENT = {"client_id": [CLIENT], "redirect_uri": [REDIRECT], "scope": ["openid email"], "response_mode": ["form_post"]}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return call(tmp_path_factory.mktemp("lab") / "lab")


@pytest.mark.parametrize("params", [SENT, {}, {"client_id": [], "scope": [""]}], ids=["sent", "nothing", "empty"])
@pytest.mark.parametrize("code", KINDS)
def test_no_words_are_missing(here, code, params):
    text = commanded(here, Fault(f"aadsts:{code}"), params).text
    assert re.findall(r"''|\{|  | \.|named was", text) == []


ROWS = {
    "the address": (50011, f"The redirect URI '{REDIRECT}' specified"),
    "the application": (70001, f"The application named {CLIENT} was not found in the tenant named Contoso."),
    "a parameter": (70007, "'form_post' is not a supported value"),
    "a parameter that was not sent": (70003, "unsupported grant type 'password'"),
    "somebody": (50034, "The user account 'alice@contoso.example' does not exist in the 'Contoso' directory."),
    "a resource": (500011, "named https://graph.localhost:8443 was not found in the tenant named Contoso."),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_request_is_quoted_or_something_likely(here, row):
    code, said = ROWS[row]
    assert said in commanded(here, Fault(f"aadsts:{code}@token"), SENT).text


def test_who_is_hinted_at_is_quoted(here):
    assert (
        "'bob@contoso.example'" in commanded(here, Fault("aadsts:50020"), {"login_hint": ["bob@contoso.example"]}).text
    )


def test_what_a_second_factor_would_mend_says_what_to_ask_for(here):
    assert "capolids" in commanded(here, Fault("aadsts:50076"), SENT).claims
    assert commanded(here, Fault("aadsts:50105"), SENT).claims is None
