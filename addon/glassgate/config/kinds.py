"""The kinds of values that keys can have, as pydantic takes them: how each is read, and how editors are told."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from glassgate.access.app import SameSite, Unauthenticated
from glassgate.access.policy import Decision
from glassgate.access.selectors import SELECTORS
from glassgate.config import addresses, values
from glassgate.config.problems import BadValueError, shown
from glassgate.config.settings import Endpoint
from glassgate.config.tree import DECISIONS
from glassgate.errors import did_you_mean

SOME = Field(min_length=1)  # an empty list is refused: nobody writes one to mean "all", or to mean "none"

_CALLED = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a mapping"}


@dataclass(frozen=True, slots=True, eq=False)  # by identity: Python 3.12 wants a hash of what Annotated holds
class Read:
    """Plain data that `read` turns into a value, or refuses; `schema` says what it takes.

    `write` turns a value into what the file would say: a default, for those who read the schema.
    """

    read: Callable[[Any], object]
    schema: dict[str, Any]
    write: Callable[[Any], object] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(self.write) if self.write else None
        return core_schema.no_info_plain_validator_function(self.read, serialization=written)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(self.schema)


def Text(read: Callable[[str], object], *examples: str) -> Read:  # noqa: N802
    """A text that `read` turns into a value, or refuses."""

    def checked(value: object) -> object:
        if not isinstance(value, str):
            raise _not_text(value, examples)
        return read(value)

    return Read(checked, {"type": "string", **({"examples": list(examples)} if examples else {})})


def _not_text(value: object, examples: tuple[str, ...]) -> BadValueError:
    example = f", such as `{examples[0]}`" if examples else ""
    quotes = ", in quotes where it looks like something else" if isinstance(value, int | float) else ""
    return BadValueError(
        f"wants text, but is {_CALLED.get(type(value), 'something else')}", f"write text{example}{quotes}"
    )


def NotYet(*defaults: object) -> Read:  # noqa: N802
    """A key whose feature is not there yet: only what it would be without being said is taken."""

    def check(value: object) -> object:
        if not any(type(value) is type(default) and value == default for default in defaults):
            raise BadValueError("is not there yet", "leave it out")
        return value

    return Read(check, {"description": "Not there yet: leave it out.", "enum": list(defaults)})


@dataclass(frozen=True, slots=True)
class OneOrList:
    """A list that may be written as its one entry."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda value: value if isinstance(value, list) else [value], handler(source)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


EVERY_TENANT = ""  # the key of what holds whichever tenant somebody comes from
TENANT_TAGS = ("alone", "by tenant")  # which of the two it is: pydantic's, in the places of errors


@dataclass(frozen=True, slots=True)
class ByTenant:
    """Lists by tenant id, that may be written as one list, which is then EVERY_TENANT's."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        by_tenant = handler(source)
        choices = dict(zip(TENANT_TAGS, (by_tenant["values_schema"], by_tenant), strict=True))
        return core_schema.no_info_after_validator_function(
            lambda value: value if isinstance(value, dict) else {EVERY_TENANT: value},
            core_schema.tagged_union_schema(choices, lambda value: TENANT_TAGS[isinstance(value, dict)]),
        )


def read_decision(value: object) -> Decision:
    """The decision of a policy, by its name here or in Cloudflare's API."""
    if not isinstance(value, str) or value not in DECISIONS:
        raise BadValueError(f"{shown(value)} is no decision", did_you_mean(str(value), DECISIONS))
    return DECISIONS[value]


def not_in_the_file(value: object) -> None:
    """Refuse service tokens: whoever reads the file would have them."""
    raise BadValueError("service tokens are not kept in this file", "make them with `glassgate service-tokens create`")


def read_same_site(value: object) -> SameSite:
    """With which requests of other sites the token comes along, however it is written."""
    for one in SameSite:
        if isinstance(value, str) and value.lower() == one.lower():
            return one
    raise BadValueError(f"{shown(value)} is none of its values", "write `lax`, `strict` or `none`")


def read_unauthenticated(value: object) -> Unauthenticated:
    """What a request without a session gets. YAML reads an unquoted 401 as a number."""
    if not isinstance(value, bool) and str(value) in list(Unauthenticated):
        return Unauthenticated(str(value))
    raise BadValueError(f"{shown(value)} is none of its values", "write `auto`, `redirect` or `401`")


def with_openid(scopes: list[str]) -> list[str]:
    """Refuse scopes by which nobody would be signed in (OpenID Connect Core, section 3.1.2.1)."""
    if "openid" not in scopes:
        raise BadValueError("lacks `openid`, without which nobody is signed in", "add `openid`")
    return scopes


def read_client_certificate(value: object) -> Path | bool:
    """The certificate that the gate shows an origin: `true` for its own, or a file."""
    if isinstance(value, str):
        return values.path(value)
    if value is True:
        return True
    raise BadValueError(f"{shown(value)} is no certificate", "write `true` for the gate's own, or a path")


def read_rule(value: object) -> dict[str, Any]:
    """A rule as it is written: one selector with its value. What they mean needs the whole file."""
    if not isinstance(value, dict) or len(value) != 1:
        raise BadValueError("a rule is one selector with its value", "write it as `{email_domain: contoso.example}`")
    return value


_RULE_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {name: {"description": row.says} for row in SELECTORS for name in (row.name, *row.aliases)},
}

Name = Annotated[str, Text(values.name, "wiki")]
Id = Annotated[str, Text(values.identifier, "entra")]
Tag = Annotated[str, Text(values.name, "Finance")]
Sentence = Annotated[str, Text(values.sentence, "Ask the service desk for access: https://desk.example.com")]
Token = Annotated[str, Text(values.token)]
Session = Annotated[int, Text(values.session, "24h", "30m")]
Idle = Annotated[int | None, Text(values.idle, "30m", "none")]
Skew = Annotated[int, Text(values.skew, "60s")]
File = Annotated[Path, Text(values.path, "certs/ca.pem")]
ClientCertificateFile = Annotated[
    Path | bool, Read(read_client_certificate, {"anyOf": [{"const": True}, {"type": "string"}]})
]
Listener = Annotated[Endpoint, Text(addresses.listener, "127.0.0.1:8443")]
ObjectId = Annotated[str, Text(values.object_id)]
Claim = Annotated[str, Text(values.claim, "email")]
Recheck = Annotated[int, Text(values.recheck, "1h")]
EmailDomain = Annotated[str, Text(values.email_domain, "contoso.example")]
Secret = Annotated[str, Text(values.secret, "${ENTRA_CLIENT_SECRET}", "file:/run/secrets/entra")]
Secrets = Annotated[list[Secret], Field(min_length=1, max_length=2), OneOrList()]
EmailDomains = Annotated[dict[ObjectId, Annotated[list[EmailDomain], SOME]], SOME, ByTenant()]
Scopes = Annotated[list[Annotated[str, Text(values.scope, "openid")]], SOME, AfterValidator(with_openid)]
Host = Annotated[str, Text(addresses.domain, "wiki.localhost", "wiki.localhost/admin", "*.apps.localhost")]
WebOrigin = Annotated[str, Text(addresses.web_origin, "https://app.example.com")]
Rule = Annotated[dict[str, Any], Read(read_rule, _RULE_SCHEMA)]
