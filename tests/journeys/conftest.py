"""What the journeys share: a real browser for the demo of each module."""

import pytest

from journeys.chromium import chromium


@pytest.fixture(scope="module")
def browser(demo, tmp_path_factory):
    """Chromium, which trusts the CA of the module's own `demo`."""
    with chromium(tmp_path_factory.mktemp("home"), demo.ca) as made:
        yield made
