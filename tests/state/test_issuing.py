"""What our authorities sign, and what they are kept to."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from glassgate.errors import StartError
from glassgate.state.issuing import (
    CA_LIFE,
    LEAF_LIFE,
    Kind,
    common_name,
    ensure_ca,
    key_path,
    make_leaf,
    read_leaf,
    signed,
    stands,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
KIND = Kind(common_name("a kind"), ((x509.NameConstraints([x509.DNSName("localhost")], None), True),))


def made(path, at=AT):
    return ensure_ca(path / "ca.pem", KIND, at)


def test_an_authority_is_kept_to_its_purpose_and_signs_no_other_authority(tmp_path):
    ca = made(tmp_path)
    limits = {type(one.value): one.critical for one in ca.certificate.extensions}
    assert limits[x509.NameConstraints]
    assert ca.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    assert ca.made
    assert not made(tmp_path).made


@pytest.mark.parametrize("day", [0, 300, 3640], ids=["at once", "later", "near the end of its authority"])
def test_a_leaf_lives_for_a_year_and_no_longer_than_its_authority(tmp_path, day):
    ca, at = made(tmp_path), AT + timedelta(days=day)
    make_leaf(tmp_path / "leaf.pem", common_name("a leaf"), (), ca, at)
    leaf = read_leaf(tmp_path / "leaf.pem").certificate
    assert signed(leaf, ca.certificate)
    assert leaf.not_valid_after_utc < min(at + LEAF_LIFE, AT + CA_LIFE)


@pytest.mark.parametrize(("left", "good"), [(31, True), (29, False), (-1, False)], ids=["a month", "less", "over"])
def test_what_is_near_its_end_does_not_stand(tmp_path, left, good):
    end = made(tmp_path).certificate.not_valid_after_utc
    assert stands(made(tmp_path).certificate, end - timedelta(days=left)) is good


def test_an_authority_near_its_end_keeps_its_key(tmp_path):
    before = made(tmp_path)
    after = made(tmp_path, AT + timedelta(days=3640))
    assert after.made
    assert after.certificate.public_key() == before.certificate.public_key()


def test_an_authority_without_its_key_is_told(tmp_path):
    made(tmp_path)
    key_path(tmp_path / "ca.pem").unlink()
    with pytest.raises(StartError, match=r"its key \(ca\.key\) is missing"):
        made(tmp_path)
