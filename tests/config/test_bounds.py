"""The limits that a file may set: how they are written, within what, and which must agree."""

import json
from dataclasses import fields

import pytest

from config.files import app, good, problems, settings
from glassgate.config.bounds import PARTS_OF, Bounds
from glassgate.config.limits import KIB, LIMITS, MIB
from glassgate.config.schema import published

OURS_ALONE = {  # what nobody would set, and what follows from another
    "hello", "hello_pieces", "empty_lines", "interim_answers", "lingering", "unread", "most_unread", "unsent",
    "most_unsent", "span", "kept_messages", "kept_bytes",
}  # fmt: skip


def limited(tmp_path, **limits):
    return settings(good(limits=limits), tmp_path).limits


def test_without_the_section_they_are_the_usual_ones(tmp_path):
    assert settings(good(), tmp_path).limits == LIMITS
    assert limited(tmp_path) == LIMITS


def test_every_limit_is_a_key_or_ours_alone():
    assert {one.name for one in fields(LIMITS)} == set(Bounds.model_fields) | OURS_ALONE
    assert set(Bounds.model_fields) & OURS_ALONE == set()


SAID = [
    ("a size with its unit", "head", "128 KiB", 128 * KIB),
    ("without the space", "websocket_message", "1MiB", MIB),
    ("in bytes", "refused_body", 10_000, 10_000),
    ("in bytes, as text", "refused_body", "10000 B", 10_000),
    ("a duration", "head_time", "5s", 5.0),
    ("one of several units", "answer_time", "1m30s", 90.0),
    ("none at all", "drain_time", "0s", 0.0),
    ("at any rate", "body_rate", 0, 0),
    ("a count", "streams", 250, 250),
]


