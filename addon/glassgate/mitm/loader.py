"""Brings the gate into a mitmproxy program: its place among the addons, its options, and its start."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import Loader as OptionLoader
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.connection import Client
from mitmproxy.flow import Flow
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from glassgate.config import safety
from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError, StartError
from glassgate.mitm import options
from glassgate.mitm.addon import GateAddon
from glassgate.mitm.client_tls import ClientTls, client_cas
from glassgate.mitm.core import Core
from glassgate.mitm.stock import StockServer
from glassgate.record.redact import RedactFilter

logger = logging.getLogger("glassgate")


class Program(Protocol):
    """What the composition root makes of a configuration, for one program to run."""

    settings: Settings
    addon: GateAddon

    def start(self) -> None:
        """Start what runs beside the proxy: metrics, the lab's origins. Raises StartError."""
        ...

    def follow(self, take: Callable[[Core], None]) -> None:
        """Watch the configuration. `take` gets what became of a change, in a thread of the watcher's own."""
        ...

    def close(self) -> None:
        """End it again."""
        ...


type Compose = Callable[[Path], Program]
type Listen = Callable[[Program], Awaitable[None]]  # takes connections; raises StartError where it cannot


async def _by_mitmproxy(program: Program) -> None:
    """Wait until mitmproxy's own listener stands."""
    server = ctx.master.addons.get("proxyserver")
    if not isinstance(server, Proxyserver):
        raise StartError("This mitmproxy program has no proxy server.")
    program.addon.watch(StockServer(server))
    await server.setup_servers()
    faults = [instance.last_exception for instance in server.servers if not instance.is_running]
    if faults:
        raise StartError(
            f"Nothing can listen at {program.settings.listen}: {faults[0]}.",
            mend="end what listens there, or change `listen`",
        )


class Place:
    """The gate's place in a program, held from the first moment on. Refuses everything until there is a gate."""

    name = "glassgate-place"

    def __init__(self, compose: Compose, scripts: int = 0, listen: Listen | None = None) -> None:
        """`scripts`: how many scripts of the program are ours. `listen`: in place of mitmproxy's own server."""
        self._compose = compose
        self._listen = listen or _by_mitmproxy
        self._scripts = scripts
        self._program: Program | None = None
        self.addons: list[object] = []

    def load(self, loader: OptionLoader) -> None:
        """Tell mitmproxy our option."""
        loader.add_option("glassgate_config", str, "config.yaml", "The configuration file of glassgate.")

    async def running(self) -> None:
        """Read the configuration, take over the listener, and start. One clear line where that cannot be."""
        try:
            await self._start()
        except GlassgateError as fault:
            sys.stderr.write(f"glassgate: {fault}\n")
            sys.exit(1)

    async def _start(self) -> None:
        self._refuse_strangers()
        program = self._compose(Path(ctx.options.glassgate_config))
        if ctx.options.mode != ["regular"]:
            options.check_listener(ctx.options, program.settings.listen)
        options.set_needed(ctx.options, program.settings)
        options.refuse_dangerous(ctx.options)
        for handler in logging.getLogger().handlers:
            handler.addFilter(RedactFilter())
        tls = ClientTls(program.settings.certificates, client_cas(program.settings.apps))
        self.addons += [program.addon, tls]
        self._program = program
        for said in safety.on_stock_programs(program.settings) if self._listen is _by_mitmproxy else ():
            logger.warning("%s", said)
        await self._listen(program)
        program.start()
        loop = asyncio.get_running_loop()

        def take(core: Core) -> None:
            mistrusted = tls.take(core.tls)
            program.addon.take(core)
            program.addon.hang_up(mistrusted)

        def taken(core: Core) -> None:
            loop.call_soon_threadsafe(take, core)

        program.follow(taken)

    def _refuse_strangers(self) -> None:
        """Refuse scripts that are loaded beside ours: they could change what was judged."""
        if "scripts" in ctx.options and len(ctx.options.scripts) > self._scripts:
            raise StartError(
                "Another script is loaded beside the gate's.",
                mend="run it in a program of its own, in front or behind",
            )

    def configure(self, updated: set[str]) -> None:
        """Refuse a dangerous option that is set while the gate runs; mitmproxy then takes the change back."""
        if self._program is None:
            return
        try:
            options.refuse_dangerous(ctx.options)
            self._refuse_strangers()
        except StartError as fault:
            raise exceptions.OptionsError(str(fault)) from fault

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Refuse whatever comes before the gate stands."""
        if self._program is None:
            flow.response = http.Response.make(503, b"", {"Retry-After": "5", "Cache-Control": "no-store"})

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuse every origin before the gate stands."""
        if self._program is None:
            data.server.error = "glassgate: not started yet"

    def client_disconnected(self, client: Client) -> None:
        """Close the socket of a connection that was ended while its reader waited: mitmproxy 12.2.3 leaves it open."""
        server = ctx.master.addons.get("proxyserver")
        handler = server.connections.get(client.id) if isinstance(server, Proxyserver) else None
        transport = handler.transports.get(client) if handler else None
        if transport and transport.writer and not transport.writer.is_closing():
            transport.writer.close()

    def tcp_start(self, flow: Flow) -> None:
        """Nothing but HTTP passes here."""
        flow.kill()

    udp_start = tcp_start
    dns_request = tcp_start

    async def done(self) -> None:
        """The program ends."""
        if self._program:
            self._program.close()


class Loader:
    """The script's own addon. Puts the gate's place behind the script loader, before all that mitmproxy decides."""

    def __init__(self, compose: Compose) -> None:
        self._compose = compose

    def load(self, loader: OptionLoader) -> None:
        """Add the place, unless an earlier load of this script did."""
        manager = loader.master.addons
        if manager.get(Place.name):
            return
        place = Place(self._compose, scripts=1)
        position = next(
            (n for n, addon in enumerate(manager.chain) if type(addon).__name__ == "ScriptLoader"),
            len(manager.chain),
        )
        manager.register(place)
        manager.chain.insert(position + 1, place)
