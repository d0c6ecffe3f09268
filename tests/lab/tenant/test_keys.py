import base64
import hashlib
import stat

import pytest
from cryptography import x509

from glassgate.errors import StartError
from glassgate.lab.tenant.keys import SigningKeys, open_secrets

NOW = 1_800_000_000.0


@pytest.fixture
def folder(lab_folder, tenancy):
    return tenancy.folder / "lab"


def test_a_key_is_named_by_its_certificate(folder):
    key = SigningKeys.open(folder, NOW).current
    jwk = key.jwk("https://issuer")
    assert set(jwk) == {"kty", "use", "kid", "x5t", "n", "e", "x5c", "issuer"}  # as Entra's: no alg
    der = base64.b64decode(jwk["x5c"][0])
    assert jwk["kid"] == jwk["x5t"] == base64.urlsafe_b64encode(hashlib.sha1(der).digest()).decode().rstrip("=")
    assert x509.load_der_x509_certificate(der).public_key() == key.private.public_key()
    assert jwk["issuer"] == "https://issuer"


def test_keys_stay_the_same_and_private(folder):
    assert kids(folder) == kids(folder)
    assert open_secrets(folder)("a") == open_secrets(folder)("a")
    for name in ("signing.json", "secret.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def kids(folder):
    return [key.kid for key in SigningKeys.open(folder, NOW).published]


def test_a_rotation_lets_the_key_sign_that_was_published_ahead(folder):
    ring = SigningKeys.open(folder, NOW)
    first, second = kids(folder)
    ring.rotate(NOW)
    assert (ring.current.kid, kids(folder)[0], kids(folder)[2]) == (second, second, first)
    ahead = kids(folder)[1]
    ring.rotate(NOW)
    assert (kids(folder)[0], kids(folder)[2], len(kids(folder))) == (ahead, second, 3)


def test_a_rotation_of_another_process_is_seen_at_once(folder):
    here, elsewhere = SigningKeys.open(folder, NOW), SigningKeys.open(folder, NOW)
    elsewhere.rotate(NOW)
    assert here.current.kid == elsewhere.current.kid


@pytest.mark.parametrize("content", [None, b"", b"{}"], ids=["gone", "empty", "no keys"])
def test_a_ring_that_is_spoiled_meanwhile_leaves_the_known_keys(folder, content):
    ring = SigningKeys.open(folder, NOW)
    before = ring.current.kid
    path = folder / "signing.json"
    path.unlink() if content is None else path.write_bytes(content)
    assert ring.current.kid == before


def test_each_purpose_has_its_own_secret(folder):
    secrets = open_secrets(folder)
    assert secrets("a") != secrets("b")
    assert len(secrets("a")[0]) == 32


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("signing.json", b""),
        ("signing.json", b"x"),
        ("signing.json", b"{}"),
        ("signing.json", b'{"keys": ["x", "y"]}'),
        ("signing.json", b'{"keys": []}'),
        ("secret.key", b""),
        ("secret.key", b"?"),
        ("secret.key", b"QQ=="),
    ],
)
def test_a_damaged_key_is_told_and_not_replaced(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(StartError, match=r"is no key of the lab .*delete it") as no:
        open_both(folder)
    assert no.value.where == str(folder / name)
    assert (folder / name).read_bytes() == content


def open_both(folder):
    return SigningKeys.open(folder, NOW), open_secrets(folder)


def test_private_keys_are_not_in_a_repr(folder):
    assert "PrivateKey" not in repr(SigningKeys.open(folder, NOW).published)
