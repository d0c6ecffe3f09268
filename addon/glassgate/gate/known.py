"""What is known when an app's policies are judged, with what other services say where that could matter."""

from typing import Any

from glassgate.access.app import App
from glassgate.access.facts import Facts
from glassgate.access.policy import Policy
from glassgate.access.session import Session, digest
from glassgate.gate.documents import describe
from glassgate.gate.evaluations import Asker
from glassgate.gate.exchange import Request, Steps
from glassgate.gate.site import Site


def known(site: Site, request: Request, app: App, session: Session, now: float | None = None) -> Steps[Facts]:
    """The facts about somebody who signed in; `now` where that is later than the request."""
    facts = site.facts(session, request, now)
    if not app.asks_services:
        return facts
    return (yield from evaluated(site, app.policies, facts, session))


def evaluated(site: Site, policies: tuple[Policy, ...], facts: Facts, session: Session | None) -> Steps[Facts]:
    """The facts, once the services were asked that have to be."""
    moment = facts.now or 0.0
    return (yield from site.evaluations.evaluated(
        policies, facts, _asker(facts, session), _told(site, facts, session), moment
    ))  # fmt: skip


def _asker(facts: Facts, session: Session | None) -> Asker:
    # Whose provider said something new of them is asked about anew.
    who = (session.id, digest(session.identity.to_json())) if session else _machine(facts)
    return (*who, str(facts.ip), facts.country or "")


def _machine(facts: Facts) -> tuple[str, str]:
    token, certificate = facts.service_token, facts.certificate
    return (token.client_id if token else "", certificate.fingerprint if certificate else "")


def _told(site: Site, facts: Facts, session: Session | None) -> dict[str, Any]:
    """A visitor as a service is told of them: as get-identity shows them, with the request's own facts."""
    token, certificate = facts.service_token, facts.certificate
    name = token.client_id if token else certificate.common_name if certificate else None
    machine = {"common_name": name or "", "service_token_status": token is not None}
    said = describe(session, site) if session else machine
    # One that does not count is for its owner alone.
    said.pop("unverified_email", None)
    return {**said, "ip": str(facts.ip or ""), "geo": {"country": facts.country or ""}}
