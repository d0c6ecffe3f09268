"""What every mapping of config.yaml is: strict about its keys, and called something in messages."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from glassgate.config.kinds import Listener


class Part(BaseModel):
    """A mapping of the file. `called` is its name in messages."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)
    called: ClassVar[str]


class Listens(Part):
    """Something that listens."""

    called: ClassVar = "a listener"

    listen: Listener = Field(description="The address to listen on.")
