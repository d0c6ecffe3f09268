"""Any OpenID provider, as the specifications say."""

from glassgate.access.identity import Identity
from glassgate.oidc.claims import Claims, claim_at, counting_email, is_address, named, text, texts
from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.metadata import Metadata
from glassgate.oidc.provider import Provider
from glassgate.oidc.providers.ways import Ways, with_offline_access

ALGORITHMS = ("RS256", "PS256", "ES256")
CLIENT_AUTH = ("client_secret_basic", "client_secret_post")  # the default is first: Discovery 1.0, section 3


def discovery_url(provider: Provider) -> str:
    """Where the document is: below the issuer, its last slash not counted (Discovery 1.0, section 4)."""
    return f"{(provider.issuer or '').removesuffix('/')}/.well-known/openid-configuration"


def check_document_issuer(provider: Provider, issuer: str) -> None:
    """Refuse a document of another issuer, compared letter by letter (Discovery 1.0, section 4.3)."""
    if issuer != provider.issuer:
        raise SignInError(Reason.DISCOVERY_ISSUER, f"expected issuer {shown(provider.issuer)}, got {shown(issuer)}")


def algorithms(metadata: Metadata) -> tuple[str, ...]:
    """Those of ours that the provider says it signs with."""
    common = tuple(name for name in ALGORITHMS if name in metadata.algorithms)
    if not common:
        raise SignInError(
            Reason.DISCOVERY_MALFORMED,
            f"expected a signing alg of {', '.join(ALGORITHMS)}, got {shown(metadata.algorithms)}",
        )
    return common


def client_auth(provider: Provider, metadata: Metadata) -> str:
    """How the client's secret is sent: as configured, else the standard's default where the provider takes it."""
    if provider.client_auth:
        return provider.client_auth
    offered = metadata.auth_methods or CLIENT_AUTH
    method = next((name for name in CLIENT_AUTH if name in offered), None)
    if method is None:
        raise SignInError(
            Reason.CLIENT_AUTH,
            f"expected a provider that takes {' or '.join(CLIENT_AUTH)}, got {shown(offered)}",
        )
    return method


def scopes(provider: Provider, metadata: Metadata) -> tuple[str, ...]:
    """What is asked for; a refresh token too, where sessions are to be asked for again."""
    return with_offline_access(provider)


def check_issuer(claims: Claims, provider: Provider, metadata: Metadata) -> None:
    """Refuse a token of any issuer but the document's (Core 1.0, section 3.1.3.7, step 2)."""
    if claims.get("iss") != metadata.issuer:
        raise SignInError(Reason.ISS_MISMATCH, f"expected iss {shown(metadata.issuer)}, got {shown(claims.get('iss'))}")


def identity(claims: Claims, provider: Provider) -> Identity:
    """The person that checked claims tell of, under the names that this provider has for them. Raises claim_type."""
    called = {name: claim_at(claims, provider.claims.get(name, name)) for name in ("email", "name", "groups")}
    email = text(called, "email")
    domains = provider.email_domains
    # Exactly JSON's true: a provider that writes "false" as text must not be believed by accident. It is said of
    # `email`, where there is one: users may write into other claims what they like.
    verified = claims.get("email_verified") is True and is_address(email) and claims.get("email", email) == email
    counts = verified and (not domains or counting_email(email, domains) is not None)
    return Identity(
        provider=provider.id,
        provider_type=provider.type,
        realm=str(claims["iss"]),
        subject=str(claims["sub"]),
        name=text(called, "name") or text(claims, "preferred_username") or "",
        email=email if counts else None,
        unverified_email=None if counts else email,
        groups=texts(called, "groups"),
        amr=texts(claims, "amr"),
        idp_session=text(claims, "sid"),
        claims=named(claims, provider.named_claims),
    )


GENERIC = Ways(
    discovery_url=discovery_url,
    check_document_issuer=check_document_issuer,
    algorithms=algorithms,
    client_auth=client_auth,
    scopes=scopes,
    issuer_checks=(check_issuer,),
    claim_checks=(),
    identity=identity,
    asks_userinfo=True,
)
