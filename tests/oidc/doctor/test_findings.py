"""What failed calls are told as: whose move it is, and never without one."""

import pytest

from glassgate.oidc.doctor.findings import MENDS, Link, State, broken, not_tried, of_fault, of_refusal, ok
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError


def refused(code=None, error="invalid_client", text="", **more):
    return ProviderRefused(error, text, code=code, **more)


FAULTS = [
    (
        "a reason of ours",
        SignInError(Reason.DISCOVERY_ISSUER, "expected a, got b"),
        "expected a, got b (discovery_issuer)",
        "See `authority` and `tenant`",
    ),
    ("a time-out", ProviderUnavailable(Reason.TIMEOUT, "no whole answer"), "no whole answer (timeout)", "Try again."),
    (
        "one that should not be",
        SignInError(Reason.NONCE_MISMATCH, "odd"),
        "odd (nonce_mismatch)",
        "report it as a fault of glassgate",
    ),
    (
        "Entra's number",
        refused("AADSTS7000215"),
        "AADSTS7000215: This gate's secret is wrong.",
        "put its Value (not its Secret ID)",
    ),
    (
        "a number that nobody knows",
        refused("AADSTS9999999", text="AADSTS9999999: Odd things. And more."),
        "It says: Odd things.",
        "https://login.microsoftonline.com/error?code=9999999",
    ),
    (
        "a standard name",
        refused(error="invalid_client", text="Client unknown"),
        "invalid_client: Your provider does not take this gate's word. It says: Client unknown.",
        "`client_id` and `client_secret`",
    ),
    (
        "busy, in its own words",
        ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, "status 503", said=refused("AADSTS90033", "server_error")),
        "AADSTS90033: Entra is busy.",
        "Try again in a minute",
    ),
]


@pytest.mark.parametrize(("fault", "seen", "mend"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_failed_call_is_told_with_its_mend(fault, seen, mend):
    finding = of_fault(fault, "authority")
    assert finding.state is State.BROKEN
    assert seen in finding.seen
    assert mend in finding.mend


@pytest.mark.parametrize("reason", MENDS)
def test_every_mend_names_the_key_of_the_kind_of_provider(reason):
    told = of_fault(SignInError(reason, "x"), "issuer").mend
    assert told
    assert "{" not in told
    assert "`authority`" not in told


def test_of_the_providers_words_one_sentence_is_told_and_the_id_that_its_support_asks_for():
    text = f"AADSTS700016: Application 'a.b' is gone. Much more. {'x' * 900} Trace ID: 1234-5678"
    told = of_refusal(refused("AADSTS700016", text=text, correlation_id="9999-8888")).seen
    assert told == (
        "AADSTS700016: Entra does not know this gate. It says: Application 'a.b' is gone. Correlation id 9999-8888."
    )
    assert len(of_refusal(refused("AADSTS700016", text="y" * 1000)).seen) < 300


def test_a_link_is_broken_where_one_of_its_parts_is():
    assert not Link("x", (ok("a"), not_tried("b"))).is_broken
    assert Link("x", (ok("a"), broken("b", "c"))).is_broken
