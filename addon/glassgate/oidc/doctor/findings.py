"""What was found at a link of the chain, in words that hold no secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from glassgate.oidc.aadsts import explain
from glassgate.oidc.client_auth import UnusableFileError
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError

LONGEST_QUOTE = 200  # characters of a provider's own words


class State(StrEnum):
    """How a link was found."""

    OK = "ok"
    WARNING = "warning"  # it holds, but not for long, or not well
    BROKEN = "broken"
    NOT_TRIED = "not tried"  # nothing is known of it
    BY_EYE = "by eye"  # nobody can be asked: a person has to compare


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: what was seen, and the mend where there is something to do."""

    state: State
    seen: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the chain, and what was found there: one finding, or one for each part of it."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def is_broken(self) -> bool:
        """Whether something at it has to be mended."""
        return any(finding.state is State.BROKEN for finding in self.findings)


def ok(seen: str) -> Finding:
    """It holds."""
    return Finding(State.OK, seen)


def warning(seen: str, mend: str) -> Finding:
    """It holds, but something is unwise."""
    return Finding(State.WARNING, seen, mend)


def broken(seen: str, mend: str) -> Finding:
    """It does not hold."""
    return Finding(State.BROKEN, seen, mend)


def not_tried(seen: str, mend: str = "") -> Finding:
    """Nothing is known of it; `mend` is how to have it tried."""
    return Finding(State.NOT_TRIED, seen, mend)


def by_eye(seen: str, mend: str) -> Finding:
    """A person has to compare."""
    return Finding(State.BY_EYE, seen, mend)


OTHER_PLACE = "See that `{place}` in config.yaml is the provider's own address, and that nothing else answers for it."
# The reasons that the gate itself gives, each with what to do; `{place}` is the key that says where the provider is.
MENDS: Mapping[Reason, str] = {
    Reason.TIMEOUT: "Try again. If it stays so, something on the way out drops connections, or the provider is slow.",
    Reason.TLS_UNTRUSTED: "Name the PEM file of the authority that signed its certificate in `ca`.",
    Reason.PROVIDER_UNAVAILABLE: "Try again in a minute. If it stays so, see the provider's own page on its state.",
    Reason.TOO_LARGE: OTHER_PLACE,
    Reason.JSON_DUPLICATE: "The document says a thing twice, so it has two meanings: tell the provider.",
    Reason.DISCOVERY_MALFORMED: OTHER_PLACE,
    Reason.DISCOVERY_ISSUER: "The document is another's. See `{place}` and `tenant` in config.yaml, to the letter.",
    Reason.DISCOVERY_ENDPOINT: "The document names an address that the gate sends nothing to: tell the provider.",
    Reason.JWKS_MALFORMED: OTHER_PLACE,
    Reason.JWKS_UNFIT: "The gate takes RSA keys of 2048 bits or more and P-256: see what the provider signs with.",
    Reason.CLIENT_AUTH: "Let the provider take the secret in the header or in the form, for this client.",
    Reason.TOKEN_REDIRECT: OTHER_PLACE,
    Reason.TOKEN_NOT_JSON: OTHER_PLACE,
}


def of_fault(fault: SignInError, place: str) -> Finding:
    """What a failed call means. `place` is the key of the configuration that says where the provider is."""
    if isinstance(fault, ProviderUnavailable) and fault.said is not None:
        fault = fault.said
    if isinstance(fault, ProviderRefused):
        return of_refusal(fault)
    if isinstance(fault, UnusableFileError):
        return broken(f"`{fault.key}`: {fault.detail}", f"{fault.mend[0].upper()}{fault.mend[1:]}.")
    mend = MENDS.get(fault.reason, "This should not be. Please report it as a fault of glassgate.")
    return broken(f"{fault.detail} ({fault.reason})", mend.format(place=place))


def of_refusal(refused: ProviderRefused) -> Finding:
    """What a provider's refusal means, in our words, with the provider's own where they say more."""
    explanation = explain(refused.code, refused.error, refused.suberror)
    return broken(f"{named(refused)}: {explanation.title}.{_own_words(refused)}", explanation.mend)


def named(refused: ProviderRefused) -> str:
    """A refusal by its number, else by its name."""
    return refused.code or refused.error


def _own_words(refused: ProviderRefused) -> str:
    """The first sentence of the provider's, which names what is meant, and the id that its support asks for."""
    words = refused.description.removeprefix(f"{refused.code}: ").partition(" Trace ID:")[0].partition(". ")[0]
    said = f" It says: {words[:LONGEST_QUOTE].rstrip('. ')}." if words.strip() else ""
    return f"{said} Correlation id {refused.correlation_id}." if refused.correlation_id else said
