import contextlib
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgate.oidc.errors import ProviderUnavailable, Reason, SignInError
from glassgate.oidc.graph import CHECK, MEMBER_OF, Graph
from oidc.scripted import Scripted, answer, refused

BASE = "https://graph.localhost:8443"
FIRST, CHECKED = BASE + MEMBER_OF, BASE + CHECK
NEXT = "@odata.nextLink"
AWAY = ProviderUnavailable(Reason.TIMEOUT, "no answer")


def page(*ids, after=None):
    found = {"@odata.context": "x", "value": [{"@odata.type": "#microsoft.graph.group", "id": one} for one in ids]}
    return found | ({NEXT: after} if after else {})


def link(number):
    return f"{BASE}/v1.0/me/transitiveMemberOf/microsoft.graph.group?$skiptoken={number}"


def graph_of(answers):
    script = Scripted(answers)
    return Graph(BASE, "opaque", script, script.waits.append), script


def guids(number):
    return [str(uuid.UUID(int=one)) for one in range(number)]


def directory(ids):
    """The pages of a user's groups, by address."""
    parts = [ids[start : start + 999] for start in range(0, len(ids), 999)]
    addresses = [FIRST, *(link(number) for number in range(1, len(parts)))]
    return {
        address: page(*part, after=after)
        for address, part, after in zip(addresses, parts, [*addresses[1:], None], strict=True)
    }


def test_five_thousand_groups_are_six_calls():
    graph, script = graph_of(directory(guids(5000)))
    assert graph.groups() == frozenset(guids(5000))
    assert len(script.calls) == 6
    assert script.waits == []


def test_what_is_asked():
    graph, script = graph_of({FIRST: page()})
    assert graph.groups() == frozenset()
    (call,) = script.calls
    assert (call.method, call.body) == ("GET", None)
    # An advanced query, without which Graph neither counts nor casts; User.Read is enough for /me.
    assert call.headers == (("Authorization", "Bearer opaque"), ("ConsistencyLevel", "eventual"))
    assert "/me/transitiveMemberOf/microsoft.graph.group?" in call.url
    assert "$select=id" in call.url
    assert "$top=999" in call.url


def test_ids_have_no_case():
    graph, _ = graph_of({FIRST: page("ABCDEF01-0000-0000-0000-000000000000")})
    assert graph.groups() == {"abcdef01-0000-0000-0000-000000000000"}


LINKS = {
    "elsewhere": "https://evil.example/v1.0/x",
    "elsewhere, begins so": f"{BASE}.evil.example/x",
    "elsewhere, with our host as a user": f"{BASE}@evil.example/x",
    "a user at Graph": "https://user@graph.localhost:8443/x",
    "elsewhere after a backslash": f"{BASE}\\@evil.example/x",
    "elsewhere after a line break": f"{BASE}\n@evil.example/x",
    "another port": "https://graph.localhost/x",
    "in the clear": "http://graph.localhost:8443/x",
    "no scheme": "//graph.localhost:8443/x",
    "a path": "/v1.0/x",
    "no address": "https://[",
    "empty": "",
    "a number": 7,
    "a list": [FIRST],
    "false": False,
    "too long": BASE + "/" + "x" * 5000,
}


@pytest.mark.parametrize("name", LINKS)
def test_the_next_page_is_at_graph_itself(name):
    """The token goes along: it is shown to nobody whom an answer names."""
    graph, script = graph_of({FIRST: page("g1") | {NEXT: LINKS[name]}})
    assert refused(graph.groups) == "graph_link"
    assert [call.url for call in script.calls] == [FIRST]


def test_the_longest_address_that_is_followed():
    longest = link("x" * (4096 - len(link(""))))
    graph, _ = graph_of({FIRST: page("g1", after=longest), longest: page("g2")})
    assert graph.groups() == {"g1", "g2"}


@pytest.mark.parametrize("after", [FIRST, link(1), link(2)], ids=["the first again", "itself", "the one before"])
def test_pages_in_a_circle_are_left(after):
    graph, script = graph_of(
        {FIRST: page("g1", after=link(2)), link(2): page("g2", after=link(1)), link(1): page("g3", after=after)}
    )
    assert refused(graph.groups) == "graph_link"
    assert len(script.calls) == 3


def test_pages_without_end_are_left():
    endless = {link(number): page(f"g{number}", after=link(number + 1)) for number in range(1, 200)}
    graph, script = graph_of({FIRST: page("g0", after=link(1))} | endless)
    assert refused(graph.groups) == "graph_link"
    assert len(script.calls) == 51


