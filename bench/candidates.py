"""The candidates: what is measured. A new one is a row of CANDIDATES: how it is prepared, and the command it is."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.origin import write_origin
from bench.signed_in import ENVIRONMENT, prepare, sign_in

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "addon" / "glassgate" / "mitm" / "script.py"
BASE = "mitmdump"  # what the ratios are against


@dataclass(frozen=True, slots=True)
class Place:
    """Where a candidate is to run: its own folder and port, and the origin's, the echo's, and the certificate."""

    folder: Path
    port: int
    origin: int
    echo: int
    certificate: Path


@dataclass(frozen=True, slots=True)
class Program:
    """One process: it is ready once it answers as it must, and ends by SIGTERM. `cookie` is of a visitor signed in."""

    command: tuple[str, ...]
    cookie: str
    env: Mapping[str, str] = field(default_factory=dict)


type Make = Callable[[Place], Program]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is measured."""

    name: str
    says: str
    make: Make


def bare(*interpreter: str) -> Make:
    """mitmdump without any addon."""

    def make(place: Place) -> Program:
        command = (
            *interpreter, str(BIN / "mitmdump"), "--mode", _mode(place), "--certs", f"*={place.certificate}",
            "--set", "flow_detail=0", "--set", f"confdir={place.folder / 'mitmproxy'}",
        )  # fmt: skip
        return Program(command, _cookie(place))

    return make


def scripted(place: Place) -> Program:
    """mitmdump with the gate as its script."""
    command = (
        str(BIN / "mitmdump"), "-s", str(SCRIPT), "--mode", _mode(place), "--set", "glassgate_config=config.yaml",
        "--set", f"confdir={place.folder / 'mitmproxy'}",
    )  # fmt: skip
    return Program(command, _cookie(place), ENVIRONMENT)


def serve(place: Place) -> Program:
    """The gate's own command, as run.sh starts it."""
    command = (sys.executable, "-O", "-P", "-m", "glassgate", "serve", "-c", "config.yaml")
    return Program(command, _cookie(place), ENVIRONMENT)


def alone(place: Place) -> Program:
    """nginx with the origin's pages, by TLS."""
    command = write_origin(place.folder / "nginx", port=place.port, echo=place.echo, certificate=place.certificate)
    return Program(command, _cookie(place))


def _cookie(place: Place) -> str:
    # Those without a gate get one too, so that all read and pass on the same bytes.
    return sign_in(prepare(place.folder, port=place.port, origin=place.origin, certificate=place.certificate))


def _mode(place: Place) -> str:
    return f"reverse:http://127.0.0.1:{place.origin}@127.0.0.1:{place.port}"


CANDIDATES = (
    Candidate("origin", "the origin alone: nginx", alone),
    Candidate(BASE, "mitmdump, no addon", bare()),
    Candidate("mitmdump -O", "mitmdump under python -O", bare(sys.executable, "-O")),
    Candidate("mitmdump -s", "mitmdump with glassgate as its script", scripted),
    Candidate("serve", "glassgate serve", serve),
)
