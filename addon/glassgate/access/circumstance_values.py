"""Makes the questions of `circumstances` from what a rule says. Each raises GlassgateError with the mend."""

import re
from zoneinfo import ZoneInfo

from glassgate.access import circumstances as ask
from glassgate.access.facts import Evaluation
from glassgate.access.questions import Network, Question, fold, network
from glassgate.access.rule_values import Linked, parts, read_list, refuse, text

COUNTRY = re.compile(r"[A-Za-z][A-Za-z0-9]", re.ASCII)
CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
LINE = re.compile(r"[!-~]([ -~]{0,198}[!-~])?", re.ASCII)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = 86400
TIME_FORM = "{from: '09:00', to: '17:30', days: [mon, tue, wed, thu, fri], timezone: Europe/Berlin}"
EVALUATION_FORM = "{url: https://…, keys_url: https://…}"
EVALUATION_NAMES = {"evaluate_url": "url"}  # Cloudflare's


def ip_list(value: object, _: object) -> Question:
    """The addresses and CIDR ranges of a list."""
    return ask.IpList(ask.Networks.of(read_list(value, _network, "offices.txt")))


def _network(entry: str) -> Network:
    try:
        return network(entry)
    except ValueError as error:
        raise refuse(f"`{entry}` is not an address or a CIDR range", str(error)) from None


def country(value: object, _: object) -> Question:
    """A code of ISO 3166-1, or `{country_code: …}` as Cloudflare writes it."""
    if isinstance(value, dict):
        value = parts(value, ("country_code",), "DE").get("country_code")
    code = text(value, "DE")
    if not COUNTRY.fullmatch(code):
        raise refuse(f"`{code}` is no code of a country", "write its two letters of ISO 3166-1, such as `DE`")
    return ask.Country(code.upper())


def service_token(value: object, _: object) -> Question:
    """The name of a token, or its client id."""
    if isinstance(value, dict):
        value = parts(value, ("token_id",), "backup").get("token_id")
    return ask.ByServiceToken(_line(value, "backup"))


def common_name(value: object, _: object) -> Question:
    """The common name of a certificate."""
    if isinstance(value, dict):
        value = parts(value, ("common_name",), "printer-7").get("common_name")
    return ask.CommonName(fold(_line(value, "printer-7")))


def _line(value: object, example: str) -> str:
    said = text(value, example)
    if not LINE.fullmatch(said):
        raise refuse("the value is not one line of plain text", f"write it such as `{example}`")
    return said


def linked_app_token(value: object, _: object) -> Question:
    """Another app: whoever has the apps turns its name into that."""
    if not isinstance(value, Linked):
        raise refuse("the value is not the name of an app", "write the name of another app, such as `wiki`")
    return ask.LinkedApp(value.audience)


def external_evaluation(value: object, _: object) -> Question:
    """The addresses of a service and of its keys: whoever knows what an address is has looked at them."""
    found = parts(value, ("url", "keys_url"), EVALUATION_FORM, EVALUATION_NAMES)
    if found.keys() != {"url", "keys_url"}:
        raise refuse("this asks for `url` and `keys_url`", f"write `{EVALUATION_FORM}`")
    example = "https://access.example.com/evaluate"
    return ask.ByEvaluation(Evaluation(text(found["url"], example), text(found["keys_url"], example)))


def time_of_day(value: object, _: object) -> Question:
    """A time of the week."""
    found = parts(value, ("from", "to", "days", "timezone"), TIME_FORM)
    begins, ends = _clock(found.get("from", "00:00")), _clock(found.get("to", "24:00"))
    if begins == ends:
        raise refuse("it begins when it ends", f"write `{TIME_FORM}`")
    return ask.TimeOfDay(_days(found.get("days")), begins, ends, _zone(found.get("timezone", "UTC")))


def _clock(value: object) -> int:
    # Without quotes YAML reads 09:00 as text, and 17:30 as the number 1050.
    said = text(value, "17:30")
    if said == "24:00":
        return MIDNIGHT
    read = CLOCK.fullmatch(said)
    if not read:
        raise refuse(f"`{said}` is no time of day", "write it in quotes, from `'00:00'` to `'24:00'`")
    return int(read[1]) * 3600 + int(read[2]) * 60


def _days(value: object) -> frozenset[int]:
    if value is None:
        return frozenset(range(7))
    said = [str(day).lower() for day in (value if isinstance(value, list) else [value])]
    if not said or not set(said) <= set(DAYS):
        raise refuse("`days` are not days of the week", f"write a list of {', '.join(DAYS)}")
    return frozenset(DAYS.index(day) for day in said)


def _zone(value: object) -> ZoneInfo:
    said = text(value, "Europe/Berlin")
    try:
        return ZoneInfo(said)
    except (ValueError, KeyError, OSError):
        raise refuse(f"`{said}` is no time zone that this machine knows", "write it as `Europe/Berlin`") from None
