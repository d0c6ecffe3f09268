"""What the rules and settings of Cloudflare Access are called here: one table for each."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from glassgate.config.cloudflare.reading import EMPTY, Entry, Foreign

Tree = dict[str, Any]
ENTRA = ("azureAD", "azure_ad", "azure")


@dataclass(slots=True)
class Known:
    """What rules may name: the groups that were taken so far, the providers by our ids, and all that was found."""

    found: Foreign
    groups: dict[str, Tree] = field(default_factory=dict)
    group_names: dict[str, str] = field(default_factory=dict)  # Cloudflare's ids -> our names
    providers: list[Tree] = field(default_factory=list)
    provider_ids: dict[str, str] = field(default_factory=dict)  # Cloudflare's -> ours


class UntakenError(Exception):
    """A rule that cannot be taken, and why."""

    def __init__(self, why: str, mend: str = "") -> None:
        super().__init__(why)
        self.mend = mend


def line(name: str) -> str:
    """A name as ours are: one line of up to 64 characters, in which no variable is named."""
    plain = "".join(one if one.isprintable() else " " for one in name).replace("${", "$ {")
    return " ".join(plain.split())[:60].strip() or "unnamed"


def _group_of(known: Known, id: str) -> str:
    if id not in known.group_names:
        raise UntakenError("its group is not here, or could not be taken")
    return known.group_names[id]


def _of(name: str, key: str) -> Callable[[Known, Entry], Tree]:
    return lambda known, value: {name: value[key]}


def _alone(name: str) -> Callable[[Known, Entry], Tree]:
    return lambda known, value: {name: {}}


def _with_provider(known: Known, parts: Tree, value: Entry) -> Tree:
    """A value that is about a provider, which is said where there are several."""
    if len(known.providers) > 1:
        parts["provider"] = _provider_of(known, str(value["identity_provider_id"]))
    return parts


def _provider_of(known: Known, theirs: str) -> str:
    if theirs in known.provider_ids:
        return known.provider_ids[theirs]
    if known.found.providers:
        raise UntakenError("its identity provider is not here, or could not be taken")
    return str(known.providers[0]["id"])


def _by_provider(name: str, key: str, ours: str = "id") -> Callable[[Known, Entry], Tree]:
    def made(known: Known, value: Entry) -> Tree:
        parts = _with_provider(known, {ours: value[key]}, value)
        return {name: parts if len(parts) > 1 else value[key]}

    return made


def _claim(known: Known, value: Entry) -> Tree:
    return {"oidc_claim": _with_provider(known, {"name": value["claim_name"], "value": value["claim_value"]}, value)}


def _service_token(known: Known, value: Entry) -> Tree:
    names = {thing.id: thing.name for thing in known.found.tokens}
    return {"service_token": names.get(str(value["token_id"]), str(value["token_id"]))}


def _linked(known: Known, value: Entry) -> Tree:
    named = next((line(thing.name) for thing in known.found.apps if thing.id == value["app_uid"]), None)
    if named is None:
        raise UntakenError("its app is not here")
    if [line(thing.name) for thing in known.found.apps].count(named) > 1:
        raise UntakenError("another app has the name of its app", "give each its own name")
    return {"linked_app_token": named}


MADE: Mapping[str, Callable[[Known, Entry], Tree]] = {
    "email": _of("email", "email"),
    "email_domain": _of("email_domain", "domain"),
    "everyone": _alone("everyone"),
    "ip": _of("ip", "ip"),
    "geo": _of("country", "country_code"),
    "group": lambda known, value: {"group": _group_of(known, str(value["id"]))},
    **dict.fromkeys(ENTRA, _by_provider("entra_group", "id")),
    "auth_context": _by_provider("entra_auth_context", "ac_id"),
    "auth_method": _of("auth_method", "auth_method"),
    "login_method": lambda known, value: {"login_method": _provider_of(known, str(value["id"]))},
    "oidc": _claim,
    "certificate": _alone("certificate"),
    "common_name": _of("common_name", "common_name"),
    "service_token": _service_token,
    "any_valid_service_token": _alone("any_valid_service_token"),
    "external_evaluation": lambda known, value: {
        "external_evaluation": {"url": value["evaluate_url"], "keys_url": value["keys_url"]}
    },
    "linked_app_token": _linked,
}  # fmt: skip


def _as_it_is(known: Known, value: Any) -> Any:
    return value


CORS = {
    "allowed_origins": "origins", "allowed_methods": "methods", "allowed_headers": "headers",
    "allow_credentials": "credentials",
}  # fmt: skip


def _cors(known: Known, value: Any) -> Any:
    """What is there by no name of theirs stays as it is, for the schema to refuse."""
    said = value[0] if isinstance(value, list) else value
    if not isinstance(said, dict):
        return said
    made = {CORS.get(name, name): one for name, one in said.items() if one not in EMPTY}
    for part in ("origins", "methods", "headers"):
        if made.pop(f"allow_all_{part}", False):
            made[part] = ["*"]
    return {**made, "max_age": f"{made['max_age']}s"} if "max_age" in made else made


# Their name: ours ("" where there is none), what it is unless it is said, and how the value is made.
SETTINGS: Mapping[str, tuple[str, object, Callable[[Known, Any], Any]]] = {
    "aud": ("aud", None, _as_it_is),
    "auto_redirect_to_identity": ("auto_redirect", False, _as_it_is),
    "enable_binding_cookie": ("binding_cookie", False, _as_it_is),
    "http_only_cookie_attribute": ("http_only", True, _as_it_is),
    "same_site_cookie_attribute": ("same_site", "lax", lambda known, value: str(value).lower()),
    "custom_deny_url": ("deny_url", None, _as_it_is),
    "custom_non_identity_deny_url": ("machine_deny_url", None, _as_it_is),
    "custom_deny_message": ("deny_message", None, _as_it_is),
    "path_cookie_attribute": ("path_cookie", True, _as_it_is),
    "cors_headers": ("cors", None, _cors),
    "options_preflight_bypass": ("cors", None, lambda known, value: {"preflight": "origin"}),
    "read_service_tokens_from_header": ("service_token_header", None, _as_it_is),
    "app_launcher_visible": ("launcher", True, lambda known, value: {"visible": value}),
    "logo_url": ("launcher", None, lambda known, value: {"logo": value}),
    "tags": ("launcher", None, lambda known, value: {"tags": value}),
    **dict.fromkeys(
        ("allow_iframe", "custom_pages",
         "allow_authenticate_via_warp", "mfa_config", "scim_config", "oauth_configuration"),
        ("", None, _as_it_is),
    ),
}  # fmt: skip


def entra(ours: str, config: Entry) -> Tree:
    """A provider as it has to be there; what its own configuration does not say is a stand-in."""
    tenant = config.get("directory_id") or "contoso.example"
    known = {"client_id": config.get("client_id") or "your-client-id", "client_secret": "${CLIENT_SECRET}"}
    return {"id": ours, "type": "entra", "tenant": str(tenant), **known, "mfa_context": "c1"}


def oidc(ours: str, config: Entry) -> Tree:
    """The same for OpenID Connect."""
    issuer = re.sub(r"^(https://[^/]+).*$", r"\1", str(config.get("auth_url") or "")) or "https://login.example.com"
    known = {"client_id": config.get("client_id") or "your-client-id", "client_secret": "${CLIENT_SECRET}"}
    return {"id": ours, "type": "oidc", "issuer": issuer, **known}
