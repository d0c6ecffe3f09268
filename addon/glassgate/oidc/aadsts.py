"""Explains Microsoft Entra's refusals by their AADSTS number.

Microsoft changes numbers without notice and warns against programs that go by them. So they choose the words of a page
and no more; one that is not here is explained by its standard error.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from glassgate.oidc import aadsts_administrator, aadsts_deployer, aadsts_user
from glassgate.oidc.explanation import Explanation, by_name, wait

CODE = re.compile(r"AADSTS(\d{4,9})", re.ASCII)

PASSING: Mapping[tuple[int, ...], Explanation] = {
    (40010, 50033, 50087, 50166, 70012, 90006, 90012, 90024, 90025, 90033, 90055, 90090, 90091): wait(
        "Entra is busy",
        "Entra could not answer just now. Nothing is wrong with your account.",
        "Try again in a minute. If it stays so for an hour, your administrator sees Entra's state under Service"
        " health.",
    ),
    (50088,): wait(
        "Too many calls to telephones",
        "Entra has sent so many texts and calls that it pauses.",
        "Try again in a few minutes, or verify with an app.",
    ),
    (50196,): wait(
        "Too many sign-ins in a short time",
        "This browser was sent to Entra again and again, so Entra pauses.",
        "Wait five minutes, then open the application anew. If it goes round again, show this page to whoever runs this"
        " gate: the session's cookie may not come back.",
    ),
}

# Each row is what it is to several numbers. A number is in one row alone.
TABLE: Mapping[tuple[int, ...], Explanation] = {
    **aadsts_user.TABLE,
    **aadsts_administrator.TABLE,
    **aadsts_deployer.TABLE,
    **PASSING,
}

NUMBERS: Mapping[int, Explanation] = {number: row for numbers, row in TABLE.items() for number in numbers}


def explain(code: str | None, error: str, suberror: str | None = None) -> Explanation:
    """What a refusal means, in plain words. Total: `code` ("AADSTS50105") may be unknown or None, `error` anything."""
    found = CODE.fullmatch(code or "")
    if not found:
        return by_name(error, suberror)
    number = int(found[1])
    return NUMBERS.get(number) or _with_link(by_name(error, suberror), number)


def _with_link(explanation: Explanation, number: int) -> Explanation:
    link = f"Microsoft's own page on this code: https://login.microsoftonline.com/error?code={number}"
    return replace(explanation, mend=f"{explanation.mend} {link}")
