"""Asks other services about a visitor, before policies are judged, where a policy that could decide needs it.

A service that is away, slow or odd has not answered: then nothing is known, which counts against the visitor.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from glassgate.access import evaluation as protocol
from glassgate.access.evaluation import Evaluated, EvaluationError
from glassgate.access.facts import Evaluation, Facts
from glassgate.access.outlook import to_evaluate
from glassgate.access.policy import Policy
from glassgate.gate.exchange import Lane, Steps, ask
from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.http import Fetch, HttpRequest
from glassgate.oidc.keys import Keys
from glassgate.oidc.signed import open_signed
from glassgate.oidc.strict_json import read_object

ALGORITHMS = ("RS256", "PS256", "ES256")
MOST_REMEMBERED = 20_000

type Asker = tuple[str, ...]  # whom an answer is about, with all that it may go by


class Evaluations:
    """The services that policies ask. An answer is believed till its own `exp`, at most a minute, for the same visitor
    at the same address. That there was none is not remembered."""

    def __init__(
        self, issuer: str, secrets: Callable[[str], tuple[bytes, ...]], fetch: Fetch, chance: Callable[[int], str]
    ) -> None:
        """`secrets` gives the 32-byte keys of a purpose, the current first; `chance(n)` n random bytes as text."""
        self._issuer = issuer
        self._secrets = secrets
        self._fetch = fetch
        self._chance = chance
        self._keys: dict[str, Keys] = {}  # by address: as many as the configuration names
        self._answers: OrderedDict[tuple[Evaluation, Asker], Evaluated] = OrderedDict()

    def public_keys(self) -> dict[str, Any]:
        """What a service checks our questions with."""
        return protocol.public_keys(self._secrets(protocol.PURPOSE))

    def evaluated(
        self, policies: Iterable[Policy], facts: Facts, asker: Asker, identity: Mapping[str, Any], now: float
    ) -> Steps[Facts]:
        """The facts, with what the services say that have to be asked. `identity` is what they are told."""
        policies = tuple(policies)
        while wanted := to_evaluate(policies, facts):
            answer = yield from self._answer(wanted, asker, identity, now)
            facts = replace(facts, evaluations={**facts.evaluations, wanted: answer})
        return facts

    def _answer(self, wanted: Evaluation, asker: Asker, identity: Mapping[str, Any], now: float) -> Steps[bool | None]:
        known = self._answers.get((wanted, asker))
        if known is not None and now < known.until:
            return known.success
        try:
            said = yield from ask(Lane.EVALUATION, partial(self._ask, wanted, identity, now))
        except (SignInError, EvaluationError):
            return None
        self._answers[wanted, asker] = said
        self._answers.move_to_end((wanted, asker))
        if len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)
        return said.success

    def _ask(self, wanted: Evaluation, identity: Mapping[str, Any], now: float) -> Evaluated:
        nonce, secret = self._chance(16), self._secrets(protocol.PURPOSE)[0]
        question = protocol.sign(
            secret, issuer=self._issuer, audience=wanted.url, nonce=nonce, identity=identity, now=now
        )
        body = json.dumps({"token": question}).encode()
        answer = self._fetch(HttpRequest("POST", wanted.url, (("Content-Type", "application/json"),), body))
        if answer.status != 200:
            raise EvaluationError(f"expected status 200, got {answer.status}")
        token = read_object(answer.body, Reason.CLAIMS_MALFORMED).get("token")
        if not isinstance(token, str):
            raise EvaluationError("expected a `token`")
        keys = self._keys.setdefault(wanted.keys_url, Keys(wanted.keys_url, self._fetch))
        claims, _ = open_signed(token, keys, ALGORITHMS, ("jwt",), now)
        return protocol.read(claims, nonce, now)
