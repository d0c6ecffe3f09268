"""Big bodies pass through and are never held: 1 GiB each way (256 MiB on stock programs, which are slower), in little
more memory than at rest."""

import subprocess

import pytest

from journeys.visitor import Visitor

SIZE = {"driver": 1 << 30, "stock": 1 << 28}
ALLOWED = 100 * 1024 * 1024


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("bulk")) as made:
        visitor = Visitor(made.ca)
        visitor.sign_in(made.url("wiki"), "alice")
        made.cookie = f"CF_Authorization={visitor.jars['wiki.localhost']['CF_Authorization']}"
        yield made


@pytest.fixture(scope="module")
def size(front):
    return SIZE[front]


@pytest.fixture(scope="module")
def body(size, tmp_path_factory):
    path = tmp_path_factory.mktemp("body") / "body"
    with path.open("wb") as file:
        file.truncate(size)  # sparse: it weighs nothing on disk
    return path


def curl(demo, target, *more):
    done = subprocess.run(
        ["curl", "-sS", "-m", "100", "--cacert", str(demo.ca), "-H", f"Cookie: {demo.cookie}", *more,
         demo.url("wiki", target)],
        capture_output=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_upload(demo, size, body, version):
    resting = demo.memory
    got = curl(demo, "/echo", version, "-X", "POST", "-H", "Expect:", "-T", str(body))
    assert str(size) in got
    assert demo.peak - resting < ALLOWED


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_download(demo, size, version):
    resting = demo.memory
    got = curl(demo, f"/download?bytes={size}", version, "-o", "/dev/null", "-w", "%{size_download}")
    assert int(got) == size
    assert demo.peak - resting < ALLOWED


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_slow_reader_holds_up_its_origin_and_not_the_memory(demo, size, version):
    resting = demo.memory
    subprocess.run(
        ["curl", "-sS", "--cacert", str(demo.ca), "-H", f"Cookie: {demo.cookie}", version,
         "--limit-rate", "1M", "-m", "2", "-o", "/dev/null", demo.url("wiki", f"/download?bytes={size}")],
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert demo.peak - resting < ALLOWED
