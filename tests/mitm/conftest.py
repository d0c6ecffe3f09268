"""A gate in this process, on the front end that is asked for."""

from functools import partial

import pytest

from mitm import harness


@pytest.fixture(scope="module")
def gate(front):
    """`harness.gate`: a gate in this process, on the front end of this run."""
    return partial(harness.gate, front=front)
