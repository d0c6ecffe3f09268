import base64
import hashlib
import stat

import pytest
from cryptography import x509

from glassgate.errors import StartError
from glassgate.lab.tenant.keys import open_secrets, open_signing_key

NOW = 1_800_000_000.0


@pytest.fixture
def folder(lab_folder, tenancy):
    return tenancy.folder / "lab"


def test_a_key_is_named_by_its_certificate(folder):
    key = open_signing_key(folder, NOW)
    jwk = key.jwk("https://issuer")
    assert set(jwk) == {"kty", "use", "kid", "x5t", "n", "e", "x5c", "issuer"}  # as Entra's: no alg
    der = base64.b64decode(jwk["x5c"][0])
    assert jwk["kid"] == jwk["x5t"] == base64.urlsafe_b64encode(hashlib.sha1(der).digest()).decode().rstrip("=")
    assert x509.load_der_x509_certificate(der).public_key() == key.private.public_key()
    assert jwk["issuer"] == "https://issuer"


def test_keys_stay_the_same_and_private(folder):
    assert open_signing_key(folder, NOW).kid == open_signing_key(folder, NOW + 1e8).kid
    assert open_secrets(folder)("a") == open_secrets(folder)("a")
    for name in ("signing.pem", "secret.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_each_purpose_has_its_own_secret(folder):
    secrets = open_secrets(folder)
    assert secrets("a") != secrets("b")
    assert len(secrets("a")[0]) == 32


@pytest.mark.parametrize(
    ("name", "content"),
    [("signing.pem", b""), ("signing.pem", b"x"), ("secret.key", b""), ("secret.key", b"?"), ("secret.key", b"QQ==")],
)
def test_a_damaged_key_is_told_and_not_replaced(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(StartError, match=r"is no key of the lab .*delete it") as no:
        open_both(folder)
    assert no.value.where == str(folder / name)
    assert (folder / name).read_bytes() == content


def open_both(folder):
    return open_signing_key(folder, NOW), open_secrets(folder)


def test_private_keys_are_not_in_a_repr(folder):
    assert "PrivateKey" not in repr(open_signing_key(folder, NOW))
