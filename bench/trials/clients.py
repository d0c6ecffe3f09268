"""The mix's clients, by asyncio: HTTP/1.1 and HTTP/2, strict in what they read, as rude as they are asked to be."""

import asyncio
import contextlib
import socket
import ssl
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h11

from bench.trials.marks import Answer, Ask

PIECE = 64 * 1024
SMALL_BUFFER = 32 * 1024  # bytes: what a slow reader's own socket takes ahead
WINDOW = 1024 * 1024
PATIENCE = 60.0  # seconds for one answer


class Cut(Exception):  # noqa: N818 - what happened
    """The connection, or the stream, ended before its answer was whole."""


@cache
def tls(ca: str, alpn: str) -> ssl.SSLContext:
    """A client's TLS that speaks one protocol."""
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols([alpn])
    return context


@dataclass(frozen=True, slots=True)
class Place:
    """Where the gate is, and by which name a client goes there."""

    port: int
    host: str
    ca: str

    @property
    def authority(self) -> str:
        """Name and port."""
        return f"{self.host}:{self.port}"

    async def connect(
        self, alpn: str, *, small: bool = False, source: str = "127.0.0.1"
    ) -> tuple[StreamReader, StreamWriter]:
        """A TLS connection; `small`: that takes little ahead. Raises Cut."""
        plain = socket.socket()
        plain.setblocking(False)
        if small:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        plain.bind((source, 0))
        try:
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self.port))
            context = tls(self.ca, alpn)
            return await asyncio.open_connection(sock=plain, ssl=context, server_hostname=self.host, limit=PIECE)
        except OSError as fault:
            plain.close()
            raise Cut(f"no connection: {type(fault).__name__}") from fault


@dataclass
class Http1:
    """One HTTP/1.1 connection."""

    place: Place
    reader: StreamReader
    writer: StreamWriter
    talk: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))

    @classmethod
    async def open(cls, place: Place, *, small: bool = False) -> "Http1":
        """Connect. Raises Cut."""
        return cls(place, *await place.connect("http/1.1", small=small))

    async def ask(self, ask: Ask, cookie: str, *, chunked: bool = False, pause: float = 0.0) -> Answer:
        """Ask and take the whole answer, with a pause after each piece of it. Raises Cut."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.begin(ask, cookie, chunked=chunked)
                await self.more(ask.body)
                self.writer.write(self.talk.send(h11.EndOfMessage()) or b"")
                return await self._answer(pause)
        except (OSError, h11.ProtocolError, TimeoutError) as fault:
            raise Cut(f"{type(fault).__name__}: {fault}") from fault

    async def begin(self, ask: Ask, cookie: str, *, chunked: bool = False) -> None:
        """Send a head."""
        if self.talk.our_state is h11.DONE:
            self.talk.start_next_cycle()
        framing = ("transfer-encoding", "chunked") if chunked else ("content-length", str(ask.sends))
        fields = [("host", self.place.authority), *ask.fields, ("cookie", cookie)]
        if ask.sends or chunked:
            fields.append(framing)
        self.writer.write(self.talk.send(h11.Request(method=ask.method, target="/mix", headers=fields)) or b"")

    async def more(self, body: bytes) -> None:
        """Send a piece of a body."""
        for start in range(0, len(body), PIECE):
            self.writer.write(self.talk.send(h11.Data(data=body[start : start + PIECE])) or b"")
            await self.writer.drain()

    async def _answer(self, pause: float) -> Answer:
        head, body = None, bytearray()
        while True:
            event = self.talk.next_event()
            if event is h11.NEED_DATA:
                data = await self.reader.read(PIECE)
                if pause:
                    await asyncio.sleep(pause)
                self.talk.receive_data(data)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and head:
                return Answer(head.status_code, {k.decode(): v.decode() for k, v in head.headers}, bytes(body))
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                raise Cut("the connection ended before the answer")

    @property
    def goes_on(self) -> bool:
        """Whether another request may follow."""
        return self.talk.our_state is h11.DONE and self.talk.their_state is h11.DONE

    async def read(self, least: int, patience: float) -> None:
        """Take so many bytes of whatever comes, or what there is till the end, or till nothing more comes."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(patience):
                while least > 0 and (data := await self.reader.read(PIECE)):
                    least -= len(data)

    def leave(self) -> None:
        """Be gone, without a word."""
        self.writer.transport.abort()


@dataclass
class _Stream:
    answer: "asyncio.Future[Answer]"
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    came: asyncio.Event = field(default_factory=asyncio.Event)  # of the body


