"""What the lab's tests share."""

import contextlib
import shutil
import socket

import pytest

from lab.tenancy import Tenancy


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory):
    """A lab's folder with keys in it, which take a moment to make: to be copied."""
    folder = tmp_path_factory.mktemp("lab")
    Tenancy(folder)
    return folder


@pytest.fixture
def tenancy(tmp_path, lab_folder):
    """A tenant on a folder of its own."""
    shutil.copytree(lab_folder / "lab", tmp_path / "lab")
    return Tenancy(tmp_path)


@pytest.fixture
def browser(tenancy):
    """A browser that has never been there."""
    return tenancy.browser()


@pytest.fixture
def unused_ports():
    """Gives so many ports that were free a moment ago."""

    def give(count):
        with contextlib.ExitStack() as held:
            servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
            return [server.getsockname()[1] for server in servers]

    return give
