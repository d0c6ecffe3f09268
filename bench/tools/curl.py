"""curl: one request whose answer is looked at to the last byte, and few large bodies, one after the other."""

from collections.abc import Iterator

from bench.asked import MB, Ask
from bench.count import Count
from bench.target import Target, WrongAnswer, flags

SAID = "%{http_code} %{size_download} %{size_upload} %{time_total} %{http_version} %{redirect_url}\n"


def check(target: Target, ask: Ask) -> int:
    """Ask once; the length of the answer's body. Raises WrongAnswer where it is not the right one."""
    answer = target.folder / "answer"
    said = target.run([*_command(target, ask), "-o", str(answer), target.url(ask.path)]).split()
    body = answer.read_bytes() if answer.exists() else b""
    if int(said[0]) != ask.status:
        raise WrongAnswer(f"{ask.path}: status {said[0]}, expected {ask.status}")
    if ask.http2 and said[4] != "2":
        raise WrongAnswer(f"{ask.path}: HTTP/{said[4]}, expected HTTP/2")
    if ask.body is not None and body != ask.body:
        raise WrongAnswer(f"{ask.path}: {len(body)} bytes that are not the {len(ask.body)} of the origin")
    if ask.status == 302 and not said[5].startswith("https://team.localhost"):
        raise WrongAnswer(f"{ask.path}: a redirect to somewhere else")
    answer.unlink(missing_ok=True)
    return len(body)


def repeated(target: Target, ask: Ask, times: int) -> Count:
    """Ask `times` times on one connection; the rate is MB/s of the larger body. Raises WrongAnswer."""
    url = target.url(f"{ask.path}?[1-{times}]")
    return parse(target.run([*_command(target, ask), "-o", "/dev/null", url]), ask, times)


def parse(said: str, ask: Ask, times: int) -> Count:
    """What curl said of `times` requests, a line each. Raises WrongAnswer where one of them is not right."""
    lines = list(_lines(said))
    right = (ask.status, len(ask.body or b""), ask.sends)
    wrong = [line[:3] for line in lines if line[:3] != right]
    if wrong or len(lines) != times:
        raise WrongAnswer(f"{len(wrong)} of {len(lines)} answers are {wrong[:1]}, expected {times} of {right}")
    seconds = sum(line[3] for line in lines)
    return Count(times, times * max(right[1:]) / MB / seconds)


def _lines(said: str) -> Iterator[tuple[int, int, int, float]]:
    for line in said.splitlines():
        status, down, up, seconds = line.split()[:4]
        yield int(status), int(down), int(up), float(seconds)


def _command(target: Target, ask: Ask) -> list[str]:
    # Without Expect, so that no candidate's way with it counts in.
    body = ["--data-binary", f"@{target.body(ask)}", "-H", "expect:"] if ask.sends else []
    version = "--http2" if ask.http2 else "--http1.1"
    return [
        "curl", "--silent", "--show-error", version, "--cacert", str(target.ca), "--resolve", target.resolved,
        *flags(target.headers(ask)), *body, "-w", SAID,
    ]  # fmt: skip
