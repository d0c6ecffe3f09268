"""What may stand in a rule about a request, and how what may not is mended."""

import pytest

from glassgate.access.circumstances import Country, TimeOfDay
from glassgate.access.rule_values import Listed
from glassgate.access.selectors import make
from glassgate.errors import GlassgateError

URL = "https://a.example"
TWO_NAMES = {"url": URL, "evaluate_url": URL, "keys_url": URL}
HOST_BITS, NO_ADDRESS = Listed("o.txt", ((3, "10.0.0.1/8"),)), Listed("s.txt", ((9, "alice"),))
REFUSED = [  # name, selector, value, words of the what, words of the mend
    ("a list that was not read", "ip_list", 7, "not the path of a list", "offices.txt"),
    ("a list of nothing", "ip_list", Listed("o.txt", ()), "o.txt has no entries", "one a line"),
    ("an entry of a list", "ip_list", HOST_BITS, "o.txt:3: `10.0.0.1/8` is not", "10.0.0.0/8"),
    ("an entry of e-mails", "email_list", NO_ADDRESS, "s.txt:9: `alice` is not one", "alice@"),
    ("a country by its name", "country", "Germany", "no code of a country", "`DE`"),
    ("a country of three letters", "country", "DEU", "no code of a country", "`DE`"),
    ("no country", "country", False, "not text", "`DE`"),
    ("a country by another key", "geo", {"code": "DE"}, "keys are not those", "DE"),
    ("a token by nothing", "service_token", "", "not one line", "backup"),
    ("a token of two lines", "service_token", "a\nb", "not one line", "backup"),
    ("every token, by name", "any_valid_service_token", "x", "takes no value", "any_valid_service_token: {}"),
    ("a certificate by name", "certificate", "x", "takes no value", "certificate: {}"),
    ("a common name by a number", "common_name", 7, "not text", "printer-7"),
    ("an app that nobody knows", "linked_app_token", "wiki", "not the name of an app", "`wiki`"),
    ("an evaluation by its url alone", "external_evaluation", {"url": URL}, "`url` and `keys_url`", "keys_url"),
    ("an evaluation as text", "external_evaluation", URL, "no mapping", "keys_url"),
    ("an evaluation by two names", "external_evaluation", TWO_NAMES, "by two names", "once"),
    ("a time of nothing", "time_of_day", {}, "no mapping", "from: '09:00'"),
    ("a time without quotes", "time_of_day", {"from": 1050}, "not text", "`17:30`"),
    ("no time", "time_of_day", {"from": "9:00"}, "no time of day", "in quotes"),
    ("a time past the day", "time_of_day", {"to": "24:01"}, "no time of day", "'24:00'"),
    ("an endless time", "time_of_day", {"from": "09:00", "to": "09:00"}, "begins when it ends", "from:"),
    ("no day", "time_of_day", {"days": ["monday"]}, "not days of the week", "mon, tue"),
    ("no days", "time_of_day", {"days": []}, "not days of the week", "mon, tue"),
    ("no zone", "time_of_day", {"timezone": "Berlin"}, "no time zone", "Europe/Berlin"),
    ("a zone that is a file", "time_of_day", {"timezone": "/etc/passwd"}, "no time zone", "Europe/Berlin"),
    ("another key", "time_of_day", {"until": "09:00"}, "keys are not those", "from:"),
]


@pytest.mark.parametrize(
    ("selector", "value", "what", "mend"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_bad_value_is_refused_with_its_mend(selector, value, what, mend):
    with pytest.raises(GlassgateError) as caught:
        make(selector, value, [])
    assert what in caught.value.what
    assert mend in caught.value.mend


def test_a_time_may_leave_out_what_it_does_not_limit():
    everyday = make("time_of_day", {"to": "06:00"}, []).matches
    assert everyday == TimeOfDay(frozenset(range(7)), 0, 6 * 3600, everyday.zone)
    assert str(everyday.zone) == "UTC"
    assert make("time_of_day", {"days": "sun"}, []).matches.ends == 86400


def test_cloudflares_forms_are_taken():
    def same(selector, *values):
        return len({make(selector, value, []).matches for value in values}) == 1

    assert make("geo", {"country_code": "de"}, []).matches == Country("DE")
    assert same("service_token", {"token_id": "backup"}, "backup")
    assert same("common_name", {"common_name": "a"}, "A")
    theirs = {"evaluate_url": URL, "keys_url": f"{URL}/keys"}
    assert [make("external_evaluation", {"url": URL, "keys_url": f"{URL}/keys"}, []).matches] == [
        make("external_evaluation", theirs, []).matches
    ]
