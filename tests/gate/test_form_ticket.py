"""The cookie that holds a form: what is not ours, or not of this app and host, is no ticket."""

from dataclasses import replace

import pytest

from gate.forms import wiki
from gate.site import NOW, PAYROLL, WIKI, Keys, request_of, site_of
from glassgate.access import cookies
from glassgate.access.seal import Purpose
from glassgate.access.session import digest
from glassgate.gate.form_ticket import Ticket, tickets
from glassgate.gate.kept_forms import Place

WIKI_APP = wiki()
PLACE = Place("id", "key", ("all/1",), NOW + 600)
TICKET = Ticket(PLACE, "user", WIKI_APP.aud, WIKI, digest("/save"))


def read(ticket=TICKET, *, at=NOW, host=WIKI, keys=None, name=None):
    line = ticket.set_cookie(site_of(apps=[WIKI_APP]), NOW)[1]
    pair = line.partition(";")[0]
    if name:
        pair = name + "=" + pair.partition("=")[2]
    other = site_of(apps=[WIKI_APP], keys=keys)
    return tickets(other, request_of("/", headers={"cookie": pair}, at=at), WIKI_APP, host)


def test_it_comes_back_as_it_was():
    assert read() == [TICKET]
    assert [TICKET.is_for(target) for target in ("/save", "/save?x=1", "/Save", "")] == [True, False, False, False]


def test_it_is_taken_away_by_its_name():
    name, line = TICKET.clear_cookie()
    assert (name, line.partition(";")[0]) == ("Set-Cookie", "__Host-CF_Form_id=")
    assert all(part in line for part in ("Secure", "Path=/", "Expires=Thu, 01 Jan 1970"))


NONE = [
    ("of another host", {"host": PAYROLL}),
    ("of another app", {"ticket": replace(TICKET, audience="f" * 64)}),
    ("of another team", {"keys": Keys("two")}),
    ("by another name", {"name": cookies.FORM + "other"}),
    ("of another purpose's name", {"name": cookies.APP_SESSION + "id"}),
    ("too old", {"at": NOW + 601}),
    ("of a form that has ended", {"ticket": replace(TICKET, place=replace(PLACE, until=NOW - 1))}),
]


@pytest.mark.parametrize("more", [row[1] for row in NONE], ids=[row[0] for row in NONE])
def test_no_ticket(more):
    assert read(**more) == []


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.FORM])
def test_what_is_sealed_for_something_else_is_none(purpose):
    site = site_of(apps=[WIKI_APP])
    sealed = site.seal.close(
        purpose, {"i": "id", "a": WIKI_APP.aud, "h": WIKI, "e": NOW + 9, "u": "", "k": "", "s": [], "t": ""}, NOW
    )
    request = request_of("/", headers={"cookie": f"{cookies.FORM}id={sealed}"})
    assert tickets(site, request, WIKI_APP, WIKI) == []
