"""The links that prove the gate to its provider: the files that it names, and what the provider says to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography import x509

from glassgate.access.selectors import GUID
from glassgate.oidc.client_auth import (
    ClientCertificate,
    ClientSecret,
    Credential,
    FederatedToken,
    check_credential,
    read_certificate,
)
from glassgate.oidc.doctor.case import Case
from glassgate.oidc.doctor.findings import Finding, broken, named, not_tried, of_fault, of_refusal, ok, warning
from glassgate.oidc.errors import ProviderRefused, SignInError
from glassgate.oidc.provider import ORGANIZATIONS, Provider
from glassgate.oidc.providers.entra import graph_at

SOON = timedelta(days=30)  # before the end of a certificate of ours

# What can only be said to a client that was recognised (RFC 6749, section 5.2): it may just not have tokens of its own.
PAST_THE_CLIENT = frozenset(
    ("unauthorized_client", "consent_required", "interaction_required", "access_denied", "invalid_grant")
)
# Entra has the same names for what it finds out before it looks at the credential: the application is not there.
NOT_THERE = frozenset(("AADSTS70001", "AADSTS700011", "AADSTS700016", "AADSTS7000112", "AADSTS7000229"))
NO_TENANT = "AADSTS90002"  # nor is the tenant


def configuration(case: Case) -> Iterator[Finding]:
    """The files that the configuration names can be read, belong together, and have not run out."""
    if case.provider.ca:
        yield _authorities(case, case.provider.ca)
    for credential in case.provider.credentials:
        name = label(case.provider, credential)
        try:
            check_credential(credential, case.world.outside.read)
        except SignInError as fault:
            finding = of_fault(fault, case.place)
            yield broken(f"{name}: {finding.seen}", finding.mend)
            continue
        if isinstance(credential, ClientCertificate):
            yield _certificate(case, name, credential)
        elif isinstance(credential, FederatedToken):
            yield _federated(case, name, credential)
        else:
            yield _secret(case, name, credential)


def credential(case: Case) -> Iterator[Finding]:
    """The provider takes each of the credentials."""
    for one in case.provider.credentials:
        said = _said(case, one, _tenants(case.provider))
        if said.taken:
            case.taken.append(one)
        yield Finding(said.finding.state, f"{label(case.provider, one)}: {said.finding.seen}", said.finding.mend)


def tenants(case: Case) -> Iterator[Finding]:
    """Each of the allowed tenants has the application."""
    for tenant in case.provider.allowed_tenants:
        if not case.taken:
            yield not_tried(f"{tenant}: there is no credential to ask with")
            continue
        said = _said(case, case.taken[0], (tenant,))
        mend = said.finding.mend if said.is_there else _mend_at(case.provider, tenant, said.exists)
        seen = "has this gate" if said.taken else said.finding.seen
        yield Finding(said.finding.state, f"{tenant}: {seen}", mend)


def label(provider: Provider, credential: Credential) -> str:
    """A credential as a person tells it from the others."""
    if isinstance(credential, ClientCertificate):
        return f"certificate {credential.certificate.name}"
    if isinstance(credential, FederatedToken):
        return f"federated token {credential.path.name}"
    secrets = [one for one in provider.credentials if isinstance(one, ClientSecret)]
    return "client secret" if len(secrets) == 1 else f"client secret {secrets.index(credential) + 1} of {len(secrets)}"


def _authorities(case: Case, path: Path) -> Finding:
    mend = "Name the PEM file of the authority in `ca`, readable for the gate's own user."
    try:
        x509.load_pem_x509_certificates(case.world.outside.read(path))
    except OSError as fault:
        return broken(f"{path} cannot be read: {fault.strerror}", mend)
    except ValueError:
        return broken(f"{path} holds no certificate", mend)
    return ok(f"trusts {path}")


def _certificate(case: Case, name: str, credential: ClientCertificate) -> Finding:
    _, certificate = read_certificate(credential, case.world.outside.read)
    now, end = datetime.fromtimestamp(case.world.clock(), UTC), certificate.not_valid_after_utc
    if not certificate.not_valid_before_utc <= now < end:
        return broken(
            f"{name}: good from {certificate.not_valid_before_utc:%Y-%m-%d} to {end:%Y-%m-%d}, so not now",
            "Make a new one, upload it to the registration, and name both, the new one first, till all gates have it.",
        )
    if end - now < SOON:
        return warning(f"{name}: until {end:%Y-%m-%d}", "Make the next one now: two may be named at once.")
    return ok(f"{name}: until {end:%Y-%m-%d}")


def _federated(case: Case, name: str, credential: FederatedToken) -> Finding:
    text = case.world.outside.read(credential.path).decode("ascii").strip()
    try:
        end = float(jwt.decode(text, options={"verify_signature": False})["exp"])
        seen = f"{name}: until {datetime.fromtimestamp(end, UTC):%Y-%m-%d %H:%M} UTC"
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, OverflowError):
        return warning(f"{name}: says no time of its end", "See that it is the token of your platform's identity.")
    if end <= case.world.clock():
        return broken(seen, "See that whatever writes the file still renews it: it is read anew for each call.")
    return ok(seen)


def _secret(case: Case, name: str, credential: ClientSecret) -> Finding:
    if case.provider.type == "entra" and GUID.fullmatch(credential.value):
        return warning(
            f"{name}: it looks like the secret's id",
            "In Certificates & secrets, the column Value is the secret. Entra shows it once, when it is made.",
        )
    return ok(name)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the provider says to a credential.

    `exists`: whether there is a tenant such as was asked; `is_there`: whether it has the application.
    """

    finding: Finding
    taken: bool = False
    exists: bool = True
    is_there: bool = True


