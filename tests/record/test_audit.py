"""The audit log."""

import json
import logging
import os
import stat
import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glassgate.errors import StartError
from glassgate.record import audit
from glassgate.record.audit import AuditLog
from glassgate.record.events import Action, Event

SIGN_IN = Event(
    Action.SIGN_IN, 1_800_000_000.25, "9f3c", allowed=True, status=302, app="wiki", app_domain="wiki.localhost",
    app_aud="ab" * 32, user_id="5d0b", email="alice@contoso.example", ip="::1", country="SE", provider="entra",
    policy="staff", reason="fresh", details=("staff: include everyone: yes",), host="team.localhost",
    method="GET", path="/cdn-cgi/access/callback", user_agent="Browser/1",
)  # fmt: skip


def numbered(number):
    return Event(Action.LOGOUT, 1.0, str(number), allowed=True)


def told(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def rays(path):
    return [line["RayID"] for line in told(path)]


def written(path, *events):
    log = AuditLog(path)
    for event in events:
        log.write(event)
    log.close()
    return told(path)


def test_a_line_has_the_names_of_logpush_and_ours_beside_them(tmp_path):
    assert written(tmp_path / "audit.jsonl", SIGN_IN) == [
        {
            "Action": "login", "Allowed": True, "AppDomain": "wiki.localhost", "AppUUID": "ab" * 32, "Country": "SE",
            "CreatedAt": "2027-01-15T08:00:00.250Z", "Email": "alice@contoso.example", "IPAddress": "::1",
            "RayID": "9f3c", "UserUID": "5d0b", "App": "wiki", "Provider": "entra", "Policy": "staff",
            "Reason": "fresh", "Details": ["staff: include everyone: yes"], "Status": 302, "Host": "team.localhost",
            "Method": "GET", "Path": "/cdn-cgi/access/callback", "UserAgent": "Browser/1",
        }
    ]  # fmt: skip


def test_what_is_not_known_is_empty_in_theirs_and_left_out_of_ours(tmp_path):
    (line,) = written(tmp_path / "audit.jsonl", Event(Action.REFUSED, 1.0, "r"))
    assert line == {
        "Action": "refused", "Allowed": False, "AppDomain": "", "AppUUID": "", "Country": "",
        "CreatedAt": "1970-01-01T00:00:01.000Z", "Email": "", "IPAddress": "", "RayID": "r", "UserUID": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "name"),
    [
        (Action.SIGN_IN, "login"),
        (Action.SIGN_IN_FAILED, "login"),
        (Action.LOGOUT, "logout"),
        (Action.DENIED, "denied"),
        (Action.ISSUED, "issued"),
    ],
)
def test_actions_have_logpushs_names_where_it_has_one(action, name):
    assert json.loads(audit.line(Event(action, 1.0, "r")))["Action"] == name


TEXT = st.text(st.characters(codec=None), max_size=60)


@given(TEXT, TEXT, TEXT)
@example("\x7f\x1b[2J\r\n\x85\u2028", "\ud800", "\x00")
def test_no_value_breaks_a_line(path, agent, detail):
    line = audit.line(Event(Action.REFUSED, 1.0, "r", path=path, user_agent=agent, details=(detail,)))
    assert line.endswith(b"\n")
    assert all(0x20 <= byte < 0x7F for byte in line[:-1])
    assert json.loads(line)["RayID"] == "r"


def test_a_line_is_bounded():
    long = "x" * 100_000
    event = Event(Action.REFUSED, 1.0, long, path=long, user_agent=long, details=(long,) * 1000, reason=long)
    assert len(audit.line(event)) < 80_000


@pytest.mark.parametrize("name", ["path", "user_agent", "host", "method"])
def test_secrets_in_what_the_visitor_wrote_are_hidden(name):
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    assert b"eyJ" not in audit.line(Event(Action.REFUSED, 1.0, "r", **{name: f"/reset/{token}"}))


def test_only_its_owner_can_read_it(tmp_path):
    old = os.umask(0)
    try:
        written(tmp_path / "state" / "audit.jsonl", SIGN_IN)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "state" / "audit.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_lines_are_added_in_order_over_restarts(tmp_path):
    path = tmp_path / "audit.jsonl"
    for start in (0, 50):
        written(path, *map(numbered, range(start, start + 50)))
    assert rays(path) == [str(number) for number in range(100)]


def test_half_a_line_of_a_crash_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"Action":"login"}\n{"Action":"log')
    log = AuditLog(path)
    log.write(numbered(7))
    log.close()
    assert json.loads(path.read_bytes().splitlines()[-1])["RayID"] == "7"


def until(holds):
    turn = threading.Event()
    for _ in range(2000):
        if holds():
            return True
        turn.wait(0.005)
    return False


def test_a_renamed_file_is_left_and_a_new_one_begun(tmp_path):
    path, old = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    log = AuditLog(path)
    log.write(numbered(1))
    assert until(lambda: path.stat().st_size)
    path.rename(old)
    log.write(numbered(2))
    log.close()
    assert (rays(old), rays(path)) == (["1"], ["2"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_made_anew_by_logrotate_is_taken(tmp_path):
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    path.rename(tmp_path / "old")
    path.touch(mode=0o640)
    log.write(numbered(2))
    log.close()
    assert rays(path) == ["2"]


def test_what_a_full_disk_loses_is_counted_and_said_once(caplog):
    lost = []
    log = AuditLog(audit.Path("/dev/full"), lost=lambda: lost.append(1))
    with caplog.at_level(logging.ERROR, logger="glassgate"):
        for number in range(5):
            log.write(numbered(number))
        log.close()
    assert len(lost) == 5
    (record,) = caplog.records
    assert "/dev/full: the audit log cannot be written, and lines are lost: " in record.getMessage()


def test_a_full_queue_loses_and_counts_but_never_waits(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # its writer waits as soon as nobody reads: a disk that hangs
    lost = []
    log = AuditLog(tmp_path / "pipe", lost=lambda: lost.append(1), queue_size=10)
    event = Event(Action.REFUSED, 1.0, "r", details=("x" * 1000,) * 60)
    for _ in range(60):
        log.write(event)
    assert len(lost) > 40
    reader = os.open(tmp_path / "pipe", os.O_RDONLY)
    drain = threading.Thread(target=lambda: all(iter(lambda: os.read(reader, 65536), b"")))
    drain.start()
    log.close()
    drain.join()
    os.close(reader)


def test_an_event_that_cannot_be_told_does_not_end_the_log(tmp_path):
    lost = []
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, lost=lambda: lost.append(1))
    log.write(Event(Action.REFUSED, float("nan"), "r"))
    log.write(numbered(2))
    log.close()
    assert rays(path) == ["2"]
    assert lost == [1]


def test_after_closing_nothing_is_written_and_it_is_counted(tmp_path):
    lost = []
    log = AuditLog(tmp_path / "audit.jsonl", lost=lambda: lost.append(1))
    log.close()
    log.close()
    log.write(numbered(1))
    assert lost == [1]
    assert rays(tmp_path / "audit.jsonl") == []


@pytest.mark.parametrize("place", ["/proc/glassgate/audit.jsonl", "folder", "file/audit.jsonl"])
def test_a_place_that_cannot_be_written_is_told(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"the audit log cannot be written: .*audit\.file"):
        AuditLog(tmp_path / place)


def test_threads_share_it(tmp_path):
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    threads = [
        threading.Thread(target=lambda start=start: [log.write(numbered(start + n)) for n in range(100)])
        for start in (0, 1000, 2000)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert sorted(map(int, rays(path))) == [start + n for start in (0, 1000, 2000) for n in range(100)]