UNREADABLE = {  # name: (what Graph answers, reason, whether another try may succeed)
    "forbidden": (answer({"error": {"code": "Authorization_RequestDenied"}}, 403), "groups_unknown", False),
    "token refused": (answer({"error": {"code": "InvalidAuthenticationToken"}}, 401), "groups_unknown", False),
    "too many": (answer({"error": {"code": "Directory_ResultSizeLimitExceeded"}}, 400), "groups_unknown", False),
    "no user": (answer(b"", 404), "groups_unknown", False),
    "redirect": (answer({}, 302, Location="https://evil.example"), "groups_unknown", False),
    "empty answer": (answer(b"", 204), "groups_unknown", False),
    "broken": (answer({"error": {"code": "generalException"}}, 500), "groups_unknown", True),
    "bad gateway": (answer(b"<html>", 502), "groups_unknown", True),
    "away": (AWAY, "timeout", True),
    "too large": (ProviderUnavailable(Reason.TOO_LARGE, "x"), "too_large", True),
    "not JSON": (answer(b"<html>"), "groups_unknown", False),
    "a list": (answer([]), "groups_unknown", False),
    "no value": (answer({}), "groups_unknown", False),
    "value an object": (answer({"value": {}}), "groups_unknown", False),
    "value null": (answer({"value": None}), "groups_unknown", False),
    "twice": (answer(b'{"value": [], "value": []}'), "json_duplicate", False),
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("ask", [Graph.groups, lambda graph: graph.groups_among(["g1"])], ids=["all", "some"])
def test_what_cannot_be_read_is_never_no_groups(name, ask):
    said, reason, passes = UNREADABLE[name]
    graph, _ = graph_of({FIRST: said, CHECKED: said})
    with pytest.raises(SignInError) as caught:
        ask(graph)
    assert (str(caught.value.reason), isinstance(caught.value, ProviderUnavailable)) == (reason, passes)
    assert "opaque" not in str(caught.value)


@pytest.mark.parametrize(
    "entry", [{}, {"id": None}, {"id": 7}, {"id": ""}, {"id": "g" * 65}, "g1", None, [{"id": "g1"}]], ids=str
)
def test_an_entry_without_an_id_makes_the_page_unreadable(entry):
    graph, _ = graph_of({FIRST: {"value": [{"id": "g1"}, entry]}})
    assert refused(graph.groups) == "groups_unknown"


@pytest.mark.parametrize("value", [[7], [None], [""], [["g1"]], [{"id": "g1"}]], ids=str)
def test_a_checked_group_is_text(value):
    graph, _ = graph_of({CHECKED: {"value": value}})
    assert refused(graph.groups_among, ["g1"]) == "groups_unknown"


@pytest.mark.parametrize("last", ["broken", "forbidden", "not JSON", "away", "value null"])
def test_half_of_the_pages_is_not_the_groups(last):
    said, reason, _ = UNREADABLE[last]
    graph, script = graph_of({FIRST: page("g1", after=link(1)), link(1): said})
    assert refused(graph.groups) == reason
    assert len(script.calls) == 2


def test_what_graph_says_of_it_is_told():
    graph, _ = graph_of({FIRST: UNREADABLE["forbidden"][0]})
    with pytest.raises(SignInError, match=r"403 \('Authorization_RequestDenied'\): is User.Read granted"):
        graph.groups()


# --- Graph is busy ------------------------------------------------------------------------------------------


def busy(seconds, status=429):
    return answer(
        {"error": {"code": "TooManyRequests"}}, status, **({} if seconds is None else {"Retry_After": seconds})
    )


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "waited"),
    [("2", 2), (" 2 ", 2), ("0", 0), ("3", 3), (None, 1), ("", 1), ("1.5", 1), ("-5", 1), ("\u0663", 1),
     ("Wed, 21 Oct 2026 07:28:00 GMT", 1)],
)  # fmt: skip
def test_graph_says_when_to_come_back(status, said, waited):
    graph, script = graph_of({FIRST: [busy(said, status), page("g1")]})
    assert graph.groups() == {"g1"}
    assert script.waits == [waited]


