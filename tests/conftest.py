"""What tests of several rooms share."""

import time

import pytest

from glassgate.state.certificates import ensure_edge_certificate

HOSTS = ("team.localhost", "wiki.localhost", "payroll.localhost", "login.localhost", "graph.localhost")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A CA and an edge certificate for the usual hosts: (ca.pem, edge.pem)."""
    folder = tmp_path_factory.mktemp("certs")
    ca, leaf = folder / "ca.pem", folder / "edge.pem"
    ensure_edge_certificate(ca, leaf, HOSTS, time.time())
    return ca, leaf
