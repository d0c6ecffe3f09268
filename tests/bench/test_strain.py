"""The trials in small: a real `glassgate serve`, and for ten seconds everything at once; then what they are made of."""

import json

import pytest
from bench.trials import attempts, findings, frames, ground, heads, marks, mix, options
from bench.trials.mix_clients import UPGRADE, Failure

MIX = 10.0  # seconds


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with ground.ground({}, tmp_path_factory.mktemp("strain"), lambda _: None) as made:
        yield made


@pytest.mark.parametrize("attempt", [*heads.HEADS.attempts, *heads.BODIES.attempts], ids=lambda one: one.what)
def test_what_is_too_long_is_told_so_and_nothing_stays_behind(running, attempt):
    assert attempts.tried("heads", attempt, running).amiss == ""


def test_everything_at_once(running):
    """HTTP/1.1, HTTP/2 and WebSockets, clients that leave or are slow, an origin that restarts: no answer is somebody
    else's, none is lost that HTTP promises, and no connection stays behind."""
    found = list(mix.trial(MIX, running))
    assert [(one.what, one.amiss) for one in found if one.amiss] == []
    assert {one.what for one in found} >= {"keep-alive", "http2", "websockets", "leavers", "slow-readers"}


# Marks

ASK = marks.Ask("a-1", "alice", "POST", sends=10, wants=20)
RIGHT = {
    marks.MARK: "a-1",
    marks.TOLD: "alice@contoso.example alice@contoso.example",
    marks.GOT: marks.got(b"a-1;a-1;a-"),
}
BODY = b"a-1;a-1;a-1;a-1;a-1;"


@pytest.mark.parametrize(
    ("more", "body", "said"),
    [
        ({}, BODY, ""),
        ({marks.MARK: "b-1"}, BODY, "the answer to 'b-1' came for 'a-1'"),
        ({marks.TOLD: "bob@contoso.example bob@contoso.example"}, BODY, "alice asked, the origin was told 'bob@"),
        ({marks.TOLD: "alice@contoso.example bob@contoso.example"}, BODY, "the origin was told 'alice@"),
        ({marks.GOT: marks.got(b"a-1;a-1;a")}, BODY, "the origin got '9 "),
        ({}, BODY[:-1], "19 bytes that are not the 20"),
        ({}, BODY[:-1] + b"x", "20 bytes that are not the 20"),
    ],
    ids=["right", "another's answer", "another user", "another assertion", "a part sent", "a part came", "mixed in"],
)
def test_an_answer_tells_whose_it_is(more, body, said):
    assert said in (found := marks.wrong(ASK, marks.Answer(200, RIGHT | more, body)))
    assert bool(found) is bool(said)


# What may be lost

WINDOWS = [(100.0, 102.0)]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure("http2", "GET", 101.0, 101.1, "502"), "restarting"),
        (Failure("http2", "GET", 99.0, 102.5, "RST_STREAM 2"), "restarting"),
        (Failure("http2", "GET", 99.0, 160.0, "TimeoutError: "), "lost"),
        (Failure("slow-readers", "GET", 99.0, 107.5, "the connection ended"), "restarting"),
        (Failure("slow-readers", "GET", 104.0, 107.5, "the connection ended"), "lost"),
        (Failure("slow-readers", "GET", 99.0, 109.0, "the connection ended"), "lost"),
        (Failure("http2", "GET", 101.0, 101.1, "401"), "lost"),
        (Failure("http2", "GET", 110.0, 110.1, "502"), "lost"),
        (Failure("http2", "GET", 90.0, 91.0, "502"), "lost"),
        (Failure("http2", "POST", 110.0, 110.1, "502"), "unsafe"),
        (Failure("http2", "POST", 110.0, 110.1, "503"), "lost"),
        (Failure("websockets", UPGRADE, 110.0, 110.1, "502"), "unsafe"),
        (Failure("websockets", "message", 110.0, 110.1, "ConnectionClosedError: 1011"), "lost"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.method} {value.said} {value.end:g}",
)
def test_what_may_fail_and_what_may_not(failure, kind):
    found = mix.sort([failure], WINDOWS)
    assert (found.restarting, found.unsafe, len(found.lost)) == {
        "restarting": (1, 0, 0), "unsafe": (0, 1, 0), "lost": (0, 0, 1),
    }[kind]  # fmt: skip