@pytest.mark.parametrize("said", ["4", "60", "99999", "100000", "9" * 5000])
def test_too_long_is_not_waited_for(said):
    graph, script = graph_of({FIRST: [busy(said), page("g1")]})
    with pytest.raises(ProviderUnavailable) as caught:
        graph.groups()
    assert caught.value.reason is Reason.GROUPS_UNKNOWN
    assert (script.waits, len(script.calls)) == ([], 1)


def test_three_tries_and_no_more():
    graph, script = graph_of({FIRST: busy("1")})
    with pytest.raises(ProviderUnavailable, match="429"):
        graph.groups()
    assert (script.waits, len(script.calls)) == ([1, 1], 3)


def test_all_waits_of_one_reading_are_bounded():
    """Somebody sits before the browser while the pages come."""
    pages = directory(guids(5000))
    graph, script = graph_of({address: [busy("2"), said] for address, said in pages.items()})
    with pytest.raises(ProviderUnavailable):
        graph.groups()
    assert sum(script.waits) <= 6


def test_every_page_may_be_busy_for_a_moment():
    pages = directory(guids(5000))
    graph, script = graph_of({address: [busy("1"), said] for address, said in pages.items()})
    assert graph.groups() == frozenset(guids(5000))
    assert script.waits == [1] * 6


def test_busy_then_forbidden_is_forbidden():
    graph, script = graph_of({FIRST: [busy("1"), UNREADABLE["forbidden"][0]]})
    with pytest.raises(SignInError) as caught:
        graph.groups()
    assert not isinstance(caught.value, ProviderUnavailable)
    assert script.waits == [1]


# --- just the groups that policies name ---------------------------------------------------------------------


def asked_in(script):
    return [json.loads(call.body)["groupIds"] for call in script.calls]


@pytest.mark.parametrize(("number", "calls"), [(0, 0), (1, 1), (20, 1), (21, 2), (41, 3), (500, 25)])
def test_groups_are_checked_in_twenties(number, calls):
    graph, script = graph_of({CHECKED: {"value": []}})
    assert graph.groups_among(guids(number)) == frozenset()
    assert len(script.calls) == calls
    assert all(1 <= len(some) <= 20 for some in asked_in(script))
    assert sorted(one for some in asked_in(script) for one in some) == guids(number)


def test_too_many_are_not_asked_for():
    graph, script = graph_of({CHECKED: {"value": []}})
    assert refused(graph.groups_among, guids(501)) == "groups_unknown"
    assert script.calls == []


def test_a_check_says_which():
    graph, script = graph_of({CHECKED: {"value": ["G2"]}})
    assert graph.groups_among(["g2", "g1", "g2"]) == {"g2"}
    (call,) = script.calls
    assert (call.method, json.loads(call.body)) == ("POST", {"groupIds": ["g1", "g2"]})
    assert ("Content-Type", "application/json") in call.headers


def test_nobody_is_in_a_group_that_was_not_asked_for():
    graph, _ = graph_of({CHECKED: [{"value": ["g1", "admins", guids(30)[25]]}, {"value": [guids(30)[0]]}]})
    assert graph.groups_among(["g1"]) == {"g1"}
    graph, _ = graph_of({CHECKED: [{"value": [guids(30)[25]]}, {"value": [guids(30)[0]]}]})
    assert graph.groups_among(guids(30)) == frozenset()


def test_one_check_that_fails_makes_all_unknown():
    graph, script = graph_of({CHECKED: [{"value": guids(20)}, UNREADABLE["broken"][0]]})
    assert refused(graph.groups_among, guids(21)) == "groups_unknown"
    assert len(script.calls) == 2


def test_a_check_may_be_busy_too():
    graph, script = graph_of({CHECKED: [busy("2"), {"value": ["g1"]}]})
    assert graph.groups_among(["g1"]) == {"g1"}
    assert script.waits == [2]


# --- whatever it answers ------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([FIRST, link(1), BASE]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "value", NEXT]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    JSON.map(lambda value: json.dumps(value).encode()) | st.binary(), st.sampled_from([200, 429, 503, 400]), st.text()
)
def test_any_answer_is_groups_or_a_refusal(body, status, after):
    called, waits = [], []

    def fetch(request):
        called.append(request.url)
        return answer(body, status, Retry_After=after)

    for ask in (Graph.groups, lambda graph: graph.groups_among(["g1"])):
        with contextlib.suppress(SignInError):
            assert isinstance(ask(Graph(BASE, "opaque", fetch, waits.append)), frozenset)
    assert all(url.startswith(BASE) for url in called)
    assert sum(waits) <= 12
