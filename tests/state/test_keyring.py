"""The key ring."""

import hashlib
import json
import os
import re
import stat
import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from glassgate.errors import StartError
from glassgate.state.files import write_whole
from glassgate.state.keyring import KEEP, MAX_PREVIOUS, KeyRing
from state.child import child, names

NOW = 1_800_000_000.0
DAY = 86400

OPENER = """
import sys
from pathlib import Path
from glassgate.state.keyring import KeyRing
print("ready", flush=True)
sys.stdin.readline()
ring = KeyRing.open(Path(sys.argv[1]), 1_800_000_000.0)
print(ring.signing.kid, ring.secrets("x")[0].hex(), flush=True)
"""

ROTATOR = """
import sys
from pathlib import Path
from glassgate.state.keyring import KeyRing
ring = KeyRing.open(Path(sys.argv[1]), 1_800_000_000.0)
for turn in range(1, 1000):
    print(ring.signing.kid, flush=True)
    ring.rotate(1_800_000_000.0 + turn)
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The content of a ring's file, since making keys takes time."""
    folder = tmp_path_factory.mktemp("made")
    KeyRing.open(folder, NOW)
    return (folder / "keyring.json").read_bytes()


@pytest.fixture
def folder(tmp_path, made):
    folder = tmp_path / "state" / "keys"
    folder.mkdir(mode=0o700, parents=True)
    write_whole(folder / "keyring.json", made)
    return folder


@pytest.fixture
def ring(folder):
    return KeyRing.open(folder, NOW)


def test_a_first_ring_is_made_for_its_owner_alone(tmp_path):
    old = os.umask(0)
    try:
        ring = KeyRing.open(tmp_path / "state" / "keys", NOW)
    finally:
        os.umask(old)
    folder = tmp_path / "state" / "keys"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {name: stat.S_IMODE((folder / name).stat().st_mode) for name in names(folder)} == {
        ".lock": 0o600,
        "keyring.json": 0o600,
    }
    assert (ring.signing.created, ring.signing.retired_at) == (NOW, None)
    assert ring.verifying == (ring.signing,)


def same(one, other):
    return one.public_document() == other.public_document() and one.secrets("x") == other.secrets("x")


def test_a_ring_is_the_same_after_a_restart(folder, ring):
    assert same(KeyRing.open(folder, NOW + DAY), ring)


def test_the_public_document_is_what_clients_of_cloudflare_access_read(ring):
    document = ring.public_document()
    assert set(document) == {"keys", "public_cert", "public_certs"}
    kid = ring.signing.kid
    assert re.fullmatch("[0-9a-f]{64}", kid)
    assert [set(key) for key in document["keys"]] == [{"kid", "kty", "alg", "use", "e", "n"}]
    assert {name: document["keys"][0][name] for name in ("kid", "kty", "alg", "use")} == {
        "kid": kid,
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
    }
    assert document["public_certs"] == [document["public_cert"]] == [{"kid": kid, "cert": ring.signing.certificate}]
    json.dumps(document)


def test_tokens_hold_by_either_form_of_the_published_key(ring):
    token = jwt.encode({"sub": "a"}, ring.signing.private_key, "RS256", {"kid": ring.signing.kid})
    document = ring.public_document()
    (key,) = jwt.PyJWKSet.from_dict(document).keys
    assert jwt.decode(token, key, ["RS256"]) == {"sub": "a"}
    certificate = x509.load_pem_x509_certificate(document["public_cert"]["cert"].encode())
    assert jwt.decode(token, certificate.public_key(), ["RS256"]) == {"sub": "a"}
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_before_utc.timestamp() < NOW < certificate.not_valid_after_utc.timestamp()


def test_nothing_private_is_published_or_shown(ring):
    private = ring.signing.private_key.private_numbers()
    shown = f"{ring} {ring!r} {ring.signing!r} {ring._ring!r} {json.dumps(ring.public_document())}"
    assert "PRIVATE" not in shown
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(ring.public_document()["keys"][0])
    assert str(private.d) not in shown
    assert all(secret.hex() not in shown and repr(secret) not in shown for secret in ring._ring.secrets)


