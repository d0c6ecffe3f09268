"""An audit log read back: what was written, with what was moved aside, past what a crash left."""

import json

from glassgate.record.audit import AuditLog
from glassgate.record.events import Action, Event
from glassgate.record.reading import about, every, issued, moment


def event(ray, **more):
    return Event(Action.ISSUED, 1_800_000_000.25, ray, allowed=True, **more)


def written(path, *events):
    log = AuditLog(path)
    for one in events:
        log.write(one)
    log.close()
    return path


def test_a_request_is_found_by_its_id_and_a_token_by_its_grant(tmp_path):
    facts = {"ip": "::1", "identity": {"groups": ["g1"]}}
    path = written(
        tmp_path / "audit.jsonl", event("a" * 16), event("b" * 16, grant="f" * 32, facts=facts, rules="1234"),
    )  # fmt: skip
    (line,) = about(path, "b" * 16)
    assert (line["Facts"], line["Rules"], line["Grant"]) == (facts, "1234", "f" * 32)
    assert moment(line) == 1_800_000_000.25
    assert issued(path, "f" * 32) == line
    assert about(path, "c" * 16) == ()
    assert issued(path, "0" * 32) is None


def test_an_id_in_another_place_is_no_id(tmp_path):
    path = written(tmp_path / "audit.jsonl", event("a" * 16, path="/" + "b" * 16))
    assert about(path, "b" * 16) == ()


def test_what_was_moved_aside_comes_first(tmp_path):
    written(tmp_path / "audit.jsonl.1", event("1"))
    written(tmp_path / "audit.jsonl", event("2"))
    assert [line["RayID"] for line in every(tmp_path / "audit.jsonl")] == ["1", "2"]
    (tmp_path / "audit.jsonl").unlink()
    assert [line["RayID"] for line in every(tmp_path / "audit.jsonl")] == ["1"]


def test_half_a_line_and_what_is_no_object_are_passed_over(tmp_path):
    path = written(tmp_path / "audit.jsonl", event("1"))
    with path.open("a") as file:
        file.write('{"RayID": "2"\n[1]\n\xff\n' + json.dumps({"RayID": "3", "CreatedAt": "soon"}) + "\n")
    found = list(every(path))
    assert [line["RayID"] for line in found] == ["1", "3"]
    assert moment(found[1]) == 0.0