@pytest.mark.parametrize(("key", "value", "means"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_what_is_said_holds_and_the_rest_is_as_usual(tmp_path, key, value, means):
    limits = limited(tmp_path, **{key: value})
    assert getattr(limits, key) == means
    changed = {one.name for one in fields(limits) if getattr(limits, one.name) != getattr(LIMITS, one.name)}
    assert changed == {key}


REFUSED = [
    ("a head too small for browsers", "head", "4 KiB", "`4 KiB` is too small", "write from `8 KiB` to `1 MiB`"),
    ("a head that fills memory", "head", "2 MiB", "`2 MiB` is too large", "write from `8 KiB` to `1 MiB`"),
    ("a window below HTTP/2's own", "connection_window", "32 KiB", "`32 KiB` is too small", "`64 KiB`"),
    ("no time for a head", "head_time", "0s", "`0s` is too short", "write from `1s` to `5m`"),
    ("all the time for a head", "head_time", "1h", "`1h` is too long", "write from `1s` to `5m`"),
    ("no connections", "connections", 0, "`0` is too few", "write from `1` to `1000000`"),
    ("too many streams", "streams", 5000, "`5000` is too many", "write from `1` to `1000`"),
    ("a number for a duration", "idle_time", 75, "is not a duration", "with its unit"),
    ("a duration of another kind", "idle_time", "75 seconds", "`75 seconds` is not a duration", "`24h`"),
    ("text for a count", "streams", "100", "is not a whole number", "without quotes"),
    ("half a connection", "connections", 1.5, "is not a whole number", "in digits"),
    ("yes for a count", "connections", True, "is not a whole number", "in digits"),
    ("a list for a size", "head", ["64 KiB"], "is not a size", "`64 KiB`"),
    ("a unit of another kind", "head", "64 kB", "`64 kB` is not a size", "`64 KiB`"),
    ("less than nothing", "head", -1, "is not a size", "`64 KiB`"),
]


@pytest.mark.parametrize(
    ("key", "value", "what", "mend"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_is_not_safe_or_cannot_be_read(tmp_path, key, value, what, mend):
    ((line, said, mended),) = problems(good(limits={"idle_time": "70s"} | {key: value}), tmp_path)
    assert line == str((tmp_path / "config.yaml").read_text().splitlines().index(line_of(tmp_path, key)) + 1)
    assert said.startswith(f"`limits`: `{key}`: {what}")
    assert mend in mended


def line_of(tmp_path, key):
    return next(line for line in (tmp_path / "config.yaml").read_text().splitlines() if line.strip().startswith(key))


def test_a_key_that_is_not_known_is_told_with_the_nearest(tmp_path):
    ((_, said, mend),) = problems(good(limits={"conections": 5}), tmp_path)
    assert (said, mend) == ("`limits`: `conections` is no key of `limits`", "did you mean `connections`?")


def test_what_is_less_than_usual_takes_its_parts_along(tmp_path):
    limits = limited(tmp_path, connections=100, to_origin=10, connection_window="512 KiB")
    assert (limits.of_one_address, limits.kept_idle, limits.stream_window) == (100, 10, 512 * KIB)


def test_a_head_is_read_to_its_end_however_long_it_may_be(tmp_path):
    assert limited(tmp_path, head="1 MiB").unread == MIB


DISAGREE = [
    ("more of one address than of all", {"connections": 100, "of_one_address": 200}, "of_one_address", "`100`"),
    ("more than the usual number", {"of_one_address": 9000}, "of_one_address", "`8192`"),
    ("more idle than there are", {"kept_idle": 20, "to_origin": 10}, "kept_idle", "`10`"),
    ("one body more than all", {"stream_window": "8 MiB"}, "stream_window", "`4 MiB`"),
]


@pytest.mark.parametrize(("limits", "key", "most"), [row[1:] for row in DISAGREE], ids=[row[0] for row in DISAGREE])
def test_what_does_not_agree(tmp_path, limits, key, most):
    ((_, said, mend),) = problems(good(limits=limits), tmp_path)
    whole = {part: whole for part, whole, _ in PARTS_OF}[key]
    assert said == f"`limits`: `{key}`: is more than `{whole}`, which is {most}"
    assert mend == f"raise `{whole}`, too, or lower this"


def test_what_cannot_be_read_is_told_once(tmp_path):
    found = problems(good(limits={"connections": "many", "of_one_address": 20}), tmp_path)
    assert [said for _, said, _ in found] == ["`limits`: `connections`: is not a whole number"]


@pytest.mark.parametrize("limits", [[], "none", 5], ids=["a list", "text", "a number"])
def test_what_is_no_section(tmp_path, limits):
    ((_, said, _),) = problems(good(limits=limits), tmp_path)
    assert said == "`limits`: wants keys with values"


BODIES = [("10 MiB", 10 * MIB), (0, 0), ("1 TiB", 1 << 40), (5000, 5000)]


@pytest.mark.parametrize(("said", "means"), BODIES)
def test_an_app_may_bound_its_bodies(tmp_path, said, means):
    (wiki,) = settings(app(max_body=said), tmp_path).apps
    assert wiki.max_body == means


def test_an_app_that_says_nothing_takes_any_body(tmp_path):
    (wiki,) = settings(good(), tmp_path).apps
    assert wiki.max_body is None


@pytest.mark.parametrize("said", ["10 MB", "2 TiB", "unlimited", True])
def test_what_is_no_bound_of_bodies(tmp_path, said):
    ((_, what, mend),) = problems(app(max_body=said), tmp_path)
    assert what.startswith("apps[0] `wiki`: `max_body`: ")
    assert mend


KEPT = [(True, 8 * MIB), (False, 0), ("20 MiB", 20 * MIB), (1024, KIB)]


@pytest.mark.parametrize(("said", "means"), KEPT)
def test_an_app_may_have_forms_kept(tmp_path, said, means):
    (wiki,) = settings(app(keep_forms=said), tmp_path).apps
    assert wiki.keep_forms == means


def test_an_app_that_says_nothing_has_none_kept(tmp_path):
    (wiki,) = settings(good(), tmp_path).apps
    assert wiki.keep_forms == 0
    assert json.loads(published())["$defs"]["App"]["properties"]["keep_forms"]["default"] is False


@pytest.mark.parametrize("said", [0, "65 MiB", "all", [], "true"], ids=str)
def test_what_is_no_size_of_kept_forms(tmp_path, said):
    ((_, what, mend),) = problems(app(keep_forms=said), tmp_path)
    assert what.startswith("apps[0] `wiki`: `keep_forms`: ")
    assert mend


def test_editors_are_told_of_defaults_and_bounds():
    keys = json.loads(published())["$defs"]["Bounds"]["properties"]
    assert (keys["head"]["default"], keys["head_time"]["default"]) == ("64 KiB", "10s")
    assert (keys["connections"]["default"], keys["connections"]["maximum"]) == (8192, 1_000_000)
    assert keys["answer_time"]["default"] == "2m"
    assert all("From `" in key["description"] for key in keys.values())
