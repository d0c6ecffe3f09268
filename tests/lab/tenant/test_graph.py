import uuid
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from lab.tenancy import CLIENT, FINANCE, MULTI, STAFF, USERS

EVERY = "/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id&$count=true&$top=999"
ME = {"scope": "openid profile email User.Read"}


def bearer(browser, name="alice", client=CLIENT, **changes):
    code = browser.code(name, **(ME | {"client_id": client, "prompt": "login"} | changes))
    at = {"at": changes["tenant"]} if "tenant" in changes else {}
    return {"Authorization": "Bearer " + browser.redeem(code, client_id=client, **at).json["access_token"]}


def in_many_groups(tenancy, count):
    tenancy.users = (replace(USERS[0], groups=(STAFF,), groups_count=count - 1), *USERS[1:])
    tenancy.restart()


def pages_of(tenancy, link, headers):
    """Every page, as a client reads them."""
    pages = []
    while link:
        parts = urlsplit(link)
        answer = tenancy.graph(f"{parts.path}?{parts.query}", **headers)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json)
        link = answer.json.get("@odata.nextLink")
        assert link is None or link.startswith("https://graph.localhost:8443/v1.0/me/transitiveMemberOf/")
    return pages


def test_userinfo_tells_what_the_scopes_allow(tenancy, browser):
    told = tenancy.graph("/oidc/userinfo", **bearer(browser)).json
    assert (told["name"], told["email"]) == ("Alice Ahlberg", "alice@contoso.example")
    assert set(tenancy.graph("/oidc/userinfo", **bearer(browser, scope="openid")).json) == {"sub"}


@pytest.mark.parametrize("path", ["/oidc/userinfo", "/v1.0/me", EVERY])
@pytest.mark.parametrize(
    "value", ["", "Bearer x", "Bearer ", f"Basic {CLIENT}"], ids=["none", "made up", "empty", "basic"]
)
def test_without_an_access_token_nothing_is_told(tenancy, path, value):
    answer = tenancy.graph(path, **({"Authorization": value} if value else {}))
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "InvalidAuthenticationToken"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_an_error_has_graphs_shape(tenancy):
    answer = tenancy.graph("/v1.0/me", **{"client-request-id": "mine"})
    error = answer.json["error"]
    assert set(answer.json) == {"error"}
    assert set(error) == {"code", "message", "innerError"}
    assert error["innerError"]["client-request-id"] == "mine"
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    assert error["innerError"]["date"] == "2027-01-15T08:00:00"


def test_no_other_token_passes_for_an_access_token(tenancy, browser):
    answer = browser.redeem(browser.code(scope="openid offline_access User.Read")).json
    for other in (browser.code(), answer["id_token"], answer["refresh_token"]):
        assert tenancy.graph("/v1.0/me", Authorization=f"Bearer {other}").status_code == 401


def test_an_access_token_ends(tenancy, browser):
    access = bearer(browser)
    tenancy.clock.now += 3601
    answer = tenancy.graph("/v1.0/me", **access)
    assert (answer.status_code, "expired" in answer.json["error"]["message"]) == (401, True)


def test_an_access_token_of_somebody_who_left_is_good_for_nothing(tenancy, browser):
    access = bearer(browser)
    tenancy.users = USERS[1:]
    tenancy.restart()
    assert tenancy.graph("/v1.0/me", **access).status_code == 401


@pytest.mark.parametrize("path", ["/v1.0/me", EVERY])
def test_an_application_needs_the_permission(tenancy, browser, path):
    answer = tenancy.graph(path, **bearer(browser, scope="openid profile email"))
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize(
    "scope",
    ["openid User.Read", "openid https://graph.localhost:8443/User.Read", "openid https://graph.localhost:8443/.default",
     "openid .default"],
    ids=["bare", "whole", "default", "bare default"],
)  # fmt: skip
def test_a_permission_has_several_names(tenancy, browser, scope):
    told = tenancy.graph("/v1.0/me", **bearer(browser, scope=scope)).json
    assert (told["displayName"], told["userPrincipalName"]) == ("Alice Ahlberg", "alice@contoso.example")
    assert (told["givenName"], told["surname"]) == ("Alice", "Ahlberg")
    assert str(uuid.UUID(told["id"])) == told["id"]


def test_groups_come_on_one_page_where_they_fit(tenancy, browser):
    headers = bearer(browser, "bob") | {"ConsistencyLevel": "eventual"}
    assert tenancy.graph(EVERY, **headers).json == {
        "@odata.context": "https://graph.localhost:8443/v1.0/$metadata#groups(id)",
        "@odata.count": 1,
        "value": [{"id": FINANCE}],
    }


@pytest.mark.parametrize(
    ("count", "query", "sizes"),
    [
        (5000, "?$select=id&$count=true&$top=999", [999] * 5 + [5]),
        (1998, "?$select=id&$count=true&$top=999", [999, 999]),
        (250, "?$select=id&$count=true", [100, 100, 50]),
        (250, "", [100, 100, 50]),
        (3, "?$top=1", [1, 1, 1]),
    ],
)
def test_many_groups_come_page_by_page(tenancy, browser, count, query, sizes):
    in_many_groups(tenancy, count)
    headers = bearer(browser) | {"ConsistencyLevel": "eventual"}
    pages = pages_of(tenancy, EVERY.partition("?")[0] + query, headers)
    assert [len(page["value"]) for page in pages] == sizes
    assert len({group["id"] for page in pages for group in page["value"]}) == count
    assert {page.get("@odata.count") for page in pages} == {count if "$count" in query else None}
    assert set(pages[0]["value"][0]) == ({"id"} if "$select" in query else {"id", "displayName", "securityEnabled"})


