"""What was let in lately: found by its id while its place in the ring is not used again."""

import hashlib
from ipaddress import ip_address

import pytest

from glassgate.errors import StartError
from glassgate.record.lately import Lately, LetIn, every, find, mark

V4, V6 = ip_address("203.0.113.7"), ip_address("2001:db8::")


def ray(number):
    return f"{number:016x}"


def noted(folder, numbers, slots=4):
    ring = Lately(folder, slots)
    for number in numbers:
        ring.note(ray(number), float(number), f"nonce-{number}", V4, "wiki", "staff")
    ring.close()


@pytest.mark.parametrize("ip", [V4, V6, None], ids=str)
def test_what_was_noted_is_found_by_its_id(tmp_path, ip):
    ring = Lately(tmp_path / "lately")
    ring.note(ray(1), 1_800_000_000.25, "the-nonce", ip, "wiki", "staff")
    grant = hashlib.sha256(b"the-nonce").hexdigest()[:32]
    assert find(tmp_path / "lately", ray(1)) == LetIn(
        ray(1), 1_800_000_000.25, grant, ip, mark("wiki"), mark("staff")
    )  # while the gate runs
    ring.close()
    assert find(tmp_path / "lately", ray(2)) is None


def test_nobodys_request_has_no_grant(tmp_path):
    ring = Lately(tmp_path)
    ring.note(ray(1), 1.0, "", V4, "wiki", "open")
    ring.close()
    assert find(tmp_path, ray(1)).grant == ""


def test_the_oldest_make_room(tmp_path):
    noted(tmp_path, range(1, 7))
    assert [one.ray for one in every(tmp_path)] == [ray(number) for number in (3, 4, 5, 6)]


@pytest.mark.parametrize("before", [1, 3, 4, 6])
def test_a_restart_goes_on_where_the_last_one_ended(tmp_path, before):
    noted(tmp_path, range(1, before + 1))
    noted(tmp_path, [50])
    assert [one.ray for one in every(tmp_path)][-1] == ray(50)
    assert find(tmp_path, ray(before)) is not None


def test_each_process_has_a_ring_of_its_own(tmp_path):
    rings = [Lately(tmp_path), Lately(tmp_path)]
    for number, ring in enumerate(rings, 1):
        ring.note(ray(number), 1.0, "n", V4, "wiki", "staff")
        ring.close()
    assert {one.ray for one in every(tmp_path)} == {ray(1), ray(2)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.ring", "1.ring"]


def test_nothing_is_there_before_a_gate_ran(tmp_path):
    assert find(tmp_path / "none", ray(1)) is None
    assert every(tmp_path / "none") == ()


def test_others_cannot_read_it_and_no_credential_stands_in_it(tmp_path):
    noted(tmp_path, [1])
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert b"nonce-1" not in path.read_bytes()


def test_a_folder_that_cannot_be_had_is_told_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be noted"):
        Lately(tmp_path / "file")
