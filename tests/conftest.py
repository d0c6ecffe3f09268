"""What tests of several rooms share, and the front ends that they run a gate on."""

import time
from functools import partial

import pytest

from glassgate.state.certificates import ensure_edge_certificate
from journeys import demo

HOSTS = ("team.localhost", "wiki.localhost", "payroll.localhost", "login.localhost", "graph.localhost")
FRONTS = ("driver", "stock")
LONG = ("journeys", "setup", "cli", "mitm")  # rooms whose tests start processes, or wait


def pytest_addoption(parser):
    said = "the front end that gates run on: our own driver, mitmproxy's own programs, or (the default) each in turn"
    parser.addoption("--front", choices=[*FRONTS, "both"], default="both", help=said)


def pytest_generate_tests(metafunc):
    if "front" in metafunc.fixturenames:
        asked = metafunc.config.getoption("front")
        metafunc.parametrize("front", FRONTS if asked == "both" else [asked], indirect=True, scope="module")


def pytest_collection_modifyitems(items):
    """The long ones first, so that no core waits for another at the end."""
    items.sort(key=lambda item: LONG.index(room) if (room := item.nodeid.split("/")[1]) in LONG else len(LONG))


@pytest.fixture(scope="module")
def front(request):
    """The front end of this run of the test: "driver" (as `glassgate up` has it) or "stock" (`mitmdump -s`)."""
    return request.param


@pytest.fixture(scope="module")
def prepare(front):
    """`journeys.demo.prepare`: the demo in a folder, to be started on the front end of this run."""
    return partial(demo.prepare, front=front)


@pytest.fixture(scope="module")
def running_demo(front):
    """`journeys.demo.running`: the demo in a process of its own, on the front end of this run."""
    return partial(demo.running, front=front)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A CA and an edge certificate for the usual hosts: (ca.pem, edge.pem)."""
    folder = tmp_path_factory.mktemp("certs")
    ca, leaf = folder / "ca.pem", folder / "edge.pem"
    ensure_edge_certificate(ca, leaf, HOSTS, time.time())
    return ca, leaf
