"""Our cookies: how they are set, how they are read, and that an origin never sees one."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glassgate.access import cookies

NOW = 1_800_000_000.0


def sent(*values):
    return list(values)


SET = [
    ("an application token", cookies.set_app_token("a.b.c", NOW), "CF_Authorization=a.b.c"),
    ("a provider", cookies.set_provider("entra", NOW - 90 * 86400), "__Host-CF_Provider=entra"),
    ("a global session", cookies.set_global_session("x_-9", NOW), "__Host-CF_Authorization=x_-9"),
    (
        "a sign-in at the team domain",
        cookies.set_sign_in(cookies.LOGIN, "id1", "sealed", NOW - 600),
        "__Host-CF_Login_id1=sealed",
    ),
    (
        "a sign-in at an app",
        cookies.set_sign_in(cookies.APP_SESSION, "id1", "sealed", NOW - 600),
        "__Host-CF_AppSession_id1=sealed",
    ),
]


@pytest.mark.parametrize(("line", "pair"), [row[1:] for row in SET], ids=[row[0] for row in SET])
def test_every_cookie_of_ours_is_host_only_secure_and_ends(line, pair):
    first, *attributes = line.split("; ")
    assert first == pair
    assert sorted(attributes) == [
        "Expires=Fri, 15 Jan 2027 08:00:00 GMT", "HttpOnly", "Path=/", "SameSite=Lax", "Secure",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["CF_Authorization", "__Host-CF_Authorization", "__Host-CF_Login_x"])
def test_a_cookie_goes_with_the_attributes_that_it_came_with(name):
    first, *attributes = cookies.clear(name).split("; ")
    assert first == f"{name}="
    assert sorted(attributes) == [
        "Expires=Thu, 01 Jan 1970 00:00:00 GMT", "HttpOnly", "Path=/", "SameSite=Lax", "Secure",
    ]  # fmt: skip


RESERVED = [
    ("CF_Authorization", True),
    ("__Host-CF_Authorization", True),
    ("__Host-CF_Login_1", True),
    ("__Host-CF_", True),
    ("__Host-CF_Anything", True),
    ("CF_AuthorizationX", False),
    ("XCF_Authorization", False),
    ("cf_clearance", False),
    ("__Host-session", False),
    ("", False),
]


@pytest.mark.parametrize(("name", "reserved"), RESERVED, ids=[f"[{row[0]}]" for row in RESERVED])
def test_which_names_are_the_gates_alone(name, reserved):
    assert cookies.is_reserved(name) is reserved


def test_a_name_may_come_more_than_once_and_its_values_keep_their_order():
    headers = [b"a=1; b=2", b"a=3"]
    assert sorted(cookies.read(headers)) == [("a", "1"), ("a", "3"), ("b", "2")]
    assert cookies.values(headers, "a") == ["1", "3"]
    assert cookies.values(headers[::-1], "a") == ["3", "1"]


HIDING = [
    ("two quotes of a sibling host", 'a="; CF_Authorization=hers; z="; CF_Authorization=planted', ["hers", "planted"]),
    ("an escaped quote", 'a="\\"; CF_Authorization=hers; z="', ["hers"]),
    ("a quote at the end", 'CF_Authorization=hers; z="', ["hers"]),
    ("a quote at the beginning", 'a="; CF_Authorization=hers', ["hers"]),
]


@pytest.mark.parametrize(("line", "found"), [row[1:] for row in HIDING], ids=[row[0] for row in HIDING])
def test_no_cookie_hides_another(line, found):
    """To a browser a quote is a character as any other, which whoever shares its domain may set."""
    assert cookies.values(sent(line.encode()), "CF_Authorization") == found
    assert cookies.values(line.encode().split(b"; "), "CF_Authorization") == found


@pytest.mark.parametrize("value", [b"\xe4", b"\xff\xfe", b"\xc3\xa4", b'"\\344"', b"%E4"], ids=str)
def test_other_peoples_cookies_may_hold_any_bytes(value):
    """They are set by whoever serves the host, and stay with the browser for years."""
    headers = sent(b"a=" + value + b"; CF_Authorization=a.b.c; \xe4=b")
    assert cookies.values(headers, "CF_Authorization") == ["a.b.c"]
    assert cookies.without_ours(headers) == b"a=" + value + b"; \xe4=b"


def test_at_most_eight_of_one_name_are_tried():
    crowd = b"; ".join(b"CF_Authorization=%d" % n for n in range(20))
    assert cookies.values(sent(crowd), "CF_Authorization") == [str(n) for n in range(8)]


def test_an_ended_token_is_brought_for_a_day_where_that_is_wanted():
    now = 1_800_000_000.0
    assert "Expires=Fri, 15 Jan 2027 08:00:00 GMT" in cookies.set_app_token("a.b.c", now)
    assert "Expires=Sat, 16 Jan 2027 08:00:00 GMT" in cookies.set_app_token("a.b.c", now, lapses=True)


def test_where_a_form_is_kept_is_for_its_host_alone():
    line = cookies.set_form("id", "sealed", 1_800_000_000.0)
    assert line.startswith("__Host-CF_Form_id=sealed; ")
    assert all(part in line for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Expires=Fri, 15 Jan 2027"))
    assert "Domain" not in line


GOES = [
    ("ours alone", [b"CF_Authorization=a.b.c"], b""),
    ("ours first", [b"CF_Authorization=a.b.c; x=1"], b"x=1"),
    ("ours last", [b"x=1; CF_Authorization=a.b.c"], b"x=1"),
    ("ours doubled", [b"CF_Authorization=a; x=1; CF_Authorization=b"], b"x=1"),
    ("ours without spaces", [b"x=1;CF_Authorization=a;y=2"], b"x=1; y=2"),
    ("ours with spaces", [b"x=1;  CF_Authorization = a ; y=2"], b"x=1; y=2"),
    ("ours with a tab", [b"x=1;\tCF_Authorization=a"], b"x=1"),
    ("ours, nameless", [b"=CF_Authorization=a; x=1"], b"x=1"),
    ("ours without a value", [b"CF_Authorization; x=1"], b"x=1"),
    ("the global session", [b"__Host-CF_Authorization=a; x=1"], b"x=1"),
    ("a sign-in", [b"__Host-CF_Login_1=a; __Host-CF_AppSession_2=b; x=1"], b"x=1"),
    ("in a second header", [b"x=1", b"CF_Authorization=a", b"y=2"], b"x=1; y=2"),
    ("in quotes of another", [b'x="1; CF_Authorization=a; y=2"'], b'x="1; y=2"'),
    ("in the value of another", [b"x=1 CF_Authorization=a; y=2"], b"y=2"),
    ("after a comma", [b"x=1,CF_Authorization=a; y=2, __Host-CF_Binding = b; z=3"], b"z=3"),
    ("after quotes", [b'x="1"CF_Authorization=a; z=3'], b"z=3"),
    ("a mention stays", [b"x=CF_Authorization; y=1 CF_Authorization2"], b"x=CF_Authorization; y=1 CF_Authorization2"),
    ("other bytes stay", [b'x="a b"; y=\xe4\xf6; z=1=2==; q'], b'x="a b"; y=\xe4\xf6; z=1=2==; q'),
    ("a look-alike stays", [b"CF_Authorization2=a; cf_clearance=b"], b"CF_Authorization2=a; cf_clearance=b"),
    ("none", [], b""),
    ("an empty one", [b"; ;"], b""),
]


@pytest.mark.parametrize(("given_", "left"), [row[1:] for row in GOES], ids=[row[0] for row in GOES])
def test_what_the_origin_gets(given_, left):
    assert cookies.without_ours(sent(*given_)) == left


def test_an_app_that_wants_it_gets_the_application_token_and_nothing_else_of_ours():
    given_ = sent(b"x=1; CF_Authorization=a.b.c; __Host-CF_Authorization=no; __Host-CF_Login_1=no")
    assert cookies.without_ours(given_, app_token="a.b.c") == b"x=1; CF_Authorization=a.b.c"


@pytest.mark.parametrize("other", [b"CF_Authorization=d.e.f", b"y=2 CF_Authorization=d", b"=CF_Authorization=a.b.c"])
def test_no_token_goes_along_but_the_one_that_was_judged(other):
    for line in (b"CF_Authorization=a.b.c; " + other, other + b"; CF_Authorization=a.b.c"):
        assert cookies.without_ours(sent(line), app_token="a.b.c") == b"CF_Authorization=a.b.c"


@example(b"=CF_Authorization=a")
@example(b"==CF_Authorization=a")
@example(b" = CF_Authorization = a")
@given(
    st.lists(
        st.sampled_from([b"CF_Authorization", b"__Host-CF_", b"=", b";", b" ", b"\t", b'"', b"x", b",", b"\xe4", b"\\"])
    ).map(b"".join)
)
def test_what_is_left_for_the_origin_reads_as_no_cookie_of_ours(value):
    left = cookies.without_ours(sent(value))
    assert not [name for name, _ in cookies.read(sent(left)) if cookies.is_reserved(name)]


def test_the_oldest_sign_ins_make_room_for_another():
    pairs = "; ".join(f"__Host-CF_Login_{n:03d}=x" for n in reversed(range(18)))
    crowd = sent(f"{pairs}; __Host-CF_AppSession_000=y".encode())
    assert cookies.crowded_out(crowd, cookies.LOGIN) == [f"__Host-CF_Login_{n:03d}" for n in range(3)]
    assert cookies.crowded_out(crowd, cookies.APP_SESSION) == []


@pytest.mark.parametrize(("there", "gone"), [(0, 0), (15, 0), (16, 1), (17, 2)])
def test_sixteen_sign_ins_fit(there, gone):
    pairs = "; ".join(f"__Host-CF_Login_{n:03d}=x" for n in range(there)).encode()
    assert len(cookies.crowded_out(sent(pairs), cookies.LOGIN)) == gone


ODD = [
    ("quotes", b'CF_Authorization="a.b.c"', ['"a.b.c"']),
    ("an open quote", b'CF_Authorization="b', ['"b']),
    ("a quote in the name", b'CF_Authorization"=b', []),
    ("no value", b"CF_Authorization", [""]),
    ("no name", b"=CF_Authorization=b", []),
    ("an equals sign in the value", b"CF_Authorization=a=b", ["a=b"]),
    ("spaces", b"x=1;  CF_Authorization = a.b.c\t", ["a.b.c"]),
    ("a longer name", b"XCF_Authorization=b; CF_Authorization2=c", []),
]


@pytest.mark.parametrize(("pair", "found"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_an_odd_pair_is_read_as_a_browser_would_have_meant_it(pair, found):
    assert cookies.values([pair], "CF_Authorization") == found


def test_thousands_of_odd_pairs_cost_no_more_than_others():
    """In a head of 60 KB, which HTTP/2 can ask for again with a few bytes."""
    head = b";".join([b'CF_Authorization="b'] * 3000)
    began = time.process_time()
    for _ in range(20):
        assert len(cookies.values([head], "CF_Authorization")) == 8
    assert time.process_time() - began < 1, "each took fifteen milliseconds once, of everybody's time"


def test_the_token_of_a_part_of_a_host_stays_there():
    assert "Path=/admin" in cookies.set_app_token("a.b.c", NOW, "/admin").split("; ")
    assert "Path=/admin" in cookies.clear("CF_Authorization", "/admin").split("; ")
