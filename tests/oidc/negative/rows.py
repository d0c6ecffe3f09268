"""A row of the negative table, and the ways in which one spoils an otherwise good sign-in."""

from collections.abc import Callable
from dataclasses import dataclass

from oidc.scripted import sign


@dataclass(frozen=True)
class Row:
    """What is done, who says that it must not pass, and what comes of it.

    `ends` says how:
    - "refused": no session begins, no cookie is set, the store is as it was; `reason` is told
    - "denied": the sign-in stands, but the policy keeps its person out; `reason` is told beside it, where there is one
    - "ended": a session that was good ends when its provider is asked again; `reason` is told
    - "unsettled": what came says nothing about the person, whose session goes on for now; `reason` is told
    - "kept": a session goes on though somebody said that it ended; `reason` is told
    - "ignored": all goes on as if it had not been said; `check` sees what must not have happened
    - "cannot": this client never gets there; `why`
    """

    name: str
    source: str  # RFC or specification and section, CVE; "-" where it is our own
    change: Callable | None = None  # of the flow
    reason: str = ""
    kind: str = "op"  # of the provider
    good: Callable | None = None  # of the flow, also where nothing is changed
    does: Callable | None = None  # with the flow, in place of the plain sign-in
    ends: str = "refused"
    check: Callable | None = None  # of the flow and its last answer, besides
    ender: Callable | None = None  # of the flow: what does end the session that this row does not
    why: str = ""


def all_of(*changes):
    def change(flow):
        for one in changes:
            one(flow)

    return change


def claims(**changes):
    return lambda flow: flow.claims.update(changes)


def header(**changes):
    return lambda flow: flow.header.update(changes)


def forged(make):
    """The ID token is what `make` makes of its claims."""
    return lambda flow: setattr(flow, "forge", make)


def signed(key, algorithm="RS256", **head):
    return forged(lambda claims: sign(claims, key, algorithm, **head))


def tokens(**changes):
    return lambda flow: flow.tokens.update(changes)


def token_endpoint(said):
    return lambda flow: flow.script.answers.update({flow.token_endpoint: said})


def documented(**changes):
    return lambda flow: flow.document(**changes)


def discovery(said):
    return lambda flow: flow.script.answers.update({flow.of.discovery: said})


def keys(*entries):
    return lambda flow: flow.keys(*entries)


def key_set(said):
    return lambda flow: flow.script.answers.update({flow.keys_endpoint: said})


def userinfo(said):
    return lambda flow: flow.script.answers.update({"https://op.example/userinfo": said})


def given(**changes):
    return lambda flow: flow.given.update(changes)


def fields(**changes):
    return lambda flow: flow.fields.update(changes)


def query(make):
    """The callback's query is what `make` makes of the flow and its fields."""
    return lambda flow: setattr(flow, "query", make)


def policy(value):
    return lambda flow: setattr(flow, "policy", value)