def _tenants(provider: Provider) -> tuple[str, ...]:
    # At `organizations` an application can have no token of its own: it is asked for in one tenant, then the next.
    return provider.allowed_tenants if provider.tenant == ORGANIZATIONS else ("",)


def _said(case: Case, one: Credential, tenants: tuple[str, ...]) -> _Said:
    """What is said in the first of the tenants that has the application; where none has, in the last."""
    said = _Said(not_tried("there is no tenant to ask in"))
    for tenant in tenants:
        said = _said_in(case, one, tenant)
        if said.is_there:
            break
    return said


def _said_in(case: Case, one: Credential, tenant: str) -> _Said:
    try:
        _ask(case, one, tenant)
    except ProviderRefused as refused:
        return _answered(refused)
    except SignInError as fault:
        return _Said(of_fault(fault, case.place))
    return _Said(ok("taken"), taken=True)


def _ask(case: Case, one: Credential, tenant: str) -> None:
    """Ask for a token of the gate's own, which is thrown away (RFC 6749, section 4.4)."""
    form = {"grant_type": "client_credentials"}
    address = case.metadata.token_endpoint
    if case.provider.type == "entra":
        resource = graph_at(case.provider, case.metadata) or case.provider.client_id
        form["scope"] = f"{resource}/.default"
    if tenant:
        address = address.replace(f"/{ORGANIZATIONS}/", f"/{tenant}/", 1)
    case.endpoint(address, one).ask(form, case.world.clock())


def _answered(refused: ProviderRefused) -> _Said:
    if refused.code in NOT_THERE or refused.code == NO_TENANT:
        return _Said(of_refusal(refused), exists=refused.code != NO_TENANT, is_there=False)
    if refused.error in PAST_THE_CLIENT:
        return _Said(ok(f"taken ({named(refused)}: no token of its own, and it needs none)"), taken=True)
    if refused.error == "invalid_client":
        return _Said(of_refusal(refused))
    return _Said(not_tried(f"the provider says {named(refused)}, which tells nothing of it", "The first sign-in will."))


def _mend_at(provider: Provider, tenant: str, exists: bool) -> str:
    if not exists:
        return "Mend it in `allowed_tenants`, or take it out there."
    place = f"{provider.authority}/{tenant}/adminconsent?client_id={provider.client_id}"
    return f"An administrator of that tenant has to let the gate in, once: {place}"
