"""What is made without mitmproxy's constructors is what they make."""

from uuid import RFC_4122, UUID

import pytest
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._hooks import HttpRequestHeadersHook, HttpResponseHeadersHook, HttpResponseHook
from mitmproxy.test import tflow

from glassgate.mitm.layers import made
from mitm.layers.stage import PROGRAM


@pytest.mark.parametrize("kind", [HttpRequestHeadersHook, HttpResponseHeadersHook, HttpResponseHook])
def test_a_hook(kind):
    flow = tflow.tflow()
    assert vars(made.hook(kind, flow)) == vars(kind(flow)) == {"flow": flow}


def test_a_context_below_another():
    above = Context(tflow.tclient_conn(), PROGRAM.options)
    above.layers.append("above")
    assert vars(made.fork(above)) == vars(above.fork()) == vars(above)
    assert made.fork(above).layers is not above.layers


def test_a_flow():
    client, server = tflow.tclient_conn(), tflow.tserver_conn()
    ours, theirs = (vars(make(client, server)) for make in (made.flow, HTTPFlow))
    unlike = {name for name in ours.keys() | theirs.keys() if ours.get(name, "none") != theirs.get(name, "none")}
    assert unlike == {"id", "timestamp_created"}
    assert abs(ours["timestamp_created"] - theirs["timestamp_created"]) < 60
    ids = [UUID(made.flow(client, server).id) for _ in range(200)]
    assert {(one.version, one.variant) for one in ids} == {(4, RFC_4122)}
    assert len(set(ids)) == 200
