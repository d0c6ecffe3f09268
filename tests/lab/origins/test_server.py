import socket
import stat
import threading

import pytest
import requests

from glassgate.config.settings import Endpoint
from glassgate.errors import StartError
from glassgate.lab.access_log import LOG_SIZE
from lab.origins.peer import Site, Team, open_sites


@pytest.fixture(scope="module")
def team():
    return Team()


def test_it_listens_only_from_its_start_to_its_end(team, tmp_path):
    server = open_sites(team, tmp_path)
    assert not server.addresses
    server.start()
    endpoint = server.addresses["wiki"][0]
    assert endpoint.port
    assert Site(team, "wiki", endpoint, tmp_path / "wiki.log").ask("/").status_code == 200
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((endpoint.host, endpoint.port), 1).close()
    assert not [one for one in threading.enumerate() if one.name == "lab origins"]


def test_a_taken_port_is_told_and_nothing_stays_bound(team, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as probe:
        free, port = probe.getsockname()[1], taken.getsockname()[1]
        probe.close()
        listens = [("wiki", Endpoint("127.0.0.1", free)), ("payroll", Endpoint("127.0.0.1", port))]
        server = open_sites(team, tmp_path, listens)
        with pytest.raises(StartError, match=rf"127\.0\.0\.1:{port}: the lab's payroll cannot listen: .*lab\.origins"):
            server.start()
        with socket.create_server(("127.0.0.1", free)):
            pass
        server.close()


def test_an_end_cuts_what_is_open(team, tmp_path):
    server = open_sites(team, tmp_path)
    server.start()
    site = Site(team, "wiki", server.addresses["wiki"][0], tmp_path / "wiki.log")
    answer = site.ask(f"/download?bytes={1 << 30}", stream=True)
    server.close()
    with pytest.raises(requests.exceptions.RequestException):
        for _ in answer.iter_content(1 << 20):
            pass


def test_one_that_was_never_started_closes(team, tmp_path):
    open_sites(team, tmp_path).close()


def test_two_of_a_kind_write_one_log(team, tmp_path):
    server = open_sites(team, tmp_path, [("wiki", Endpoint("127.0.0.1", 0)), ("wiki", Endpoint("127.0.0.1", 0))])
    server.start()
    for endpoint in server.addresses["wiki"]:
        Site(team, "wiki", endpoint, tmp_path / "wiki.log").ask("/")
    server.close()
    assert len((tmp_path / "wiki.log").read_text().splitlines()) == 2


def test_the_log_is_private_goes_on_and_does_not_grow_for_ever(team, tmp_path):
    log = tmp_path / "wiki.log"
    for _ in range(3):
        server = open_sites(team, tmp_path)
        server.start()
        Site(team, "wiki", server.addresses["wiki"][0], log).ask("/")
        server.close()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert len(log.read_text().splitlines()) == 3
    log.write_bytes(b"x" * LOG_SIZE)
    server = open_sites(team, tmp_path)
    server.start()
    Site(team, "wiki", server.addresses["wiki"][0], log).ask("/")
    server.close()
    assert len(log.read_text().splitlines()) == 1


def test_a_log_that_cannot_be_written_is_told(team, tmp_path):
    (tmp_path / "wiki.log").mkdir()
    with pytest.raises(StartError, match=r"wiki\.log: is not writable"):
        open_sites(team, tmp_path)
