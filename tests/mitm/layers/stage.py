"""A client, origins and hooks that do what a test says, around the layers alone: no socket, no loop, no clock."""

from collections import deque
from functools import partial

from mitmproxy import http
from mitmproxy.addonmanager import Loader
from mitmproxy.addons import proxyserver
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context

from glassgate.access.messages import MESSAGES
from glassgate.config.limits import Limits
from glassgate.mitm.layers.first import GateLayer

ORIGIN = ("127.0.0.1", 9000)


class Program:
    """As much of a mitmproxy program as its options need."""

    def __init__(self):
        self.options = Options()


PROGRAM = Program()
proxyserver.Proxyserver().load(Loader(PROGRAM))


class Said:
    """Answers that say their code, and a note of each."""

    def __init__(self, limits, max_body=None):
        self.limits = limits
        self.max_body = max_body
        self.pieces = False
        self.now = 0.0
        self.codes = []
        self.reasons = []

    def clock(self):
        return self.now

    def for_origin(self, flow, code):
        self.codes.append(code)
        return self.response(code)

    def for_head(self, client, code, request, reason):
        self.codes.append(code)
        self.reasons.append(reason)
        return self.response(code)

    def limit_of(self, flow):
        return self.max_body

    def in_pieces(self, flow):
        return self.pieces

    def response(self, code):
        return http.Response.make(MESSAGES[code].status, code.encode(), {"cache-control": "no-store"})


def let_in(flow):
    """The hook of a gate that lets everybody in."""
    flow.request.host, flow.request.port = ORIGIN
    flow.request.scheme, flow.request.authority, flow.request.stream = "http", "", True


def refuse(flow, status=401):
    """The hook of a gate that lets nobody in."""
    flow.response = http.Response.make(status, b"no")


def pass_on(flow):
    """The hook of a gate that passes an answer on as it comes."""
    flow.response.stream = True


class Stage:
    """One client connection. `waits` names hooks that are not done until `go_on`."""

    def __init__(self, *, alpn=None, limits=None, max_body=None, decide=let_in, waits=(), away=None):
        client = Client(peername=("127.0.0.1", 50000), sockname=("127.0.0.1", 8443), state=ConnectionState.OPEN)
        client.alpn = alpn
        self.client = client
        self.answers = Said(limits or Limits(), max_body)
        self.away = away  # the error of every connection to an origin
        self.kept = False  # whether connections to origins are kept ones
        self.origin_alpn = None  # what they agreed on
        self.waits = set(waits)
        self.handlers = {"requestheaders": decide, "responseheaders": pass_on}
        self.told = []  # names of hooks, in order
        self.flows = []
        self.origins = []
        self.sent = {client: bytearray()}
        self.closed = []
        self.half_closed = []
        self.logged = []
        self._waiting = deque()
        self._queue = deque()
        self._busy = False
        self.layer = GateLayer(Context(client, PROGRAM.options), self.answers)
        self.happen(events.Start())

    def happen(self, event):
        """Something happens; what follows from it happens, too."""
        self._queue.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._queue:
                for command in self.layer.handle_event(self._queue.popleft()):
                    self._do(command)
        finally:
            self._busy = False

    def say(self, data, step=None):
        """The client sends, `step` bytes at a time."""
        self._said(self.client, data, step)
        return self

    def answer(self, data, place=-1, step=None):
        """An origin sends."""
        self._said(self.origins[place], data, step)
        return self

    def leave(self):
        """The client goes."""
        self._gone(self.client)

    def break_off(self, place=-1, error=None):
        """An origin goes."""
        self.origins[place].error = error
        self._gone(self.origins[place])

    def go_on(self):
        """The oldest hook that waits is done."""
        self.happen(events.HookCompleted(self._waiting.popleft()))

    @property
    def got(self):
        """What the client got."""
        return bytes(self.sent[self.client])

    @property
    def status(self):
        """The status of the last HTTP/1 answer."""
        heads = [line for line in self.got.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        return int(heads[-1].split(b" ")[1]) if heads else None

    def asked(self, place=-1):
        """What an origin got."""
        return bytes(self.sent[self.origins[place]])

    def is_closed(self, connection=None):
        return (connection or self.client) in self.closed

    @property
    def ends(self):
        """Whether the client was told that nothing more comes."""
        return self.client in self.closed or self.client in self.half_closed

    def _said(self, connection, data, step):
        step = step or max(1, len(data))
        for start in range(0, len(data), step):
            if not connection.state & ConnectionState.CAN_READ:
                return
            self.happen(events.DataReceived(connection, data[start : start + step]))

    def _gone(self, connection):
        connection.state &= ~ConnectionState.CAN_READ
        self.happen(events.ConnectionClosed(connection))

    def _do(self, command):
        match command:
            case commands.SendData(connection=connection):
                assert connection.state & ConnectionState.CAN_WRITE, "something was sent on a closed connection"
                self.sent[connection] += command.data
            case commands.CloseTcpConnection(half_close=True):
                command.connection.state &= ~ConnectionState.CAN_WRITE
                self.half_closed.append(command.connection)
            case commands.CloseConnection():
                self._close(command.connection)
            case commands.OpenConnection():
                self._open(command)
            case commands.StartHook():
                self._hook(command)
            case commands.Log():
                self.logged.append(command.message)
            case _:
                raise AssertionError(command)

    def _close(self, connection):
        if connection in self.closed:
            return
        connection.state = ConnectionState.CLOSED
        self.closed.append(connection)
        self._queue.append(events.ConnectionClosed(connection))

    def _open(self, command):
        if not self.away:
            self.origins.append(command.connection)
            self.sent[command.connection] = bytearray()
            command.connection.state = ConnectionState.OPEN
            command.connection.was_kept = self.kept
            command.connection.alpn = self.origin_alpn
        else:
            command.connection.error = self.away
        self._queue.append(events.OpenConnectionCompleted(command, self.away))

    def _hook(self, hook):
        self.told.append(hook.name)
        [flow] = hook.args()
        if flow not in self.flows:
            self.flows.append(flow)
        self.handlers.get(hook.name, partial(id))(flow)
        if hook.name in self.waits:
            self._waiting.append(hook)
        elif hook.blocking:
            self._queue.append(events.HookCompleted(hook))
