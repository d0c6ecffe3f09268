"""The certificate by which origins know the gate, as Cloudflare's Authenticated Origin Pulls have one."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from glassgate.errors import StartError
from glassgate.state.files import locked, private_folder, read_private
from glassgate.state.issuing import (
    Kind,
    common_name,
    ensure_ca,
    key_path,
    make_leaf,
    read_ca,
    read_leaf,
    signed,
    stands,
)

FOLDER = "origin"
PURPOSE = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
# An authority apart from that of the edge: whoever trusts it lets in the gate, and nothing else that we ever sign.
KIND = Kind(common_name("glassgate, towards its origins"), (PURPOSE,))
GATE = common_name("glassgate gate")


def client_certificate(state: Path) -> Path:
    """Where the gate's own certificate is: one PEM file with key, certificate and authority."""
    return state / FOLDER / "gate.pem"


def client_authority(state: Path) -> Path:
    """The authority that signed it: what origins are to trust."""
    return state / FOLDER / "ca.pem"


def ensure_client_certificate(state: Path, now: float) -> bool:
    """See that the gate has its own certificate towards origins; whether one was made.

    It is made when it is missing or ends within 30 days, by an authority that is made in the same way. Both are in the
    state folder, keys 0600. Raises StartError where a file cannot be used or written.
    """
    at = datetime.fromtimestamp(now, UTC)
    # First without a lock: where nothing is to be made, the folder may be read-only.
    if _stands(state, at):
        return False
    folder = private_folder(client_certificate(state).parent)
    with locked(folder):
        if _stands(state, at):  # another process made it while this one waited
            return False
        ca = ensure_ca(client_authority(state), KIND, at)
        make_leaf(client_certificate(state), GATE, (PURPOSE,), ca, at)
        return True


def _stands(state: Path, at: datetime) -> bool:
    path = client_certificate(state)
    ca, leaf = read_ca(client_authority(state)), read_leaf(path)
    if ca is None or leaf is None:
        return False
    for secret in (path, key_path(client_authority(state))):
        read_private(secret)
    if not signed(leaf.certificate, ca):
        raise StartError(
            "was signed by another authority than ca.pem beside it",
            where=str(path),
            mend="restore the pair, or move gate.pem away to have it made anew",
        )
    return stands(leaf.certificate, at) and stands(ca, at)
