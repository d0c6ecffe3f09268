import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from glassgate.lab.origins.payroll import SALARIES


def ticks(site, *, token=None, origin=None):
    token = site.team.token("payroll") if token is None else token
    headers = {"Cf-Access-Jwt-Assertion": token} if token else {}
    url = f"ws://{site.endpoint}/ticks"
    return connect(url, additional_headers=headers, origin=origin, open_timeout=10, proxy=None)


def test_it_ticks_at_once_and_goes_on(payroll):
    with ticks(payroll, origin=f"http://{payroll.endpoint}") as socket:
        first, second = (json.loads(socket.recv(timeout=10)) for _ in range(2))
    assert (first["tick"], second["tick"]) == (0, 1)
    assert first["user"] == "alice@contoso.example"
    assert second["last"] == SALARIES[0].name


def test_two_listeners_tick_apart(payroll):
    with ticks(payroll) as one, ticks(payroll) as other:
        assert json.loads(one.recv(timeout=10))["tick"] == json.loads(other.recv(timeout=10))["tick"] == 0


def test_it_takes_no_orders(payroll):
    with ticks(payroll) as socket:
        socket.send("stop")
        assert json.loads(socket.recv(timeout=10))["tick"] == 0
        assert json.loads(socket.recv(timeout=10))["tick"] == 1


@pytest.mark.parametrize(
    ("token", "origin"), [("", None), ("made.up.token", None), (None, "https://evil.example")],
    ids=["no assertion", "made up", "another site"],
)  # fmt: skip
def test_who_may_not_listen(payroll, token, origin):
    with pytest.raises(InvalidStatus) as refused:
        ticks(payroll, token=token, origin=origin)
    assert refused.value.response.status_code == 403


def test_a_listener_has_its_line_in_the_log(payroll):
    before = len(payroll.log)
    with ticks(payroll) as socket:
        socket.recv(timeout=10)
        assert payroll.log[before:][0].endswith(" GET /ticks alice@contoso.example")


def test_the_page_and_the_data_have_everyone(payroll):
    page = payroll.ask("/").text
    assert all(one.name in page and f"{one.euros:,}" in page for one in SALARIES)
    told = payroll.ask("/api/salaries").json()["salaries"]
    assert [one["name"] for one in told] == [one.name for one in SALARIES]


def test_the_pages_script_is_a_file_of_its_own(payroll):
    page = payroll.ask("/").text
    assert page.count("<script") == page.count('<script src="/ticker.js" defer></script>') == 1
    assert payroll.ask("/ticker.js").headers["Content-Type"].startswith("text/javascript")
