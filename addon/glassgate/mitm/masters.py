"""mitmproxy's masters for our own commands, on our own driver: a lean one without a screen, and mitmweb's."""

import asyncio
import gc
import os
import signal
import time
from collections.abc import Callable, Sequence
from socket import socket
from types import SimpleNamespace

from mitmproxy import hooks
from mitmproxy.addons import core, next_layer, proxyserver
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy import mode_specs

from glassgate.config.settings import Settings
from glassgate.mitm.driver.front_door import FrontDoor
from glassgate.mitm.driver.hooks import Hooks, Table, Whole
from glassgate.mitm.driver.listening import more_files, sockets
from glassgate.mitm.driver.pool import Pool
from glassgate.mitm.loader import Place, Program
from glassgate.mitm.options import set_needed

type Call = Callable[[], None]


class Listener:
    """Our driver's place in a program: it takes the connections that mitmproxy's own server does not.

    On the sockets of `listening`; where there are none, on its own, or on those that were handed to the process.
    """

    def __init__(self, dispatch: Callable[[Program], Hooks], listening: Sequence[socket] = ()) -> None:
        self._dispatch = dispatch
        self._listening = listening
        self._door: FrontDoor | None = None

    async def open(self, program: Program, master: Master) -> None:
        """Take connections. Raises StartError."""
        options = SimpleNamespace(**{name: getattr(master.options, name) for name in master.options.keys()})  # noqa: SIM118
        mode = mode_specs.ProxyMode.parse(master.options.mode[0])
        limits, proxies = program.settings.limits, program.settings.trusted_proxies
        pool = Pool(program.addon.trust, limits, time.monotonic)
        self._door = FrontDoor(program.addon, self._dispatch(program), pool, options, mode, limits, proxies)
        more_files(limits.connections + limits.to_origin)
        program.addon.watch(self._door)
        await self._door.open(self._listening or sockets(program.settings.listen, os.environ, os.getpid()))

    async def close(self) -> None:
        """Let what is under way come to its end."""
        if self._door:
            await self._door.close()


def lean(program: Program, ready: Call, listening: Sequence[socket] = ()) -> tuple[Master, Listener]:
    """mitmproxy with nothing but what the gate needs. Must be made, and run, in a running event loop."""
    master = Master(Options(server=False), asyncio.get_running_loop())
    program.addon.is_watched = False
    place = Place(lambda _: program, listen=lambda it: listener.open(it, master))
    listener = Listener(lambda _: Table(place.addons, hooks.all_hooks), listening)
    master.addons.add(core.Core(), proxyserver.Proxyserver(), place, Ready(ready))
    _configure(master, program.settings)
    return master, listener


async def run_lean(program: Program, ready: Call, listening: Sequence[socket] = ()) -> None:
    """Run the gate without a screen, till SIGINT or SIGTERM. `ready` is called once it answers."""

    def up() -> None:
        _collect_less()
        ready()

    await _run(*lean(program, up, listening))


def _collect_less() -> None:
    """Have Python's collector pass over the program, and come a tenth as often: a request leaves it nothing to find.

    A connection leaves a little, which is older than what it looks at most often: so it looks at all a bit sooner.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 5, 5)


async def run_web(program: Program, ready: Callable[[str], None], port: int) -> None:
    """Run the gate under mitmweb at 127.0.0.1:`port`. `ready` gets mitmweb's address, token and all."""
    # Imported here: mitmweb's parts take longer to load than all of the rest.
    from mitmproxy.tools.web.master import WebMaster

    master = WebMaster(Options(server=False), with_termlog=False)
    listener = Listener(lambda _: Whole(master.addons))
    chain = master.addons.chain
    place = Place(lambda _: program, listen=lambda it: listener.open(it, master))
    position = next(n for n, addon in enumerate(chain) if isinstance(addon, next_layer.NextLayer))
    master.addons.register(place)
    chain.insert(position, place)
    master.addons.add(Ready(lambda: ready(master.web_url)))
    master.options.update(web_open_browser=False, web_host="127.0.0.1", web_port=port)
    _configure(master, program.settings)
    await _run(master, listener)


class Ready:
    """Says that everything before it in the chain is running."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def running(self) -> None:
        """The last addon to hear of it."""
        self._call()


def _configure(master: Master, settings: Settings) -> None:
    # Our own folder: mitmproxy's config.yaml in the home folder is for the user's own programs.
    master.options.update(confdir=str(settings.state / "mitmproxy"), glassgate_config=str(settings.path))
    set_needed(master.options, settings)


async def _run(master: Master, listener: Listener) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, stopped.set)

    async def end() -> None:
        await stopped.wait()
        await listener.close()
        master.shutdown()

    ending = asyncio.create_task(end())
    await master.run()
    ending.cancel()
