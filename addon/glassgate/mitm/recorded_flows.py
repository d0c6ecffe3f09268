"""Reads flow files, as mitmweb saves them: each request as the gate saw it, and which of them it let in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mitmproxy import exceptions, http, io

from glassgate.errors import GlassgateError
from glassgate.gate.exchange import Request
from glassgate.mitm import flows


@dataclass(frozen=True, slots=True)
class RecordedFlow:
    """A request of a flow file. `forwarded`: its headers are those that its origin got, the gate's own among them."""

    request: Request  # its ray is "" where the flow tells none
    forwarded: bool


def read(path: Path) -> Iterator[RecordedFlow]:
    """The requests of a flow file, in its order. Raises GlassgateError where it is none, or ends in the middle."""
    try:
        with path.open("rb") as file:
            for flow in io.FlowReader(file).stream():
                if isinstance(flow, http.HTTPFlow):
                    yield from _request(flow)
    except exceptions.FlowReadException as fault:
        mend = "save it with mitmweb"
        raise GlassgateError(f"this is no flow file: {fault}", where=str(path), mend=mend) from fault
    except OSError as fault:
        raise GlassgateError(f"it cannot be read: {fault.strerror}", where=str(path)) from fault


def _request(flow: http.HTTPFlow) -> Iterator[RecordedFlow]:
    try:
        request = flows.read(flow, flow.request.timestamp_start)
    except ValueError:
        return  # nobody's: it has no peer
    forwarded = bool(request.values(b"cf-ray")) and bool(request.values(b"x-forwarded-host"))
    # A visitor may send these, too; then the answer is the gate's, and has its own Cf-Ray.
    answered = flow.response.headers.get("cf-ray", "") if flow.response else ""
    ray = answered or (request.value(b"cf-ray").decode("latin-1") if forwarded else "")
    yield RecordedFlow(replace(request, ray=ray, secure=True), forwarded and not answered)
