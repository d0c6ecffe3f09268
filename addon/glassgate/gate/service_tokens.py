"""The service tokens in the store: read by the gate, remembered for a moment, and changed from outside."""

from collections import OrderedDict
from functools import partial

from glassgate.access.service_token import NOBODYS, Credentials, ServiceToken, Standing
from glassgate.access.token import SigningKey, mint_for_service
from glassgate.errors import StoreError
from glassgate.gate.exchange import Lane, Steps, ask
from glassgate.state.store import MOST_FOUND, Store

SPACE = "service_token"  # by client id
USED = "service_token_used"  # by client id: when it was used last
REMEMBERED = 0.25  # seconds that an answer of the store is believed: what was deleted is refused after that
MOST_REMEMBERED = 10_000
MOST = MOST_FOUND  # tokens of one team
KEPT = 90 * 86400.0  # seconds that one which has expired is still known, to say so
USE_KEPT = 400 * 86400.0
ASSERTION = 600.0  # seconds that the origin may believe what it is told of a program

NOBODY = ServiceToken("", "", 0.0, 0.0, NOBODYS)


class ServiceTokens:
    """The gate's view of the service tokens. Its methods are steps, or ask nobody."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._remembered: OrderedDict[str, tuple[ServiceToken | None, float]] = OrderedDict()
        self._assertions: OrderedDict[tuple[str, str, str], tuple[str, float]] = OrderedDict()
        self._used: dict[str, float] = {}

    def checked(self, shown: Credentials, now: float) -> Steps[tuple[ServiceToken | None, Standing]]:
        """The token of this id, None where there is none, and how the secret stands that was shown with it."""
        known, read_at = self._remembered.get(shown.client_id, (None, float("-inf")))
        if not read_at <= now < read_at + REMEMBERED:
            known = yield from ask(Lane.STORE, partial(self._read, shown.client_id, now))
            self._remember(shown.client_id, known, now)
        # Of an id that nobody has, something is compared, too: the time must not tell which ids there are.
        standing = (known or NOBODY).standing(shown.secret, now)
        if known and standing is Standing.GOOD:
            self._used[known.client_id] = now
        return known, standing

    def assertion(self, key: SigningKey, *, issuer: str, audience: str, name: str, now: float) -> str:
        """The application token that tells an origin which program asks, by its `common_name`; signed now and then.

        It is no credential here: `verify` takes none without a user.
        """
        known = self._assertions.get((key.kid, audience, name))
        if known is None or not known[1] - ASSERTION <= now < known[1] - ASSERTION / 2:
            expires = now + ASSERTION
            minted = mint_for_service(key, issuer=issuer, audience=audience, name=name, now=now, expires=expires)
            known = self._assertions[key.kid, audience, name] = (minted, expires)
            if len(self._assertions) > MOST_REMEMBERED:
                self._assertions.popitem(last=False)
        return known[0]

    def write_used(self) -> None:
        """Write when tokens were used last, since the last call. Blocks; what cannot be written now is lost."""
        used, self._used = self._used, {}
        try:
            for client_id, at in used.items():
                self._store.put(USED, client_id, str(int(at)).encode(), at + USE_KEPT)
        except StoreError:
            return

    def _read(self, client_id: str, now: float) -> ServiceToken | None:
        stored = self._store.get(SPACE, client_id, now)
        return ServiceToken.from_bytes(stored) if stored else None

    def _remember(self, client_id: str, known: ServiceToken | None, now: float) -> None:
        self._remembered.pop(client_id, None)
        self._remembered[client_id] = (known, now)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)


# Administration: straight on the store, from a process of its own.


def every(store: Store, now: float) -> list[ServiceToken]:
    """All tokens, those that have expired too, the newest last."""
    stored = store.get_all(SPACE, store.find(SPACE, "", now), now)
    found = [token for value in stored.values() if (token := ServiceToken.from_bytes(value))]
    return sorted(found, key=lambda token: (token.created, token.client_id))


def last_used(store: Store, tokens: list[ServiceToken], now: float) -> dict[str, float]:
    """When each was used last, by client id, to a minute; of one that never was, nothing."""
    stored = store.get_all(USED, [token.client_id for token in tokens], now)
    return {client_id: float(at) for client_id, at in stored.items()}


def add(store: Store, token: ServiceToken) -> None:
    """Write a new token."""
    store.put(SPACE, token.client_id, token.to_bytes(), token.expires + KEPT)


def replace(store: Store, old: ServiceToken, new: ServiceToken, now: float) -> bool:
    """Write what became of a token; False where somebody else changed or deleted it meanwhile."""
    return store.swap(SPACE, old.client_id, old.to_bytes(), new.to_bytes(), new.expires + KEPT, now)


def remove(store: Store, token: ServiceToken) -> None:
    """Forget a token: a gate that runs refuses it within REMEMBERED seconds."""
    store.delete(SPACE, token.client_id)
    store.delete(USED, token.client_id)
