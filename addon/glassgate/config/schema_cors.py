"""The keys of an application's `cors`: pages of which other origins may use it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from glassgate.config import addresses, values
from glassgate.config.kinds import SOME, Text
from glassgate.config.part import Part

ANY = addresses.ANY


class Cors(Part):
    """Pages of which other origins may use an application."""

    called: ClassVar = "`cors`"

    preflight: Literal["gate", "origin"] = Field(
        "gate", description="Who answers preflights. Where the origin does, it says all the rest, too."
    )
    origins: Annotated[list[Annotated[str, Text(addresses.page, "https://app.example.com", ANY)]], SOME] | None = Field(
        None, description="The pages, as a browser writes their origins; `*` for all, without credentials alone."
    )
    methods: Annotated[list[Annotated[str, Text(values.token_of_http, "GET")]], SOME] | None = Field(
        None, description="What they may send. Default: GET, HEAD and POST."
    )
    headers: Annotated[list[Annotated[str, Text(values.token_of_http, "X-Requested-With")]], SOME] | None = Field(
        None, description="Which further headers they may send. Default: none."
    )
    credentials: bool | None = Field(
        None,
        description="Whether they may use a session. Pages of other sites need `same_site: none`, too. Default: no.",
    )
    max_age: Annotated[int, Text(values.preflight_age, "10m")] | None = Field(
        None, description="How long a browser may remember the answer. Default: 10m."
    )
