"""The links back to us: whether our addresses are registered at the provider."""

from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qs

from glassgate.oidc.aadsts import explain
from glassgate.oidc.authorize import AuthorizationRequest, authorization_url, code_challenge
from glassgate.oidc.doctor.case import Case
from glassgate.oidc.doctor.findings import Finding, State, broken, by_eye, not_tried, of_fault, of_refusal, ok, warning
from glassgate.oidc.errors import ProviderRefused
from glassgate.oidc.explanation import Move
from glassgate.oidc.http import HttpRequest, HttpResponse
from glassgate.oidc.refusal import CODE, refusal

MOST_READ = 200_000  # bytes of an error page
WORDS = 200  # characters of its own words, after the code
UNREGISTERED = "AADSTS50011"

# A sign-in without a person, asked of somebody whom the provider does not know, ends like this.
EXPECTED = frozenset(
    ("login_required", "interaction_required", "consent_required", "account_selection_required", "access_denied")
)


def redirect_uri(case: Case) -> Iterator[Finding]:
    """The callback is registered: the provider leads there, if only to say that nobody is signed in.

    At Entra the address after a sign-out is a redirect URI like any other, so it can be asked for in the same way.
    Nothing is followed. Raises SignInError where the provider does not answer.
    """
    found = tuple(_findings(case, case.ours.callback))
    yield from found
    if case.provider.type != "entra" or found[0].state is not State.OK:
        return
    back = tuple(_findings(case, case.ours.signed_out))
    if back[0].state is State.OK:
        yield back[0]
    else:
        yield warning(
            f"{case.ours.signed_out}, for after a sign-out, is not registered",
            "Add it under App registrations > this gate > Authentication, platform Web. Without it people who sign out"
            " stay on a page of Entra's.",
        )


def by_hand(case: Case) -> Iterator[Finding]:
    """What no provider tells: the other addresses, to compare with the registration."""
    if case.provider.type == "entra":
        yield by_eye(
            case.ours.ended,
            "App registrations > this gate > Authentication > Front-channel logout URL: by it a sign-out at Entra ends"
            " sessions here. Entra does not tell what stands there.",
        )
        return
    yield by_eye(case.ours.signed_out, "A post-logout redirect URI of the client: people come back here.")
    yield by_eye(case.ours.ended, "The client's back-channel logout URI, where the provider has such a thing.")


def _findings(case: Case, uri: str) -> Iterator[Finding]:
    """Ask for a sign-in without a person, with an answer to `uri`."""
    chance = case.world.outside.chance
    ask = AuthorizationRequest(chance(16), chance(16), code_challenge(chance(32)), prompt="none")
    # Plainly: as a redirect that can be read, and by way of no other sign-in page.
    plain = replace(case.provider, response_mode="query", domain_hint=None)
    url = authorization_url(plain, case.ways, case.metadata, uri, ask)
    answer = case.fetch(HttpRequest("GET", url, (("Accept", "text/html"),)))
    return _led(answer, uri) if 300 <= answer.status < 400 else iter((_shown(answer, uri),))


def _led(answer: HttpResponse, uri: str) -> Iterator[Finding]:
    place, said = _split(answer.headers.get("Location", ""))
    if place != uri:
        yield not_tried("the provider leads elsewhere first, so it cannot be told")
        return
    yield ok(f"{uri} is registered")
    fault = refusal(said) if "error" in said else None
    if isinstance(fault, ProviderRefused) and fault.error not in EXPECTED:
        yield of_refusal(fault)


def _shown(answer: HttpResponse, uri: str) -> Finding:
    """A page instead of a redirect: nobody is sent to an address that is not registered (RFC 6749, 4.1.2.1)."""
    text = unescape(answer.body[:MOST_READ].decode("utf-8", "replace"))
    found = CODE.search(text)
    if found:
        return _refused(found[0], text[found.start() : found.start() + WORDS].partition("<")[0], uri)
    if answer.status >= 500:
        return broken(f"the provider answers with status {answer.status}", "Try again in a minute.")
    if answer.status >= 400:
        return broken(
            f"the provider shows a page with status {answer.status}, and leads nowhere",
            f"Most likely {uri} is not among the client's redirect URIs: add it, equal to the letter. Or `client_id` is"
            " another's. The page itself says which, in a browser.",
        )
    return not_tried("the provider shows a page, though it was asked for none, so it cannot be told")


def _refused(code: str, words: str, uri: str) -> Finding:
    if code == UNREGISTERED:
        return broken(
            f"{code}: {uri} is not registered",
            "Add it under App registrations > this gate > Authentication, platform Web, equal to the letter: scheme,"
            " host, port and path.",
        )

    if explain(code, "invalid_request").move is Move.USER:
        # About a person, of whom there is none here: it came so far without a word against the address.
        return not_tried(f"the provider shows a page with {code}, so it cannot be told")
    return of_fault(refusal({"error": "invalid_request", "error_description": words}), "authority")


def _split(location: str) -> tuple[str, dict[str, str]]:
    """Where a redirect leads, and what it says there, in the query or behind it."""
    for mark in "?#":
        place, found, query = location.partition(mark)
        if found:
            return place, {name: values[0] for name, values in parse_qs(query).items()}
    return location, {}
