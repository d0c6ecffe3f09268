"""The keys of config.yaml: their types, defaults and meanings.

`python -m glassgate.config.schema` prints the JSON Schema that editors use.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import NullableSchema, WithDefaultSchema

from glassgate.access.app import SameSite, Unauthenticated
from glassgate.access.policy import Decision
from glassgate.access.questions import Network
from glassgate.config import addresses, values
from glassgate.config.bounds import KEPT_FORMS, Bounds, Size
from glassgate.config.kinds import (
    SOME,
    Claim,
    ClientCertificateFile,
    EmailDomain,
    EmailDomains,
    File,
    Host,
    Id,
    Idle,
    Listener,
    Name,
    NotYet,
    ObjectId,
    OneOrList,
    Read,
    Recheck,
    Rule,
    Scopes,
    Secrets,
    Sentence,
    Session,
    Skew,
    Text,
    Token,
    WebOrigin,
    not_in_the_file,
    read_decision,
    read_same_site,
    read_unauthenticated,
)
from glassgate.config.part import Listens, Part
from glassgate.config.schema_cors import Cors
from glassgate.config.schema_lab import Lab, LabTenant, LabUser
from glassgate.config.schema_launcher import Launcher
from glassgate.config.settings import Endpoint
from glassgate.config.tree import DECISIONS

# --- identity providers -----------------------------------------------------------------------------------


class _Provider(Part):
    id: Id = Field(description="Its name in this file.")
    name: Name | None = Field(None, description="What visitors see where they can choose. Default: the id.")
    client_id: Token = Field(description="The client id that the provider gave the gate.")
    ca: File | None = Field(None, description="Trust for the calls to it (PEM). Default: the system's.")
    scopes: Scopes = Field(["openid", "profile", "email"], description="What is asked for; with `openid`.")
    response_mode: Literal["query", "form_post"] = Field(
        "query", description="How its answer comes back: in the address, or in a form."
    )
    recheck: Recheck | None = Field(
        None, description="After how long a live session is asked for again at the provider. Default: never."
    )
    prompt: Literal["login", "select_account", "consent"] | None = Field(
        None, description="What the provider shall ask at each sign-in."
    )
    clock_skew: Skew = Field(
        60, description="How far its clock may be off. Default: 60s.", json_schema_extra={"default": "60s"}
    )


class ClientCertificate(Part):
    """A certificate in place of a client secret."""

    called: ClassVar = "`certificate`"

    key: File = Field(description="The private key (PEM, RSA).")
    certificate: File = Field(description="The certificate itself (PEM), as it was uploaded to Entra.")
    algorithm: Literal["PS256", "RS256"] = Field("PS256", description="How assertions are signed.")


class ClaimNames(Part):
    """What a provider calls the claims that the gate reads; `realm_access.roles` goes down into a claim."""

    called: ClassVar = "`claims`"

    email: Claim | None = Field(None, description="The e-mail address. Default: email.")
    name: Claim | None = Field(None, description="The name that people read. Default: name.")
    groups: Claim | None = Field(None, description="The groups. Default: groups.")


class Entra(_Provider):
    """Microsoft Entra ID."""

    called: ClassVar = "a provider of type entra"

    type: Literal["entra"] = Field(description="Microsoft Entra ID.")
    tenant: Annotated[str, Text(values.tenant, "contoso.onmicrosoft.com")] = Field(
        description="The tenant's id, or one of its domains; `organizations` for those of `allowed_tenants`."
    )
    allowed_tenants: Annotated[list[ObjectId], SOME] | None = Field(
        None, description="With `organizations`: the ids of the tenants whose users may sign in."
    )
    client_secret: Secrets | None = Field(
        None, description="Its secret: `${NAME}`, or `file:PATH`; two while one follows the other."
    )
    certificate: Annotated[list[ClientCertificate], Field(min_length=1, max_length=2), OneOrList()] | None = Field(
        None, description="In place of a secret: a certificate; two while one follows the other."
    )
    federated_token_file: File | None = Field(
        None, description="In place of a secret: the file of a workload identity's token, read anew each time."
    )
    email_domains: EmailDomains | None = Field(
        None, description="Whose e-mail addresses count when they come from here; with several tenants, by tenant id."
    )
    authority: Annotated[str, Text(addresses.authority, "https://login.microsoftonline.com")] = Field(
        "https://login.microsoftonline.com", description="The sign-in service; another in sovereign clouds and the lab."
    )
    graph: Annotated[str, Text(addresses.graph, "https://graph.microsoft.com")] | None = Field(
        None, description="Microsoft Graph. Default: what the authority's document names."
    )
    groups_from: Literal["claim", "graph", "check"] = Field(
        "claim",
        description="Where groups come from: the token, or Microsoft Graph where it holds none; `check` asks Graph for "
        "just those that policies name.",
    )
    mfa_context: Annotated[str, Text(values.context, "c1")] | None = Field(
        None, description="The authentication context that proves MFA: Entra's tokens carry no amr."
    )
    domain_hint: Token | None = Field(None, description="The domain whose sign-in page Entra shall show at once.")


class Oidc(_Provider):
    """Any OpenID provider, by its issuer. Its e-mails count where it says that they are verified."""

    called: ClassVar = "a provider of type oidc"

    type: Literal["oidc"] = Field(description="Any OpenID provider.")
    issuer: Annotated[str, Text(addresses.issuer, "https://login.example.com")] = Field(
        description="Its issuer, exactly as it writes it."
    )
    client_secret: Secrets = Field(
        description="Its secret: `${NAME}`, or `file:PATH`; two while one follows the other."
    )
    client_auth: Literal["client_secret_basic", "client_secret_post"] | None = Field(
        None, description="How the secret is sent. Default: in the header, where the provider takes that."
    )
    email_domains: Annotated[list[EmailDomain], SOME] | None = Field(
        None, description="Narrows whose verified e-mail addresses count. Default: all of them."
    )
    claims: ClaimNames | None = Field(None, description="What the provider calls the claims that the gate reads.")


# --- applications -----------------------------------------------------------------------------------------


class Rules(Part):
    """A rule group: holds when one `include` matches, all `require` do, and no `exclude` does."""

    called: ClassVar = "a rule group"

    include: Annotated[list[Rule], SOME] = Field(description="At least one must match.")
    require: Annotated[list[Rule], SOME] | None = Field(None, description="All must match.")
    exclude: Annotated[list[Rule], SOME] | None = Field(None, description="None may match.")


class Policy(Rules):
    """A policy: what it decides, for whom."""

    called: ClassVar = "a policy"

    name: Name = Field(description="What it is called in verdicts.")
    decision: Annotated[Decision, Read(read_decision, {"enum": list(DECISIONS)})] = Field(
        description="What happens where the policy holds."
    )
    session_duration: Session | None = Field(None, description="How long its sessions last, where shorter.")


class OriginTls(Part):
    """How an https origin is verified."""

    called: ClassVar = "`origin_tls`"

    ca: File | None = Field(None, description="Trust for the origin (PEM). Default: the system's.")
    client_certificate: ClientCertificateFile | None = Field(
        None,
        description="What the gate shows it: `true` for the gate's own, made in the state folder, or a PEM file (key, "
        "leaf, chain).",
    )
    server_name: Annotated[str, Text(addresses.host, "wiki.internal.example")] | None = Field(
        None, description="The name that its certificate bears. Default: the origin's host."
    )


class App(Part):
    """An application behind the gate."""

    called: ClassVar = "an app"

    name: Name = Field(description="What it is called.")
    domain: Annotated[list[Host], SOME, OneOrList()] = Field(
        description="Its host name, or a list of them; without a port. `*` stands for a part of one label, and a path "
        "for all below it; the longest match wins."
    )
    origin: Annotated[addresses.Url, Text(addresses.origin, "http://127.0.0.1:9000")] = Field(
        description="Where its traffic goes."
    )
    policies: Annotated[list[Policy], SOME] = Field(description="Who may open it; the first that holds decides.")
    aud: Annotated[str, Text(values.aud)] | None = Field(
        None, description="Its AUD tag, 64 hex digits. Default: made from the team and the name."
    )
    origin_tls: OriginTls | None = Field(None, description="How an https origin is verified.")
    http2_origin: bool = Field(False, description="Whether an https origin is offered HTTP/2, which gRPC needs.")
    session_duration: Session = Field(
        86400, description="How long its sessions last. Default: 24h.", json_schema_extra={"default": "24h"}
    )
    identity_providers: Annotated[list[Id], SOME] | None = Field(
        None, description="Who may sign visitors in. Default: every provider."
    )
    unauthenticated: Annotated[
        Unauthenticated,
        Read(read_unauthenticated, {"enum": ["auto", "redirect", "401", 401]}),
    ] = Field(
        Unauthenticated.AUTO, description="What a request without a session gets: `auto` goes by the kind of visitor."
    )
    forward_cookie: bool = Field(False, description="Whether the origin sees the `CF_Authorization` cookie.")
    websocket_origins: list[WebOrigin] = Field([], description="Further pages that may open its WebSockets.")
    max_body: Annotated[int, Size("0 B", "1 TiB")] | None = Field(
        None, description="How much the body of one request may hold, such as `10 MiB`. Default: any amount."
    )
    keep_forms: Annotated[int, KEPT_FORMS] = Field(
        0,
        description="Whether a form that meets an ended session is kept over the sign-in; or up to which size. "
        "`true` is `8 MiB`, at most `64 MiB`.",
    )
    same_site: Annotated[
        SameSite, Read(read_same_site, {"enum": ["lax", "strict", "none", "Lax", "Strict", "None"]}, str.lower)
    ] = Field(SameSite.LAX, description="Whether the token comes along with requests that other sites begin:")
    http_only: bool = Field(True, description="Whether the token is kept from the scripts of pages.")
    path_cookie: bool = Field(
        True, description="Whether the token of a part of a host stays there. Else all of it gets it."
    )
    binding_cookie: bool = Field(
        False, description="Whether the token counts only beside a second cookie, `__Host-CF_Binding`."
    )
    cors: Cors | None = Field(None, description="Pages of which other origins may use it. Default: none.")
    deny_url: Annotated[str, Text(addresses.elsewhere, "https://www.example.com/no-access")] | None = Field(
        None, description="Where people are sent whom its policies refuse. Default: a page says so."
    )
    machine_deny_url: Annotated[str, Text(addresses.elsewhere, "https://www.example.com/not-from-here")] | None = Field(
        None, description="The same for whom no sign-in would help: by address, country or certificate."
    )
    deny_message: Sentence | None = Field(
        None, description="What whoever is kept out reads above our own reason: whom to ask, and where."
    )
    deny_page: File | None = Field(
        None, description="A page of your own for them: HTML, at most 64 KiB, without scripts. Default: ours."
    )
    compat: Literal["cloudflare"] | None = Field(
        None, description="Defaults as Cloudflare Access has them, where ours differ on purpose."
    )
    service_token_header: Annotated[str, Text(values.header, "Authorization")] | None = Field(
        None,
        description="A header that may hold a service token as JSON, beside `CF-Access-Client-Id` and `-Secret`.",
    )
    client_ca: File | None = Field(
        None,
        description="Whose client certificates its visitors are asked for (PEM). Default: they are asked for none.",
    )
    launcher: Launcher | None = Field(None, description="How it shows itself on the page of a visitor's applications.")
    auto_redirect: bool | None = Field(
        None,
        description="Whether a sign-in goes straight to the first of its providers, past the page where one is picked. "
        "Default: where there is one.",
    )


# --- the rest ---------------------------------------------------------------------------------------------


class Tls(Part):
    """The certificates of the listener."""

    called: ClassVar = "`tls`"

    certificate: Annotated[list[File], SOME, OneOrList()] = Field(
        description="PEM files with key, leaf and chain; one or a list. A missing one is made."
    )


class Audit(Part):
    """The audit log."""

    called: ClassVar = "`audit`"

    file: File = Field(description="Where it is written, a JSON object a line.")


class Config(Part):
    """The configuration of glassgate."""

    called: ClassVar = "this file"

    team: Annotated[Endpoint, Text(addresses.team, "team.localhost:8443")] = Field(
        description="The team domain; its port (else 443) is the public port of every host."
    )
    listen: Listener = Field(description="The address that the gate listens on.")
    tls: Tls | None = Field(None, description="The certificates of the listener. Default: certs/edge.pem.")
    state: File = Field(
        Path("state"), description="The folder of the keys and the store.", json_schema_extra={"default": "state"}
    )
    store: Annotated[str, Text(values.store, "sqlite:state/glassgate.db", "memory:")] | None = Field(
        None, description="Where sessions are kept. Default: `glassgate.db` in the state folder, SQLite."
    )
    session_duration: Session = Field(
        86400, description="How long a visitor stays signed in. Default: 24h.", json_schema_extra={"default": "24h"}
    )
    idle_timeout: Idle = Field(
        None,
        description="After how long without a request a session ends, and its user is asked for anew. Default: none.",
        json_schema_extra={"default": "none"},
    )
    identity_providers: Annotated[list[Annotated[Entra | Oidc, Field(discriminator="type")]], SOME] = Field(
        description="Who signs visitors in."
    )
    groups: dict[str, Rules] = Field({}, description="Rule groups, for `{group: NAME}` in policies.")
    apps: Annotated[list[App], SOME] = Field(description="The applications.")
    limits: Bounds | None = None
    trusted_proxies: list[Annotated[Network, Text(addresses.proxy, "10.0.0.0/8")]] = Field(
        [], description="Whose X-Forwarded-For and -Proto are believed."
    )
    audit: Audit | None = Field(None, description="The audit log. Default: none.")
    metrics: Listens | None = Field(None, description="Where /metrics, /healthz and /readyz are. Default: nowhere.")
    lab: Lab | None = Field(None, description="A stand-in Entra tenant and sample origins, to learn and to try.")
    fleet: Annotated[Any, NotYet(None)] = None
    service_tokens: Annotated[None, Read(not_in_the_file, {"not": {}})] = Field(
        None, description="Not kept here: `glassgate service-tokens create` makes them, in the store."
    )


# The part that stands at each place but the providers'; "*" is any index or name.
PARTS: dict[tuple[str, ...], type[Part]] = {
    (): Config,
    ("tls",): Tls,
    ("identity_providers", "*", "certificate", "*"): ClientCertificate,
    ("identity_providers", "*", "claims"): ClaimNames,
    ("groups", "*"): Rules,
    ("apps", "*"): App,
    ("apps", "*", "origin_tls"): OriginTls,
    ("apps", "*", "cors"): Cors,
    ("apps", "*", "launcher"): Launcher,
    ("apps", "*", "policies", "*"): Policy,
    ("audit",): Audit,
    ("metrics",): Listens,
    ("limits",): Bounds,
    ("lab",): Lab,
    ("lab", "users", "*"): LabUser,
    ("lab", "tenants", "*"): LabTenant,
    ("lab", "tenants", "*", "users", "*"): LabUser,
    ("lab", "origins", "*"): Listens,
}
PROVIDERS: dict[str, type[Part]] = {"entra": Entra, "oidc": Oidc}


class _Published(GenerateJsonSchema):
    """The schema as editors need it: a key has a value, never null, or is left out; defaults are as one types them."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        json_schema = super().default_schema(schema)
        written: Any = schema["schema"].get("serialization")
        if json_schema.get("default", 0) is None:
            del json_schema["default"]
        elif written:
            json_schema["default"] = written["function"](schema["default"])
        return json_schema


def published() -> str:
    """The JSON Schema of the file, as text."""
    schema = Config.model_json_schema(schema_generator=_Published)
    return json.dumps({"$schema": _Published.schema_dialect, **schema}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(published())
