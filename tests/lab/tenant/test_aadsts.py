import re

import pytest

from glassgate.lab.tenant.aadsts import KINDS, kind_of
from glassgate.lab.tenant.errors import TenantError

OAUTH = {
    "invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope",
    "server_error", "temporarily_unavailable", "invalid_client", "invalid_grant", "unsupported_grant_type",
    "interaction_required", "login_required", "consent_required", "invalid_instance",
}  # fmt: skip


@pytest.mark.parametrize("code", KINDS)
def test_every_error_says_something_whole(code):
    kind = KINDS[code]
    names = re.findall(r"\{(\w+)\}", kind.text)
    no = TenantError(code, **dict.fromkeys(names, "quoted"))
    assert str(no).startswith(f"AADSTS{code}: ")
    assert "{" not in str(no)
    assert no.text.endswith(("'", "."))
    assert kind.status in (400, 401, 429, 503)
    assert {kind.error, kind.grant_error or kind.error} <= OAUTH


def test_there_are_all_that_a_user_or_an_administrator_is_likely_to_meet():
    assert len(KINDS) > 110
    dead = [50057, 50034, 50173, 700082, 70043]
    assert {(one.grant_error or one.error, one.suberror) for one in map(kind_of, dead)} == {("invalid_grant", None)}
