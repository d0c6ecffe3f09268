"""A mapping of the file takes its keys as they are meant, and no others."""

from typing import ClassVar

import pytest
from pydantic import ValidationError

from glassgate.config.part import Listens, Part
from glassgate.config.settings import Endpoint


class _Small(Part):
    """A mapping."""

    called: ClassVar = "a small one"

    number: int = 1


@pytest.mark.parametrize("tree", [{"numbr": 1}, {"number": "1"}, {"number": True}, {"number": None}, [], "x", None])
def test_what_it_does_not_take(tree):
    with pytest.raises(ValidationError):
        _Small.model_validate(tree)


def test_nothing_changes_it():
    with pytest.raises(ValidationError, match="frozen"):
        _Small().number = 2


def test_a_listener():
    assert Listens.model_validate({"listen": "[::1]:9464"}).listen == Endpoint("::1", 9464)
