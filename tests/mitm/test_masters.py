"""Our own programs: what is in them, when they say that they answer, and how they end."""

import asyncio
import logging
import os
import signal
import socket
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from mitmproxy.addons import next_layer, onboarding, tlsconfig

from glassgate.config.settings import Endpoint, Settings
from glassgate.mitm import masters
from glassgate.mitm.loader import Place
from glassgate.mitm.tls import OriginTrust
from mitm.harness import free_port


class Silent:
    """A gate without hooks."""

    trust = OriginTrust(())

    def watch(self, front):
        pass


@dataclass
class Program:
    settings: Settings
    addon: object
    done: list

    def start(self):
        self.done.append("start")

    def follow(self, take):
        pass

    def close(self):
        self.done.append("close")


@pytest.fixture
def program(certificates, tmp_path):
    ca, leaf = certificates
    port = free_port()
    settings = Settings(
        path=tmp_path / "config.yaml", team=Endpoint("team.localhost", port), listen=Endpoint("127.0.0.1", port),
        certificates=(leaf,), ca=ca, state=tmp_path / "state", store="memory:", session_duration=86400, providers=(),
        apps=(),
    )  # fmt: skip
    yield Program(settings, Silent(), [])
    for handler in logging.getLogger().handlers:
        for one in [one for one in handler.filters if type(one).__name__ == "RedactFilter"]:
            handler.removeFilter(one)


def answers(endpoint):
    with socket.socket() as probe:
        return probe.connect_ex((endpoint.host, endpoint.port)) == 0


def test_the_lean_one_has_nothing_but_what_the_gate_needs(program):
    async def main():
        return masters.lean(program, lambda: None)[0]

    master = asyncio.run(main())
    kinds = [type(addon).__name__ for addon in master.addons.chain]
    assert kinds == ["Core", "Proxyserver", "Place", "Ready"]
    assert master.options.confdir == str(program.settings.state / "mitmproxy")
    assert master.options.mode == [f"reverse:http://gate.invalid:1@{program.settings.listen}"]
    assert master.options.connection_strategy == "lazy"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_it_says_that_it_answers_when_it_does_and_ends_by_a_signal(program, stop):
    def ready():
        program.done.append(answers(program.settings.listen))
        os.kill(os.getpid(), stop)

    asyncio.run(asyncio.wait_for(masters.run_lean(program, ready), 20))
    assert program.done == ["start", True, "close"]


def test_mitmweb_in_our_process_has_the_gate_ahead_of_all_that_it_decides(program):
    told = []

    def ready(url):
        told.append((url, answers(program.settings.listen), answers(Endpoint("127.0.0.1", port))))
        os.kill(os.getpid(), signal.SIGTERM)

    port = free_port()
    asyncio.run(asyncio.wait_for(masters.run_web(program, ready, port), 30))
    [(url, gate, web)] = told
    parts = urlsplit(url)
    assert (parts.hostname, parts.port, gate, web) == ("127.0.0.1", port, True, True)
    assert len(parse_qs(parts.query)["token"][0]) >= 32
    assert program.done == ["start", "close"]
    assert (program.settings.state / "mitmproxy").is_dir()


class Looking(Silent):
    """Looks at the chain of the program that it is in."""

    def __init__(self):
        self.kinds = []

    def running(self):
        from mitmproxy import ctx

        self.kinds = [type(addon) for addon in ctx.master.addons.chain]


def test_mitmwebs_own_addons_come_after_the_gate(program):
    looking = Looking()

    class Started(Program):
        def start(self):
            looking.running()

    made = Started(program.settings, Silent(), [])
    asyncio.run(
        asyncio.wait_for(masters.run_web(made, lambda url: os.kill(os.getpid(), signal.SIGTERM), free_port()), 30)
    )
    place = looking.kinds.index(Place)
    for later in (next_layer.NextLayer, tlsconfig.TlsConfig):
        assert place < looking.kinds.index(later)
    assert onboarding.Onboarding in looking.kinds
