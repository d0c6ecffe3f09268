"""What the layers ask of the gate: its own answers, and how long a body may be."""

from typing import Protocol

from mitmproxy import http
from mitmproxy.connection import Client

from glassgate.config.limits import Limits


class Answers(Protocol):
    """Whoever answers for the gate where no hook does. Each answer is told to the recorder once, when it is made."""

    limits: Limits

    def clock(self) -> float:
        """Monotonic seconds."""
        ...

    def for_origin(self, flow: http.HTTPFlow, code: str) -> http.Response:
        """The answer to a request that was judged and cannot be finished; `code` is a standing message's."""
        ...

    def for_head(self, client: Client, code: str, request: http.Request | None, reason: str) -> http.Response:
        """The answer to a head that could not be judged: with a request where it could be read, None where not.

        `code` is a standing message's, `reason` a short name for the log.
        """
        ...

    def limit_of(self, flow: http.HTTPFlow) -> int | None:
        """How many bytes of a body this judged request may have; None where there is no limit."""
        ...

    def in_pieces(self, flow: http.HTTPFlow) -> bool:
        """Whether the body of this request is taken in pieces, since it is too much for the memory."""
        ...