def test_without_eventual_consistency_nothing_is_counted(tenancy, browser):
    assert "@odata.count" not in tenancy.graph(EVERY, **bearer(browser, "bob")).json


@pytest.mark.parametrize(
    "query",
    ["$top=0", "$top=1000", "$top=x", "$top=²", "$select=secret", "$skiptoken=made-up", f"$skiptoken={'x' * 9000}"],
)
def test_a_query_that_graph_does_not_take(tenancy, browser, query):
    answer = tenancy.graph(f"{EVERY.partition('?')[0]}?{query}", **bearer(browser))
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "Request_BadRequest")


def test_a_next_page_is_of_one_user_and_ends(tenancy, browser):
    in_many_groups(tenancy, 250)
    link = urlsplit(tenancy.graph(EVERY.replace("999", "100"), **bearer(browser)).json["@odata.nextLink"])
    path = f"{link.path}?{link.query}"
    assert tenancy.graph(path, **bearer(browser, "bob")).status_code == 400
    tenancy.clock.now += 3601
    late = tenancy.graph(path, **bearer(browser))
    assert late.json["error"]["code"] == "Directory_ExpiredPageToken"


def asked(*groups):
    return {"groupIds": list(groups)}


CHECKED = {
    "one of two": (asked(FINANCE, STAFF), [FINANCE]),
    "none": (asked(STAFF), []),
    "twice": (asked(FINANCE, FINANCE), [FINANCE]),
    "in capitals": (asked(FINANCE.upper()), [FINANCE.upper()]),
    "nothing": (asked(), []),
    "twenty": (asked(FINANCE, *(str(uuid.uuid4()) for _ in range(19))), [FINANCE]),
    "twenty-one": (asked(*(str(uuid.uuid4()) for _ in range(21))), None),
    "no ids": (asked("staff"), None),
    "numbers": ({"groupIds": [1]}, None),
    "no list": ({"groupIds": FINANCE}, None),
    "no key": ({}, None),
    "no object": ([FINANCE], None),
}


@pytest.mark.parametrize("row", CHECKED)
def test_which_of_some_groups_a_user_is_in(tenancy, browser, row):
    body, expected = CHECKED[row]
    answer = tenancy.graph("/v1.0/me/checkMemberGroups", json=body, **bearer(browser, "bob"))
    if expected is None:
        assert (answer.status_code, answer.json["error"]["code"]) == (400, "Request_BadRequest")
    else:
        assert answer.json["value"] == expected


@pytest.mark.parametrize("path", ["getMemberGroups", "getMemberObjects"])
def test_all_groups_at_once_up_to_a_bound(tenancy, browser, path):
    in_many_groups(tenancy, 11_000)
    ask = {"json": {"securityEnabledOnly": True}}
    assert len(tenancy.graph(f"/v1.0/me/{path}", **ask, **bearer(browser)).json["value"]) == 11_000
    in_many_groups(tenancy, 11_001)
    answer = tenancy.graph(f"/v1.0/me/{path}", **ask, **bearer(browser))
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "Directory_ResultSizeLimitExceeded")
    assert tenancy.graph(f"/v1.0/me/{path}", json={}, **bearer(browser)).status_code == 400


def test_a_user_of_another_tenant_is_that_tenants(tenancy, browser):
    told = tenancy.graph("/v1.0/me", **bearer(browser, "dave@fabrikam.example", MULTI, tenant="organizations")).json
    assert told["userPrincipalName"] == "dave@fabrikam.example"


def test_groups_are_those_of_the_moment(tenancy, browser):
    headers = bearer(browser, "bob")
    tenancy.switch_user("bob@contoso.example", added=(STAFF,), removed=(FINANCE,))
    assert tenancy.graph(EVERY, **headers).json["value"] == [{"id": STAFF}]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("graph429", 429, "TooManyRequests"),
        ("graph500", 500, "generalException"),
        ("graph403", 403, "Authorization_RequestDenied"),
        ("down", 503, "serviceNotAvailable"),
    ],
)
def test_a_fault_on_command(tenancy, browser, fault, status, code):
    headers = bearer(browser)
    tenancy.switch(**{fault: 1})
    answer = tenancy.graph(EVERY, **headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == ("2" if fault == "graph429" else None)
    assert tenancy.graph(EVERY, **headers).status_code == 200


def test_it_is_slow_on_command(tenancy, browser):
    headers = bearer(browser)
    tenancy.switch(slow=1)
    assert tenancy.graph("/v1.0/me", **headers).status_code == 200
    assert tenancy.slept == [3.0]


def test_there_is_nothing_else(tenancy, browser):
    assert tenancy.graph("/v1.0/users", **bearer(browser)).status_code == 404
    assert tenancy.graph("/v1.0/me", json={}, **bearer(browser)).status_code == 405
    assert tenancy.graph("/v1.0/me/checkMemberGroups", json={"x": "x" * 40_000}).status_code in (401, 413)
