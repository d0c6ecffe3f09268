"""What the words of the `lab` section stand for: the faults of its tenant, and how many groups a user has."""

import re
from typing import Any

from glassgate.config.problems import BadValueError
from glassgate.errors import did_you_mean

MOST_GROUPS = 20_000

LAB_FAULTS = {
    "slow": "every answer comes late",
    "down": "every address answers 503",
    "error500": "discovery, keys and tokens answer 500",
    "wrong_nonce": "ID tokens have another nonce",
    "wrong_aud": "ID tokens are for another application",
    "wrong_iss": "ID tokens are from another issuer",
    "expired": "ID tokens have expired",
    "clock_skew": "ID tokens are an hour ahead",
    "unknown_kid": "ID tokens name a key that is not published",
    "alg_none": "ID tokens are not signed",
    "bad_signature": "ID tokens have a wrong signature",
    "graph429": "Microsoft Graph answers 429, with Retry-After",
    "graph500": "Microsoft Graph answers 500",
    "graph403": "Microsoft Graph answers 403",
}
AADSTS = re.compile(r"aadsts:([0-9]{4,8})(@token)?")
AADSTS_EXAMPLES = ("aadsts:50105", "aadsts:7000222@token")


def lab_fault(text: str) -> str:
    """The name of a fault: one of LAB_FAULTS, or an AADSTS error at sign-in, or with `@token` for tokens."""
    number, _, where = text.partition("@")
    if where and where != "token" and AADSTS.fullmatch(number):
        raise BadValueError(f"`{text}` is no fault of the lab", f"write `{number}@token`, or `{number}` for sign-ins")
    if text not in LAB_FAULTS and not AADSTS.fullmatch(text):
        raise BadValueError(f"`{text}` is no fault of the lab", did_you_mean(text, (*LAB_FAULTS, *AADSTS_EXAMPLES)))
    return text


def says(fault: str) -> str:
    """What a fault does, in a few words."""
    aadsts = AADSTS.fullmatch(fault)
    if aadsts:
        return f"{'tokens are refused' if aadsts[2] else 'sign-ins end'} with AADSTS{aadsts[1]}"
    return LAB_FAULTS[fault]


def group_count(value: Any) -> int:
    """How many made-up groups a user is in."""
    if type(value) is not int or not 0 <= value <= MOST_GROUPS:
        raise BadValueError("is no number of groups", f"write a whole number up to {MOST_GROUPS}")
    return value