def test_each_purpose_has_its_own_key(ring):
    purposes = ["", "meta", "meta2", "state", "1:a", "a", "é", "4:meta"]
    keys = [ring.secrets(purpose) for purpose in purposes]
    assert [(len(of_one), len(of_one[0])) for of_one in keys] == [(1, 32)] * len(purposes)
    assert len({of_one[0] for of_one in keys}) == len(purposes)
    assert ring.secrets("meta") == ring.secrets("meta")
    assert ring._ring.secrets[0] not in {of_one[0] for of_one in keys}


def test_how_a_purposes_key_is_derived_stays(folder):
    """Another version of glassgate must come to the same key, or sign-ins break at an upgrade."""
    said = json.loads((folder / "keyring.json").read_bytes()) | {"secrets": ["00" * 32]}
    write_whole(folder / "keyring.json", json.dumps(said).encode())
    expected = "6dcb69d998e5ba6824b9808cb8011f8516c0317b1b47de6608f17bed6c7fef35"
    assert KeyRing.open(folder, NOW).secrets("meta")[0].hex() == expected


def test_rotation_puts_a_new_key_first_and_keeps_the_old(folder, ring):
    old_kid, old_secret = ring.signing.kid, ring.secrets("x")[0]
    ring.rotate(NOW + DAY)
    assert [(key.kid == old_kid, key.created, key.retired_at) for key in ring.verifying] == [
        (False, NOW + DAY, None),
        (True, NOW, NOW + DAY),
    ]
    assert ring.secrets("x")[1] == old_secret != ring.secrets("x")[0]
    document = ring.public_document()
    assert [key["kid"] for key in document["keys"]] == [ring.signing.kid, old_kid]
    assert document["public_cert"]["kid"] == ring.signing.kid
    assert same(KeyRing.open(folder, NOW), ring)


def test_of_keys_that_were_stolen_nothing_stays(folder, ring):
    ring.rotate(NOW)
    before = {key.kid for key in ring.verifying}
    secrets = set(ring.secrets("x"))
    ring.rotate(NOW + 1, compromised=True)
    assert len(ring.verifying) == len(ring.secrets("x")) == 1
    assert not before & {key.kid for key in ring.verifying}
    assert not secrets & set(ring.secrets("x"))
    assert same(KeyRing.open(folder, NOW + 1), ring)


def test_a_key_goes_when_no_token_of_it_can_live(ring):
    first = ring.signing.kid
    ring.rotate(NOW)
    second = ring.signing.kid
    ring.rotate(NOW + KEEP - 1)
    assert [key.kid for key in ring.verifying[1:]] == [second, first]
    ring.rotate(NOW + KEEP)
    assert first not in {key.kid for key in ring.verifying}
    assert len(ring.secrets("x")) == 2


def test_previous_keys_are_bounded(ring):
    for turn in range(MAX_PREVIOUS + 2):
        ring.rotate(NOW + turn)
    assert len(ring.verifying) == MAX_PREVIOUS + 1


def test_other_processes_take_a_rotation(folder, ring):
    other = KeyRing.open(folder, NOW)
    assert other.reload() is False
    ring.rotate(NOW + 1)
    assert other.reload() is True
    assert same(other, ring)
    assert other.reload() is False


def test_two_that_rotate_lose_no_key(folder, ring):
    other = KeyRing.open(folder, NOW)
    ring.rotate(NOW + 1)
    other.rotate(NOW + 2)
    assert ring.reload()
    assert same(other, ring)
    assert len(ring.verifying) == 3


def test_processes_that_start_at_once_end_with_one_ring(tmp_path):
    with child(OPENER, tmp_path / "keys") as one, child(OPENER, tmp_path / "keys") as two:
        for process in (one, two):
            assert process.stdout.readline() == b"ready\n"
        for process in (one, two):
            process.stdin.write(b"go\n")
            process.stdin.flush()
        answers = {process.stdout.readline() for process in (one, two)}
    assert len(answers) == 1
    assert len(answers.pop()) > 100


