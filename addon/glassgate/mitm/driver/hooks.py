"""Calls hooks: those of the gate straight from a table, or those of a whole program by mitmproxy's own manager."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Protocol

from mitmproxy.addonmanager import AddonManager
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.server_hooks import ServerConnectHook

type Handler = Callable[..., Any]

logger = logging.getLogger("glassgate")


class Hooks(Protocol):
    """Whoever answers hooks."""

    def start(self, hook: StartHook) -> Awaitable[Any] | None:
        """Call a hook; what is to be awaited, or None where it is done already. May raise."""
        ...


class Table:
    """The handlers of a few addons, found once. No lookup by name in every addon, no task, at each hook.

    A handler that fails is told of, and those after it are called, as mitmproxy does it: what a hook leaves undecided
    is closed. Only a connection to an origin would be open then; it is refused.
    """

    def __init__(self, addons: Iterable[object], names: Iterable[str]) -> None:
        self._handlers: Mapping[str, tuple[Handler, ...]] = {
            name: tuple(getattr(addon, name) for addon in addons if hasattr(addon, name)) for name in names
        }
        self._known: dict[type[StartHook], tuple[tuple[Handler, ...], tuple[str, ...]]] = {}

    def start(self, hook: StartHook) -> Awaitable[Any] | None:
        """Call each handler; the first that has to wait makes all wait."""
        handlers, names = self._known.get(type(hook)) or self._learn(hook)
        if not handlers:
            return None
        arguments = [getattr(hook, name) for name in names]
        for place, handler in enumerate(handlers):
            try:
                result = handler(*arguments)
            except Exception as fault:  # noqa: BLE001 - whatever it is
                _failed(hook, fault)
                continue
            if result is not None and inspect.isawaitable(result):
                return self._waited(result, handlers[place + 1 :], hook)
        return None

    def _learn(self, hook: StartHook) -> tuple[tuple[Handler, ...], tuple[str, ...]]:
        names = tuple(field.name for field in fields(hook))  # type: ignore[arg-type]
        known = self._known[type(hook)] = self._handlers.get(hook.name, ()), names
        return known

    async def _waited(self, result: Awaitable[Any], rest: tuple[Handler, ...], hook: StartHook) -> None:
        try:
            await result
        except Exception as fault:  # noqa: BLE001 - whatever it is
            _failed(hook, fault)
        for handler in rest:
            try:
                again = handler(*hook.args())
                if again is not None and inspect.isawaitable(again):
                    await again
            except Exception as fault:  # noqa: BLE001 - whatever it is
                _failed(hook, fault)


def _failed(hook: StartHook, fault: Exception) -> None:
    """Tell of it by its kind alone: its text may hold what the request held."""
    logger.error("The hook %s failed: %s", hook.name, type(fault).__name__)
    if isinstance(hook, ServerConnectHook):
        hook.data.server.error = "it could not be decided whether to connect"


class Whole:
    """Every addon of a program, such as mitmweb's, in its own order."""

    def __init__(self, manager: AddonManager) -> None:
        self._manager = manager

    def start(self, hook: StartHook) -> Awaitable[Any] | None:
        """Have mitmproxy's manager call them all."""
        return self._manager.handle_lifecycle(hook)