def test_growth_is_the_last_third_by_the_middle_one():
    assert mix.grown([1, 9, 100, 100, 110, 110]) == pytest.approx(0.1)
    assert mix.grown([500, 500, 100, 100, 100, 100]) == 0


# Frames


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_frames_of_websockets_have_their_length(length):
    sent = frames.message(frames.BINARY, b"x" * length)
    taken = bytes([sent[0], sent[1] & 127]) + sent[2 : -length - 4 or None] + sent[len(sent) - length :]
    server = taken if length else sent[:1] + b"\0"
    assert list(frames.messages(server + b"\x82")) == [(frames.BINARY, b"x" * length)]


def test_what_an_http2_connection_said():
    reset, goodbye = b"\0\0\4\3\0\0\0\0\1\0\0\0\5", b"\0\0\x08\7\0\0\0\0\0\0\0\0\1\0\0\0\x0b"
    answer = b"\0\0\1\1\4\0\0\0\1\x88"  # :status 200
    assert frames.said(answer + answer + reset + goodbye) == "200, RST_STREAM STREAM_CLOSED, GOAWAY ENHANCE_YOUR_CALM"
    assert frames.said(answer[:-1]) == "nothing"


# Judging, telling

MIB = findings.MIB
CHEAP = findings.Used(100 * MIB, 101 * MIB, 100 * MIB, 4, 4, 0.1)


@pytest.mark.parametrize(
    ("came", "seconds", "used", "said"),
    [
        (attempts.Came("x", "408"), 2.1, CHEAP, ""),
        (attempts.Came("x", "408, the end"), 2.1, CHEAP, "was to come"),
        (attempts.Came("x", "408"), 9.0, CHEAP, "it took 9.0 s"),
        (attempts.Came("x", "408", taken=2 * MIB), 2.1, CHEAP, "2.0 MiB from the client"),
        (attempts.Came("x", "408"), 2.1, findings.Used(0, 40 * MIB, 0, 4, 4, 0.1), "40 MiB of memory"),
        (attempts.Came("x", "408"), 2.1, findings.Used(0, 0, 0, 4, 4, 1.5), "1.50 s of CPU"),
        (attempts.Came("x", "408"), 2.1, findings.Used(0, 0, 0, 4, 6, 0.1), "2 sockets are open"),
    ],
    ids=["right", "another answer", "late", "took too much", "memory", "CPU", "sockets"],
)
def test_an_attempt_is_judged_by_all_that_it_cost(came, seconds, used, said):
    attempt = attempts.Attempt("x", "408", lambda _: came, (2.0, 4.0), takes=MIB)
    found = attempts.judged(attempt, came, seconds, used)
    assert said in found
    assert bool(found) is bool(said)


def test_what_was_found_is_told_and_kept(tmp_path):
    rows = [
        findings.Finding("times", "half a head", "300 B", "408", "408", 2.1, CHEAP),
        findings.Finding("times", "no request", "", "nothing", "the end", 20.0, amiss="it goes on"),
        findings.Finding("programs", "h2spec", "", "it is not installed", "0 failed", 0.0, tried=False),
    ]
    found = findings.Findings("2026-01-02T03:04:05Z", {"machine": "one"}, rows)
    said = findings.text(found)
    assert "✓ half a head" in said
    assert "100 → 100, peak 101" in said
    assert "1 of 2 as they are to be.\n- times, no request: it goes on\n- not tried: h2spec: it is not" in said
    found.write(tmp_path / "kept.json")
    assert json.loads((tmp_path / "kept.json").read_text())["findings"][1]["amiss"] == "it goes on"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], None),
        (["--only", "mix", "--minutes", "0.1"], ["mix"]),
        (["--quick", "--only", "heads", "--only", "slow"], ["heads", "slow"]),
    ],
    ids=["all", "one", "two"],
)
def test_trials_are_chosen_by_name(arguments, names):
    everything = [one.name for one in options.trials()]
    assert [one.name for one in options.read(arguments)] == (names or everything)


@pytest.mark.parametrize("arguments", [["--only", "none"], ["--minutes", "0"], ["more"]])
def test_a_wrong_call_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        options.read(arguments)
    assert ended.value.code == 2
    assert "usage: bench/strain" in capsys.readouterr().err
