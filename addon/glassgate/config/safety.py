"""The safety report: what a configuration may say, but is unwise, each with the mend."""

from collections.abc import Callable, Iterator

from glassgate.access.app import Unauthenticated
from glassgate.access.domain import Domain
from glassgate.config import safety_policies
from glassgate.config.addresses import host_of, is_loopback
from glassgate.config.limits import LIMITS, OF_OUR_DRIVER
from glassgate.config.safety_policies import listed as _list
from glassgate.config.safety_policies import place as _place
from glassgate.config.settings import Settings
from glassgate.config.values import written_size
from glassgate.errors import GlassgateError
from glassgate.gate.kept_forms import MOST

Warnings = Iterator[GlassgateError]


def warnings(settings: Settings) -> tuple[GlassgateError, ...]:
    """What is unwise."""
    return tuple(warning for each in _CHECKS for warning in each(settings))


def notes(settings: Settings) -> tuple[GlassgateError, ...]:
    """What is well as it is, but good to know. Never a reason to refuse anything."""
    return (
        *_cookies(settings),
        *_long_memories(settings),
        *_kept_forms(settings),
        *_open_origins(settings),
        *on_stock_programs(settings),
    )


def on_stock_programs(settings: Settings) -> Warnings:
    """What of the limits does not hold with `mitmdump -s` and `mitmweb -s`, where that matters."""
    unheeded = [name for name in OF_OUR_DRIVER if getattr(settings.limits, name) != getattr(LIMITS, name)]
    said = f"do not heed {_list(unheeded)} of `limits`" if unheeded else "bound no times and no counts of connections"
    if unheeded or not is_loopback(settings.listen.host):
        yield GlassgateError(
            f"`mitmdump -s` and `mitmweb -s` {said}",
            where=_place(settings, "limits" if unheeded else "listen"),
            mend="run the gate by `serve`, or put a proxy in front that does",
        )


def _cookies(settings: Settings) -> Warnings:
    silent = [app.name for app in settings.apps if not app.forward_cookie]
    if silent:
        yield GlassgateError(
            f"the origins of {_list(silent)} get the token in the header Cf-Access-Jwt-Assertion, not in a cookie",
            where=_place(settings, "apps"),
            mend="where one reads the cookie alone, as Cloudflare's Python sample does, say `forward_cookie: true`",
        )


def _open_origins(settings: Settings) -> Warnings:
    anybody = [
        app.name for app in settings.apps if not (app.origin.tls.client_certificate or is_loopback(app.origin.host))
    ]
    if anybody:
        yield GlassgateError(
            f"the origins of {_list(anybody)} are shown no certificate, by which they could tell the gate from others",
            where=_place(settings, "apps"),
            mend="`glassgate origin check APP` tries whether they can be reached past it",
        )


def _long_memories(settings: Settings) -> Warnings:
    for provider in settings.providers if settings.lab is None else ():
        if provider.recheck is None:
            yield GlassgateError(
                f"whose account is disabled at `{provider.id}` stays signed in here till the session ends",
                where=_place(settings, "identity_providers", provider.id),
                mend="`recheck: 1h` asks there once an hour",
            )


def _kept_forms(settings: Settings) -> Warnings:
    keeping = [app for app in settings.apps if app.keep_forms]
    if keeping:
        most = max(app.keep_forms for app in keeping)
        yield GlassgateError(
            f"forms of {_list(app.name for app in keeping)} that wait for a sign-in take up to "
            f"{written_size(MOST * most)} of {'the memory' if settings.store == 'memory:' else 'the store'} at once",
            where=_place(settings, "apps", keeping[0].name),
            mend=f"{MOST} of them are kept at most; say a smaller size in `keep_forms` where that is too much",
        )


# --- the whole file ---------------------------------------------------------------------------------------


def _secrets(settings: Settings) -> Warnings:
    for provider in settings.literal_secrets if settings.lab is None else ():
        yield GlassgateError(
            f"the client secret of `{provider}` stands in the file",
            where=_place(settings, "identity_providers", provider),
            mend="take it from the environment, `${ENTRA_CLIENT_SECRET}`, or from a file, `file:PATH`",
        )


def _idle_forms(settings: Settings) -> Warnings:
    for app in settings.apps:
        if app.keep_forms and app.unauthenticated is Unauthenticated.ANSWER_401:
            yield GlassgateError(
                f"`{app.name}` keeps no forms: whoever has no session gets a 401 there, and nobody is sent to sign in",
                where=_place(settings, "apps", app.name),
                mend="leave out `keep_forms`, or `unauthenticated: 401`",
            )


def _providers_here(settings: Settings) -> Warnings:
    for provider in settings.providers if settings.lab is None else ():
        if is_loopback(host_of(provider.issuer or provider.authority)):
            yield GlassgateError(
                f"the provider `{provider.id}` is on this machine, and the lab is off",
                where=_place(settings, "identity_providers", provider.id),
                mend="name the real provider, or turn the lab on",
            )


def _placeholders(settings: Settings) -> Warnings:
    for app in settings.apps:
        if app.origin.host.endswith(".invalid"):
            yield GlassgateError(
                f"the origin of `{app.name}` is a placeholder: nothing will ever answer at {app.origin.host}",
                where=settings.places.get(("apps", app.name, "origin"), str(settings.path)),
                mend="write where the app really is",
            )


def _busy_rechecks(settings: Settings) -> Warnings:
    for provider in settings.providers if settings.lab is None else ():
        if provider.recheck and provider.recheck < 60:
            yield GlassgateError(
                f"every live session is asked for at `{provider.id}` every {provider.recheck} seconds",
                where=_place(settings, "identity_providers", provider.id),
                mend="write `recheck: 5m` or more: providers throttle who asks so often",
            )


def _store(settings: Settings) -> Warnings:
    if settings.store == "memory:":
        yield GlassgateError(
            "sessions are kept in memory: a restart signs everybody out",
            where=_place(settings, "store"),
            mend="write `store: sqlite:state/glassgate.db`",
        )


def _audit(settings: Settings) -> Warnings:
    if settings.audit is None:
        yield GlassgateError(
            "there is no audit log: nobody can say later who was let in",
            where=_place(settings),
            mend="add `audit: {file: state/audit.jsonl}`",
        )


def _open_doors(settings: Settings) -> Warnings:
    if any(network.prefixlen == 0 for network in settings.trusted_proxies):
        yield GlassgateError(
            "everybody is a trusted proxy, and may claim any address",
            where=_place(settings, "trusted_proxies"),
            mend="name the addresses of your proxies alone",
        )
    if settings.metrics and not is_loopback(settings.metrics.host):
        yield GlassgateError(
            f"the metrics can be read by whoever reaches {settings.metrics}",
            where=_place(settings, "metrics"),
            mend="listen on 127.0.0.1, or keep others out with a firewall",
        )


def _stars_within(settings: Settings) -> Warnings:
    for app in settings.apps:
        for domain in app.domains:
            if Domain.read(domain).certificate_name is None:
                yield GlassgateError(
                    f"no certificate can cover `{domain}`: in one a star stands for the first label alone",
                    where=_place(settings, "apps", app.name, "domain"),
                    mend="put the host names that are in use into a certificate of your own",
                )


_CHECKS: tuple[Callable[[Settings], Warnings], ...] = (
    _secrets,
    _providers_here,
    _placeholders,
    _busy_rechecks,
    _store,
    _audit,
    _idle_forms,
    _open_doors,
    _stars_within,
    *safety_policies.CHECKS,
)
