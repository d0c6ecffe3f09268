"""An AADSTS error that was commanded: where nothing is wrong, its words quote the request, or something likely."""

from collections.abc import Mapping

from glassgate.lab.tenant.authorize import Params
from glassgate.lab.tenant.cloud import Call
from glassgate.lab.tenant.errors import TenantError, instant
from glassgate.lab.tenant.switches import Fault, aadsts_code

HOUR, DAY = 3600, 86_400
# What Entra asks a client to send back to the sign-in when a policy wants a second factor.
MFA_CLAIMS = '{"access_token":{"capolids":{"essential":true,"values":["a0000000-0000-4000-8000-00000000c0de"]}}}'
MFA_CODES = (50074, 50076, 50078)
# Told on Entra's own page: where the application or its address is in doubt, there is nowhere to send anyone back to.
TOLD_HERE = frozenset((50011, 50194, 70001, 90002, 500113, 700011, 700016, 900971))
# The parameter that an error is about, and what to quote where it was not sent.
SENT: Mapping[int, tuple[str, str]] = {
    28002: ("scope", "openid"),
    70003: ("grant_type", "password"),
    70007: ("response_mode", "fragment"),
    70011: ("scope", "openid"),
    501491: ("code_challenge_method", "plain"),
    650053: ("scope", "openid"),
    700054: ("response_type", "id_token"),
    1002012: ("scope", "openid"),
}
OF_USERS, OF_RESOURCES, OF_KEYS = (50020, 50034, 90072), (500011, 650056), (700027,)


def commanded(call: Call, fault: Fault, params: Params) -> TenantError:
    """The error that a fault stands for, as an answer to this request."""
    code = aadsts_code(fault)
    directory = call.authority.directory or call.cloud.tenants.main
    client = _sent(params, "client_id", next(iter(call.cloud.registrations), ""))
    return TenantError(
        code,
        claims=MFA_CLAIMS if code in MFA_CODES else None,
        client=client,
        directory=call.authority.title,
        value=_value(code, call, params),
        uri=_sent(params, "redirect_uri", call.cloud.origin),
        name="scope",
        idp=f"https://sts.windows.net/{directory.tenant_id}/",
        issued=instant(call.now - DAY),
        since=instant(call.now - HOUR),
        until=instant(call.now - HOUR / 2),
        now=instant(call.now),
        issuer=call.cloud.origin,
        subject=client,
        audience="api://AzureADTokenExchange",
    )


def _value(code: int, call: Call, params: Params) -> str:
    if code in SENT:
        return _sent(params, *SENT[code])
    if code in OF_USERS:
        directory = call.authority.directory or call.cloud.tenants.main
        somebody = next((person.username for person in directory.people.values()), f"somebody@{directory.domain}")
        return _sent(params, "login_hint", somebody)
    if code in OF_RESOURCES:
        return call.cloud.graph
    if code in OF_KEYS:
        return call.cloud.keys.current.kid
    return call.authority.name


def _sent(params: Params, name: str, otherwise: str) -> str:
    return next(iter(params.get(name, ())), "") or otherwise
