"""The keys of an application's `launcher`: how it stands on the page of a visitor's applications."""

from typing import Annotated, ClassVar

from pydantic import Field

from glassgate.config.kinds import SOME, File, Tag
from glassgate.config.part import Part


class Launcher(Part):
    """How an app shows itself on the page of a visitor's applications."""

    called: ClassVar = "`launcher`"

    visible: bool = Field(True, description="Whether it stands there.")
    logo: File | None = Field(
        None, description="A picture of at most 64 KiB: PNG, JPEG, WebP or SVG. Default: its first letter."
    )
    tags: Annotated[list[Tag], SOME] | None = Field(None, description="The groups that it stands in.")
