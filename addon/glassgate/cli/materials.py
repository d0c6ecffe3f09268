"""What a configuration names on this machine: certificates, keys, folders. Whether each of them can be used.

`check` and every start ask the same, so that one does not call good what the other refuses.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from glassgate.config.block_pages import read_block_page
from glassgate.config.logos import read_logo
from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError, StartError
from glassgate.mitm.client_tls import client_cas
from glassgate.mitm.tls import OriginTrust
from glassgate.oidc.client_auth import UnusableFileError, check_credential
from glassgate.state.certificates import check_authorities, check_leaf, ensure_edge_certificate
from glassgate.state.client_certificate import client_certificate, ensure_client_certificate

type Problems = Iterator[GlassgateError]


@dataclass(frozen=True, slots=True)
class Materials:
    """What was found: what cannot be used, and what is only unwise."""

    problems: tuple[GlassgateError, ...]
    warnings: tuple[str, ...]


def materials(settings: Settings, now: float) -> Materials:
    """Make the local certificates that are missing, then try all that the configuration names."""
    problems: list[GlassgateError] = []
    warnings: tuple[str, ...] = ()
    try:
        warnings = ensure_edge_certificate(settings.ca, settings.certificates[0], settings.public_hosts, now).warnings
    except StartError as fault:
        problems.append(_at(settings, fault, "tls"))
    problems += _towards_origins(settings, now)
    problems += [problem for each in _CHECKS for problem in each(settings)]
    return Materials(_each_once(problems), warnings)


def _each_once(problems: list[GlassgateError]) -> tuple[GlassgateError, ...]:
    # Several keys may name one folder.
    return tuple({problem.what: problem for problem in reversed(problems)}.values())[::-1]


def _towards_origins(settings: Settings, now: float) -> Problems:
    own = client_certificate(settings.state)
    shown_to = [app.name for app in settings.apps if app.origin.tls.client_certificate == own]
    if shown_to:
        yield from _tried(settings, ("apps", shown_to[0], "origin_tls"), ensure_client_certificate, settings.state, now)


def _certificates(settings: Settings) -> Problems:
    for path in settings.certificates[1:]:
        yield from _tried(settings, ("tls",), check_leaf, path)


def _providers(settings: Settings) -> Problems:
    for provider in settings.providers:
        if provider.ca:
            yield from _tried(settings, ("identity_providers", provider.id, "ca"), check_authorities, provider.ca)
        for credential in provider.credentials:
            try:
                check_credential(credential, Path.read_bytes)
            except UnusableFileError as fault:
                told = StartError(f"`{fault.key}`: {fault.detail}", mend=fault.mend)
                yield _at(settings, told, "identity_providers", provider.id, fault.key.partition(".")[0])


def _origins(settings: Settings) -> Problems:
    each = [
        problem
        for app in settings.apps
        for problem in _tried(settings, ("apps", app.name, "origin_tls"), OriginTrust, [app])
    ]
    yield from each or _tried(settings, ("apps",), OriginTrust, settings.apps)


def _client_authorities(settings: Settings) -> Problems:
    for app in settings.apps:
        if app.client_ca:
            yield from _tried(settings, ("apps", app.name, "client_ca"), check_authorities, app.client_ca)
    yield from _tried(settings, ("apps",), client_cas, settings.apps)


def _shown(settings: Settings) -> Problems:
    for app in settings.apps:
        if app.launcher.logo:
            yield from _tried(settings, ("apps", app.name, "launcher"), read_logo, app.launcher.logo)
        if app.deny_page:
            yield from _tried(settings, ("apps", app.name, "deny_page"), read_block_page, app.deny_page)


def _folders(settings: Settings) -> Problems:
    places = [(settings.state, "state")]
    if settings.store.startswith("sqlite:"):
        places.append((Path(settings.store.partition(":")[2]).parent, "store"))
    if settings.audit:
        places.append((settings.audit.parent, "audit"))
        if settings.audit.is_dir():
            yield _at(settings, StartError("is a folder", where=str(settings.audit), mend="name a file"), "audit")
    for folder, key in places:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            why = "is not writable" if there.is_dir() else "is no folder"
            mend = "make it writable for this user, or choose another place"
            yield _at(settings, StartError(why, where=str(there), mend=mend), key)


def _tried[**P](
    settings: Settings, names: tuple[str, ...], attempt: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> Problems:
    try:
        attempt(*args, **kwargs)
    except StartError as fault:
        yield _at(settings, fault, *names)


def _at(settings: Settings, fault: StartError, *names: str) -> GlassgateError:
    """The fault as the file's own: its line in front, and what is wrong with what it names."""
    place = settings.places.get(names, str(settings.path))
    return GlassgateError(f"{fault.where}: {fault.what}" if fault.where else fault.what, where=place, mend=fault.mend)


_CHECKS: tuple[Callable[[Settings], Problems], ...] = (
    _certificates, _providers, _origins, _client_authorities, _shown, _folders,
)  # fmt: skip
