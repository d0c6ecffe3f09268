"""What became of each request, kept privately: no header, no other addon and no flow file can make a verdict.

A flow that is not in here was not judged. Only one that is `Live` may reach an origin.
"""

from dataclasses import dataclass

from mitmproxy import http

from glassgate.gate.exchange import Collect, Forward, Request
from glassgate.mitm.tls import Address


@dataclass(frozen=True, slots=True)
class Live:
    """A request that was let in and has not ended."""

    request: Request
    forward: Forward
    address: Address


@dataclass(frozen=True, slots=True)
class Ours:
    """A request that is answered here; with `host` by a host that is served in this process, with `collect` by what
    its body says."""

    request: Request
    host: str | None = None
    collect: Collect | None = None


type Standing = Live | Ours


class Verdicts:
    """The standing of every request under way, by client connection and flow."""

    def __init__(self) -> None:
        self._clients: dict[str, dict[str, Standing]] = {}

    def set(self, flow: http.HTTPFlow, standing: Standing) -> None:
        """Write what became of a flow, over anything written before."""
        self._clients.setdefault(flow.client_conn.id, {})[flow.id] = standing

    def of(self, flow: http.HTTPFlow) -> Standing | None:
        """What became of a flow; None where nobody judged it, so that nothing of it may pass."""
        return self._clients.get(flow.client_conn.id, {}).get(flow.id)

    def may_connect(self, client: str, address: Address | None) -> bool:
        """Whether a request under way of this client was let in to this address."""
        standings = self._clients.get(client, {}).values()
        return any(isinstance(standing, Live) and standing.address == address for standing in standings)

    def end(self, flow: http.HTTPFlow) -> None:
        """Forget a flow that has ended."""
        flows = self._clients.get(flow.client_conn.id, {})
        flows.pop(flow.id, None)
        if not flows:
            self._clients.pop(flow.client_conn.id, None)

    def client_left(self, client: str) -> None:
        """Forget every flow of a connection that is gone."""
        self._clients.pop(client, None)

    def __len__(self) -> int:
        return sum(len(flows) for flows in self._clients.values())
