"""Microsoft Entra ID's own ways, v2.0 endpoints: one tenant, or several that are named."""

import re
from urllib.parse import urlsplit

from glassgate.access.identity import Identity
from glassgate.oidc import graph
from glassgate.oidc.claims import Claims, counting_email, is_address, named, text, texts
from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.metadata import Metadata, origin
from glassgate.oidc.provider import ORGANIZATIONS, GroupsFrom, Provider
from glassgate.oidc.providers.ways import Ways, with_offline_access

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ISSUER_PATH = re.compile(rf"/({GUID.pattern})/v2\.0")
TEMPLATE = "{tenantid}"  # what stands for the tenant in the documents of `organizations`
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"  # the tenant of all personal Microsoft accounts


def discovery_url(provider: Provider) -> str:
    """Where the tenant's document is, by its id or its domain."""
    return f"{provider.authority}/{provider.tenant}/v2.0/.well-known/openid-configuration"


def check_document_issuer(provider: Provider, issuer: str) -> None:
    """Refuse a document that is not of the configured tenant at the configured authority.

    The issuer names the tenant by its id, also where it was asked for by its domain. That of `organizations` names
    none, but says where one would stand.
    """
    asked = (provider.tenant or "").lower()
    if asked == ORGANIZATIONS:
        fit = issuer == f"{provider.authority}/{TEMPLATE}/v2.0"
    else:
        tenant = _tenant_of(issuer, provider.authority)
        fit = tenant is not None and (not GUID.fullmatch(asked) or asked == tenant)
    if not fit:
        raise SignInError(
            Reason.DISCOVERY_ISSUER,
            f"expected issuer {provider.authority}/{provider.tenant}/v2.0, by tenant id, got {shown(issuer)}",
        )


def algorithms(metadata: Metadata) -> tuple[str, ...]:
    """RS256 alone is what Entra signs ID tokens with."""
    return ("RS256",)


def client_auth(provider: Provider, metadata: Metadata) -> str:
    """The secret goes into the form, as all of Microsoft's own clients send it."""
    return "client_secret_post"


def scopes(provider: Provider, metadata: Metadata) -> tuple[str, ...]:
    """What is asked for; where groups are read from Graph, with Graph's permission for that.

    It is named by Graph's own address: in sovereign clouds the bare `User.Read` would be the public Graph's.
    """
    wanted = with_offline_access(provider)
    base = graph_at(provider, metadata)
    if provider.groups_from is GroupsFrom.CLAIM or base is None or graph.SCOPE in wanted:
        return wanted
    return (*wanted, f"{base}/{graph.SCOPE}")


def graph_at(provider: Provider, metadata: Metadata) -> str | None:
    """Where Microsoft Graph is for this provider's cloud."""
    return provider.graph or metadata.graph


def check_version(claims: Claims, provider: Provider, metadata: Metadata) -> None:
    """Refuse tokens of the v1.0 endpoints, which have another issuer and other claims."""
    if claims.get("ver") != "2.0":
        raise SignInError(Reason.VERSION, f"expected ver '2.0', got {shown(claims.get('ver'))}")


def check_issuer(claims: Claims, provider: Provider, metadata: Metadata) -> None:
    """Refuse other issuers, telling apart what an administrator would mend differently."""
    issuer, tid = claims.get("iss"), claims.get("tid")
    tenant = _tenant_of(issuer, provider.authority) if isinstance(issuer, str) else None
    if tenant is None:
        raise SignInError(Reason.ISS_MISMATCH, f"expected iss {shown(metadata.issuer)}, got {shown(issuer)}")
    if CONSUMERS in (tenant, tid):
        raise SignInError(Reason.PERSONAL_ACCOUNT, "expected a work or school account, got a personal one")
    if tid != tenant:
        raise SignInError(Reason.TID_ISS, f"expected tid {tenant}, which iss names, got {shown(tid)}")
    if issuer != metadata.issuer and tenant not in provider.allowed_tenants:
        raise SignInError(
            Reason.TENANT_NOT_ALLOWED, f"expected a user of {shown(metadata.issuer)}, got tenant {tenant}"
        )


def check_oid(claims: Claims, provider: Provider, metadata: Metadata) -> None:
    """Refuse a token that does not say who it is about: `oid` comes with the scope `profile`."""
    oid = claims.get("oid")
    if not isinstance(oid, str) or not re.fullmatch(r"[0-9A-Za-z-]{1,64}", oid):
        raise SignInError(Reason.OID_MISSING, f"expected an object id in oid, got {shown(oid)}")


def identity(claims: Claims, provider: Provider) -> Identity:
    """The person that checked claims tell of. Raises claim_type."""
    email = text(claims, "email")
    # Any foreign administrator can set a user's `mail` to anything (nOAuth, CVE-2023-46241): it counts only
    # where this tenant's word is taken for its domain, or Entra says that the domain's owner was verified.
    proved = _is_verified(claims.get("xms_edov")) and is_address(email)
    counts = proved or counting_email(email, provider.domains_of(str(claims["tid"]))) is not None
    acrs = _acrs(claims)
    return Identity(
        provider=provider.id,
        provider_type=provider.type,
        realm=str(claims["tid"]),
        subject=str(claims["oid"]),
        name=text(claims, "name") or text(claims, "preferred_username") or "",
        email=email if counts else None,
        unverified_email=None if counts else email,
        groups=_groups(claims),
        roles=texts(claims, "roles"),
        acrs=acrs,
        # v2.0 ID tokens have no amr: an authentication context is Entra's only proof of a second factor.
        amr=frozenset({"mfa"}) if provider.mfa_context in acrs else frozenset(),
        idp_session=text(claims, "sid"),
        login_hint=text(claims, "login_hint"),
        claims=named(claims, provider.named_claims),
    )


def _tenant_of(issuer: str, authority: str) -> str | None:
    try:
        parts, same = urlsplit(issuer), origin(issuer) == origin(authority)
    except ValueError:
        return None
    path = ISSUER_PATH.fullmatch(parts.path)
    exact = path and issuer == f"{parts.scheme}://{parts.netloc}{parts.path}" and "@" not in parts.netloc
    return path[1] if path and exact and same else None


def _is_verified(edov: object) -> bool:
    # Seen as true, as 1 and as "1".
    return edov is True or (type(edov) is int and edov == 1) or edov in ("1", "true")


def _acrs(claims: Claims) -> frozenset[str]:
    value = claims.get("acrs")
    return frozenset({value}) if isinstance(value, str) else texts(claims, "acrs")


def _groups(claims: Claims) -> frozenset[str] | None:
    """The groups, or None where the user has too many for a token: they are then elsewhere, not none."""
    named = claims.get("_claim_names")  # where to fetch is said too: never followed
    if claims.get("hasgroups") not in (None, False) or (isinstance(named, dict) and "groups" in named):
        return None
    return texts(claims, "groups")


ENTRA = Ways(
    discovery_url=discovery_url,
    check_document_issuer=check_document_issuer,
    algorithms=algorithms,
    client_auth=client_auth,
    scopes=scopes,
    issuer_checks=(check_version, check_issuer),
    claim_checks=(check_oid,),
    identity=identity,
    keys_name_issuer=True,
    asks_acrs=True,
    reads_graph=True,
)
