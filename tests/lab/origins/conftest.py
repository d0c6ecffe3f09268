"""Origins that run, for the tests of their pages."""

import pytest

from lab.origins.peer import Site, Team, open_sites


@pytest.fixture(scope="module")
def team():
    """A team with one key."""
    return Team()


@pytest.fixture(scope="module")
def sites(team, tmp_path_factory):
    """Both origins, running: by kind."""
    folder = tmp_path_factory.mktemp("origins")
    server = open_sites(team, folder)
    server.start()
    yield {kind: Site(team, kind, at[0], folder / f"{kind}.log") for kind, at in server.addresses.items()}
    server.close()


@pytest.fixture
def wiki(sites):
    """The wiki."""
    return sites["wiki"]


@pytest.fixture
def payroll(sites):
    """Payroll."""
    return sites["payroll"]