class Http2:
    """One HTTP/2 connection, on which many ask at once."""

    def __init__(self, place: Place, reader: StreamReader, writer: StreamWriter) -> None:
        self._place, self._reader, self._writer = place, reader, writer
        config = h2.config.H2Configuration(header_encoding="utf-8")
        self._h2 = h2.connection.H2Connection(config)
        self._streams: dict[int, _Stream] = {}
        self._room = asyncio.Event()  # a window was opened
        self._over: str = ""
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(WINDOW * 8)
        self._flush()
        self._running = asyncio.create_task(self._run())

    @classmethod
    async def open(cls, place: Place) -> "Http2":
        """Connect. Raises Cut."""
        return cls(place, *await place.connect("h2"))

    async def ask(self, ask: Ask, cookie: str) -> Answer:
        """Ask on a stream of its own. Raises Cut."""
        number = self.begin(ask, cookie)
        try:
            async with asyncio.timeout(PATIENCE):
                if ask.sends:
                    await self.more(number, ask.body, end=True)
                return await self._streams[number].answer
        except (OSError, h2.exceptions.ProtocolError, TimeoutError) as fault:
            raise Cut(f"{type(fault).__name__}: {fault}") from fault
        finally:
            del self._streams[number]

    def begin(self, ask: Ask, cookie: str) -> int:
        """Send a head; the stream. Raises Cut."""
        if self._over:
            raise Cut(self._over)
        number = self._h2.get_next_available_stream_id()
        fields = [
            (":method", ask.method), (":scheme", "https"), (":authority", self._place.authority), (":path", "/mix"),
            *ask.fields, ("cookie", cookie),
        ]  # fmt: skip
        self._h2.send_headers(number, fields, end_stream=not ask.sends)
        self._streams[number] = _Stream(asyncio.get_running_loop().create_future())
        self._flush()
        return number

    async def more(self, number: int, body: bytes, *, end: bool = False) -> None:
        """Send a piece of a body as the windows let it; as much as is still wanted."""
        place = 0
        while place < len(body) and not self._streams[number].answer.done():
            room = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size, len(body) - place)
            if not room:
                self._room.clear()
                await self._room.wait()
                continue
            place += room
            self._h2.send_data(number, body[place - room : place], end_stream=end and place == len(body))
            self._flush()
            await self._writer.drain()

    async def came(self, number: int, least: int) -> None:
        """Wait for so many bytes of an answer's body, or for its end."""
        stream = self._streams[number]
        while len(stream.body) < least and not stream.answer.done():
            stream.came.clear()
            await stream.came.wait()

    def take_back(self, number: int) -> None:
        """Want the answer no more."""
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
            self._flush()
        del self._streams[number]

    def leave(self) -> None:
        """Be gone, without a word."""
        self._running.cancel()
        self._writer.transport.abort()
        self._all_over("left")

    @property
    def goes_on(self) -> bool:
        """Whether another request may follow."""
        return not self._over

    def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())

    async def _run(self) -> None:
        try:
            while data := await self._reader.read(PIECE):
                for event in self._h2.receive_data(data):
                    self._take(event)
                self._flush()
            self._all_over("the connection ended")
        except (OSError, h2.exceptions.ProtocolError) as fault:
            self._all_over(f"{type(fault).__name__}: {fault}")

    def _take(self, event: h2.events.Event) -> None:
        number = getattr(event, "stream_id", None) or 0
        stream = self._streams.get(number)
        if isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self._room.set()
        elif isinstance(event, h2.events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, number)
            if stream:
                stream.body += event.data or b""
                stream.came.set()
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._over = f"GOAWAY {event.error_code}"
        elif stream is None:
            return
        elif isinstance(event, h2.events.ResponseReceived):
            head = cast(dict[str, str], dict(event.headers or []))
            stream.status, stream.headers = int(head.pop(":status")), head
        elif isinstance(event, h2.events.StreamEnded):
            self._end(number, Answer(stream.status, stream.headers, bytes(stream.body)))
        elif isinstance(event, h2.events.StreamReset):
            self._end(number, Cut(f"RST_STREAM {event.error_code}"))

    def _end(self, number: int, result: Answer | Cut) -> None:
        stream = self._streams.get(number)
        if stream is None or stream.answer.done():
            return
        if isinstance(result, Cut):
            stream.answer.set_exception(result)
            stream.answer.exception()  # it may be that nobody waits for it
        else:
            stream.answer.set_result(result)
        stream.came.set()
        self._room.set()

    def _all_over(self, said: str) -> None:
        self._over = self._over or said
        for number in self._streams:
            self._end(number, Cut(said))