def test_a_kill_at_any_moment_leaves_a_whole_ring(folder):
    for delay in (0.0, 0.05, 0.11, 0.2):
        with child(ROTATOR, folder) as rotator:
            told = rotator.stdout.readline()
            time.sleep(delay)
            rotator.kill()
            told = (told + rotator.stdout.read()).split()[-1].decode()
        ring = KeyRing.open(folder, NOW)
        assert told in {key.kid for key in ring.verifying[:2]}
        assert names(folder) == [".lock", "keyring.json"]


def test_what_a_crash_left_is_removed_with_its_keys(folder, made):
    (folder / ".keyring.json.abcd").write_bytes(made)
    KeyRing.open(folder, NOW)
    assert names(folder) == [".lock", "keyring.json"]


def edited(**changes):
    def edit(content):
        return json.dumps(json.loads(content) | changes).encode()

    return edit


def edited_key(**changes):
    def edit(content):
        said = json.loads(content)
        said["signing"][0] |= changes
        return json.dumps(said).encode()

    return edit


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def foreign_key(bits):
    """A key of another ring, as the file holds it: well formed, with its own name and certificate."""
    key = rsa.generate_private_key(65537, bits)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    start = datetime.fromtimestamp(NOW, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return {
        "kid": hashlib.sha256(public).hexdigest(),
        "private_key": pem(key),
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
    }


FOREIGN = foreign_key(2048)


def test_a_well_formed_key_is_taken(folder, made):
    """So that the rows below are refused for what they say, and for nothing else."""
    write_whole(folder / "keyring.json", edited_key(**FOREIGN)(made))
    assert KeyRing.open(folder, NOW).signing.kid == FOREIGN["kid"]


DAMAGED = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "no JSON": lambda content: b"\xff\x00",
    "deep": lambda content: b"[" * 200_000,
    "a list": lambda content: b"[]",
    "a number": lambda content: b"7",
    "no version": lambda content: b"{}",
    "a version of text": edited(version="1"),
    "no keys": edited(signing=[]),
    "keys of text": edited(signing="keys"),
    "no secrets": edited(secrets=[]),
    "a short secret": edited(secrets=["00"]),
    "a secret of numbers": edited(secrets=[1]),
    "no current key": edited_key(retired_at=1.0),
    "another kid": edited_key(kid="0" * 64),
    "no certificate": edited_key(certificate="x"),
    "no private key": edited_key(private_key="x"),
    "a private key of numbers": edited_key(private_key=7),
    "a time too large": edited_key(created=10**400),
    "another private key": edited_key(private_key=FOREIGN["private_key"]),
    "a weak key": edited_key(**foreign_key(1024)),
    "another certificate": edited_key(certificate=FOREIGN["certificate"]),
    "twice the same": lambda content: edited(
        signing=[json.loads(content)["signing"][0], json.loads(content)["signing"][0] | {"retired_at": 1.0}]
    )(content),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_told_left_alone_and_never_shown(folder, ring, made, damage):
    path = folder / "keyring.json"
    content = damage(made)
    write_whole(path, content)
    for read in (lambda: KeyRing.open(folder, NOW), ring.reload, lambda: ring.rotate(NOW)):
        with pytest.raises(StartError, match=r"keyring.json: is damaged.*restore it from a backup") as told:
            read()
        assert "PRIVATE" not in f"{told.value} {told.value.__cause__}"
    assert path.read_bytes() == content
    assert ring.signing.kid == json.loads(made)["signing"][0]["kid"]  # the old one stays in force


def test_a_file_of_a_newer_version_is_told(folder, made):
    write_whole(folder / "keyring.json", edited(version=2)(made))
    with pytest.raises(StartError, match="newer glassgate"):
        KeyRing.open(folder, NOW)


def test_a_file_that_others_may_read_is_refused(folder):
    (folder / "keyring.json").chmod(0o640)
    with pytest.raises(StartError, match=r"0640.*chmod 600"):
        KeyRing.open(folder, NOW)


def test_a_file_that_went_away_is_told_while_running(folder, ring):
    (folder / "keyring.json").unlink()
    with pytest.raises(StartError, match="cannot be read"):
        ring.reload()
    with pytest.raises(StartError, match="cannot be read"):
        ring.rotate(NOW)
    assert not (folder / "keyring.json").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "state").touch()
    with pytest.raises(StartError, match="is not writable"):
        KeyRing.open(tmp_path / "state" / "keys", NOW)
