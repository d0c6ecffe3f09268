import pytest

from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError, shown


def test_the_list_of_reasons_is_closed():
    assert SignInError("alg_none", "x").reason is Reason.ALG_NONE
    with pytest.raises(ValueError, match="no_such_reason"):
        SignInError("no_such_reason", "x")


def test_every_reason_is_its_name_in_lower_case():
    assert all(reason.value == reason.name.lower() for reason in Reason)


def test_what_is_told_of_each():
    assert str(SignInError(Reason.TYP, "expected JWT")) == "typ: expected JWT"
    assert ProviderUnavailable(Reason.TIMEOUT, "x", retry_after=3).retry_after == 3
    refused = ProviderRefused("access_denied", "no", code="AADSTS65004")
    assert (refused.reason, refused.error, refused.code) == ("provider_refused", "access_denied", "AADSTS65004")
    assert refused.detail == "access_denied: no"
    assert ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, "x", said=refused).said is refused


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\r\nb", r"'a\r\nb'"), ("é", r"'\xe9'"), (None, "None"), ("x" * 300, "'" + "x" * 99 + "…")],
)
def test_strangers_values_are_told_in_one_short_line(value, text):
    assert shown(value) == text
