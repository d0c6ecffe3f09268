"""Flow files: each request with what the gate knew of it, and only its own word on what it let in."""

import pytest
from mitmproxy import io
from mitmproxy.test import tflow

from glassgate.errors import GlassgateError
from glassgate.mitm.recorded_flows import read

RAY = "0123456789abcdef"


def flow(headers=(), answer=None):
    made = tflow.tflow(resp=answer is not None)
    for name, value in headers:
        made.request.headers[name] = value
    if answer is not None:
        made.response.headers.clear()
        for name, value in answer:
            made.response.headers[name] = value
    return made


def saved(path, *flows):
    with path.open("wb") as file:
        writer = io.FlowWriter(file)
        for one in flows:
            writer.add(one)
    return path


OURS = (("Cf-Ray", RAY), ("X-Forwarded-Host", "wiki.localhost"))
ROWS = [
    ("let in", flow(OURS, ()), (RAY, True)),
    ("refused by the gate", flow((), (("Cf-Ray", RAY),)), (RAY, False)),
    ("refused, whatever the visitor said", flow(OURS, (("Cf-Ray", "f" * 16),)), ("f" * 16, False)),
    ("never answered", flow(), ("", False)),
]


@pytest.mark.parametrize(("one", "said"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_which_were_let_in(tmp_path, one, said):
    (found,) = read(saved(tmp_path / "flows", one))
    assert (found.request.ray, found.forwarded) == said
    assert found.request.at == one.request.timestamp_start


def test_only_http_is_read(tmp_path):
    path = saved(tmp_path / "flows", tflow.tdnsflow(), tflow.ttcpflow(), flow())
    assert len(list(read(path))) == 1


@pytest.mark.parametrize("content", [b"nonsense", b"12:abc", None], ids=["other", "half", "none"])
def test_what_is_no_flow_file_is_told(tmp_path, content):
    path = tmp_path / "flows"
    if content:
        path.write_bytes(content)
    with pytest.raises(GlassgateError) as fault:
        list(read(path))
    assert fault.value.where == str(path)
