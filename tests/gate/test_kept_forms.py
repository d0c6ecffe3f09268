"""Forms in the store: bounded in all, by address and by session; each opens by its own key alone."""

from dataclasses import replace

import pytest

from gate.site import NOW
from glassgate.gate.exchange import run
from glassgate.gate.kept_forms import LIFETIME, MOST, MOST_OF_ADDRESS, MOST_OF_SESSION, Head, KeptForms
from glassgate.state.memory import MemoryStore
from glassgate.state.sqlite import SqliteStore

HEAD = Head("text/plain", "", NOW, 5, 2)


def kept(forms, form="one", session="s", address="a", at=NOW):
    place = run(forms.place(form, f"key of {form}", session, address, at))
    if place:
        run(forms.write(place, 1, b"abc"))
        run(forms.write(place, 2, b"de"))
        run(forms.finish(place, HEAD))
    return place


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "state" / "glassgate.db")
    yield made
    made.close()


def test_it_comes_back_whole_in_another_process_and_is_forgotten(store):
    place = kept(KeptForms(store))
    forms = KeptForms(store)
    head = run(forms.head(place, NOW))
    assert (head, run(forms.body(place, head, NOW))) == (HEAD, b"abcde")
    run(forms.forget(place, NOW))
    assert (run(forms.head(place, NOW)), run(forms.body(place, HEAD, NOW))) == (None, None)
    assert store.find("form", "", NOW) == []


def test_one_that_is_being_sent_waits_for_nobody_else(store):
    place = kept(KeptForms(store))
    forms = KeptForms(store)
    assert [run(forms.claim(place, NOW)), run(KeptForms(store).claim(place, NOW))] == [True, False]
    assert run(forms.head(place, NOW)) is None
    run(forms.release(place, NOW))
    assert (run(forms.head(place, NOW)), run(forms.claim(place, NOW))) == (HEAD, True)


def test_it_ends_by_itself():
    forms = KeptForms(MemoryStore())
    place = kept(forms)
    assert run(forms.head(place, NOW + LIFETIME - 1)) == HEAD
    assert run(forms.head(place, NOW + LIFETIME)) is None
    assert run(forms.body(place, HEAD, NOW + LIFETIME)) is None


def test_without_its_key_it_does_not_open():
    forms = KeptForms(MemoryStore())
    place = kept(forms)
    assert run(forms.head(replace(place, key="another"), NOW)) is None
    assert run(forms.body(replace(place, key="another"), HEAD, NOW)) is None


def test_a_head_that_says_more_than_there_is_has_no_body():
    forms = KeptForms(MemoryStore())
    place = kept(forms)
    for head in (replace(HEAD, size=6), replace(HEAD, size=4), replace(HEAD, pieces=3), replace(HEAD, pieces=1)):
        assert run(forms.body(place, head, NOW)) is None


BOUNDS = [
    ("of one session", MOST_OF_SESSION, lambda n: {"session": "s", "address": f"a{n}"}),
    ("of one address", MOST_OF_ADDRESS, lambda n: {"session": f"s{n}", "address": "a"}),
    ("in all", MOST, lambda n: {"session": f"s{n}", "address": f"a{n}"}),
]


@pytest.mark.parametrize(("most", "who"), [row[1:] for row in BOUNDS], ids=[row[0] for row in BOUNDS])
def test_there_are_only_so_many(most, who):
    store = MemoryStore()
    forms = KeptForms(store)
    places = [kept(forms, f"form {n}", **who(n)) for n in range(most)]
    assert None not in places
    slots = len(store.find("form_slot", "", NOW))
    assert kept(forms, "one more", **who(most)) is None
    assert len(store.find("form_slot", "", NOW)) == slots, "it takes no slot of the others either"
    run(forms.forget(places[0], NOW))
    assert kept(forms, "one more", **who(most)) is not None
    assert kept(forms, "later", at=NOW + LIFETIME, **who(most)) is not None


def test_a_slot_that_became_another_s_is_not_given_away():
    forms = KeptForms(MemoryStore())
    old = kept(forms, "old")
    later = NOW + LIFETIME
    new = [kept(forms, f"new {n}", at=later) for n in range(MOST_OF_SESSION)]
    run(forms.forget(old, later))
    assert None not in new
    assert kept(forms, "one more", at=later) is None
