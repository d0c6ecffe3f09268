"""mitmproxy's masters for our own commands: a lean one without a screen, and mitmweb's."""

import asyncio
import signal
from collections.abc import Callable

from mitmproxy.addons import core, next_layer, proxyserver, tlsconfig
from mitmproxy.master import Master
from mitmproxy.options import Options

from glassgate.config.settings import Settings
from glassgate.mitm.loader import Place, Program
from glassgate.mitm.options import set_needed

type Call = Callable[[], None]


def lean(program: Program, ready: Call) -> Master:
    """mitmproxy with nothing but what the gate needs. Must be made, and run, in a running event loop."""
    master = Master(Options(), asyncio.get_running_loop())
    master.addons.add(
        core.Core(), proxyserver.Proxyserver(), Place(lambda _: program), next_layer.NextLayer(), tlsconfig.TlsConfig(),
        Ready(ready),
    )  # fmt: skip
    _configure(master, program.settings)
    return master


async def run_lean(program: Program, ready: Call) -> None:
    """Run the gate without a screen, till SIGINT or SIGTERM. `ready` is called once it answers."""
    await _run(lean(program, ready))


async def run_web(program: Program, ready: Callable[[str], None], port: int) -> None:
    """Run the gate under mitmweb at 127.0.0.1:`port`. `ready` gets mitmweb's address, token and all."""
    # Imported here: mitmweb's parts take longer to load than all of the rest.
    from mitmproxy.tools.web.master import WebMaster

    master = WebMaster(Options(), with_termlog=False)
    chain = master.addons.chain
    place = Place(lambda _: program)
    position = next(n for n, addon in enumerate(chain) if isinstance(addon, next_layer.NextLayer))
    master.addons.register(place)
    chain.insert(position, place)
    master.addons.add(Ready(lambda: ready(master.web_url)))
    master.options.update(web_open_browser=False, web_host="127.0.0.1", web_port=port)
    _configure(master, program.settings)
    await _run(master)


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


async def _run(master: Master) -> None:
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, master.shutdown)
    await master.run()
