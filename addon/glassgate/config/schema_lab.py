"""The keys of the `lab` section."""

from typing import Annotated, ClassVar

from pydantic import Field

from glassgate.config import lab_values, values
from glassgate.config.kinds import EmailDomain, Id, Name, ObjectId, Read, Secret, Text, Token
from glassgate.config.part import Listens, Part
from glassgate.config.settings import LAB_SITES


class LabUser(Part):
    """A user of the lab's tenant."""

    called: ClassVar = "a lab user"

    name: Id = Field(description="What the user signs in by.")
    display_name: Name | None = Field(None, description="What people read. Default: the name.")
    password: Secret = Field(description="A password that only the lab knows.")
    email: Annotated[str, Text(values.email, "carol@fabrikam.example")] | None = Field(
        None, description="The e-mail address. Default: the name at the tenant's domain."
    )
    groups: list[ObjectId] = Field([], description="Object ids.")
    groups_count: Annotated[
        int, Read(lab_values.group_count, {"type": "integer", "minimum": 0, "maximum": lab_values.MOST_GROUPS})
    ] = Field(0, description="So many made-up groups besides; with more than 200 in all, tokens do not hold them.")
    roles: list[Token] = Field([], description="App roles.")
    mfa: bool = Field(False, description="Has a second factor.")
    edov: bool = Field(False, description="The domain of the e-mail address is verified: `xms_edov` says so.")
    guest_of: EmailDomain | None = Field(None, description="The domain of the home tenant: a guest here.")


class LabTenant(Part):
    """A further tenant of the lab."""

    called: ClassVar = "a lab tenant"

    domain: EmailDomain = Field(description="Its domain, by which its users sign in.")
    id: ObjectId | None = Field(None, description="Its id. Default: made from the domain.")
    users: list[LabUser] = Field([], description="Who can sign in there.")


class Lab(Part):
    """A stand-in Entra tenant and sample origins, on this machine alone."""

    called: ClassVar = "`lab`"

    enabled: bool = Field(description="Whether the lab is there.")
    users: list[LabUser] = Field([], description="Who can sign in.")
    tenants: list[LabTenant] = Field([], description="Further tenants, each with users of its own.")
    groups_claim: bool = Field(True, description="Whether ID tokens tell groups. Default: true.")
    consent: bool = Field(False, description="Whether users are asked what an app may do. Default: false.")
    faults: list[Annotated[str, Text(lab_values.lab_fault, "slow", *lab_values.AADSTS_EXAMPLES)]] = Field(
        [], description="What the tenant does wrong, to see what comes of it."
    )
    origins: dict[str, Listens] = Field(
        {}, description="The sample origins to start.", json_schema_extra={"propertyNames": {"enum": list(LAB_SITES)}}
    )
