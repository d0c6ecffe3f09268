"""A WebSocket: messages of a bounded size pass whole, little of them is kept, and it can be ended from outside."""

import time
import zlib
from typing import Any

from mitmproxy.connection import Connection
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import DropStream
from mitmproxy.proxy.layers.websocket import (
    Fragmentizer,
    WebsocketConnection,
    WebsocketEndHook,
    WebsocketLayer,
    WebsocketMessageHook,
    WebSocketMessageInjected,
    WebsocketStartHook,
)
from mitmproxy.websocket import WebSocketMessage
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Message, Ping, Pong
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits
from wsproto.utilities import split_comma_header

from glassgate.config.limits import Limits
from glassgate.mitm.layers.answers import Answers
from glassgate.mitm.layers.events import CloseWebsocket, Commands
from glassgate.mitm.layers.tally import Tally

TO_CLOSE = (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING)
REASONS = {CloseReason.MESSAGE_TOO_BIG: "The message is too big."}


class BoundedDeflate(PerMessageDeflate):
    """Compression whose messages have an end: what would grow beyond it is not decompressed (RFC 7692)."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._size = 0
        self._is_control = False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """A control frame is never compressed, and changes nothing for the message that it came amidst."""
        self._is_control = opcode.iscontrol()
        if self._is_control:
            return RsvBits(False, False, False)
        return super().frame_inbound_header(proto, opcode, rsv, payload_length)

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        """Decompress a piece, as far as there is room in its message."""
        if self._is_control or not self._inbound_compressed:
            return data
        return self._inflate(data)

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        """Decompress what is left of a message (RFC 7692 section 7.2.2)."""
        if self._is_control or not fin:
            return None
        rest: bytes | CloseReason | None = None
        if self._inbound_compressed and self._decompressor is not None:
            rest = b"" if self._decompressor.eof else self._inflate(b"\x00\x00\xff\xff")
            once = self.server_no_context_takeover if proto.client else self.client_no_context_takeover
            if once or self._decompressor.eof:
                self._decompressor = None
        self._inbound_compressed, self._size = None, 0
        return rest

    def forget(self) -> None:
        """Nothing more is said."""
        self._compressor = self._decompressor = None

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        inflator = self._decompressor
        if inflator is None or inflator.eof:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        try:
            found: bytes = inflator.decompress(data, self._most + 1 - self._size)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._size += len(found)
        return CloseReason.MESSAGE_TOO_BIG if self._size > self._most else found


class Side(WebsocketConnection):
    """One of the two ends, and the message that it is sending."""

    def __init__(self, kind: ConnectionType, deflate: list[BoundedDeflate], conn: Connection, control: Tally) -> None:
        super().__init__(kind, deflate, conn=conn)
        self.control = control
        self._deflate = deflate
        self.message = bytearray()
        self.frames: list[int] = []  # sizes of the frames that are whole
        self.frame = 0  # size of the one that is not

    def take_message(self, *, is_text: bool) -> tuple[bytes, Fragmentizer]:
        """The message, which is whole, and what cuts it into the frames that it came in."""
        content, frames = bytes(self.message), Fragmentizer([], is_text)
        frames.fragment_lengths = [*self.frames, self.frame]
        self.message.clear()
        self.frames, self.frame = [], 0
        return content, frames

    def forget(self) -> None:
        """Let go what was said so far, and what compression took: what holds this goes in cycles, and waits for the
        collector. A compressor alone has a quarter of a megabyte."""
        self.message, self.frames = bytearray(), []
        self._events.clear()
        for one in self._deflate:
            one.forget()


class GateWebsocket(WebsocketLayer):
    """The WebSocket of one flow."""

    client_ws: Side
    server_ws: Side

    def __init__(self, context: Context, flow: HTTPFlow, stream_id: int, answers: Answers) -> None:
        super().__init__(context, flow)
        self._stream_id = stream_id
        self._answers = answers
        self._limits = answers.limits

    def start(self, _: events.Event) -> Commands:
        """Begin, with the compression that both ends agreed on."""
        try:
            compressed = (self._deflate(), self._deflate())
        except (ValueError, IndexError):
            compressed = None
        client, server = compressed or ([], [])
        self.client_ws = self._side(ConnectionType.SERVER, client, self.context.client)
        self.server_ws = self._side(ConnectionType.CLIENT, server, self.context.server)
        yield WebsocketStartHook(self.flow)
        self._handle_event = self.relay_messages  # type: ignore[method-assign, assignment]
        if compressed is None:
            yield from self._end(CloseReason.PROTOCOL_ERROR, "The compression cannot be read.")

    _handle_event = start

    def _deflate(self) -> list[BoundedDeflate]:
        response = self.flow.response
        said = response.headers.get("sec-websocket-extensions", "") if response else ""
        found = []
        for extension in split_comma_header(said.encode("ascii", "replace")):
            if extension.partition(";")[0].strip() == PerMessageDeflate.name:
                found.append(BoundedDeflate(self._limits.websocket_message))
                found[-1].finalize(extension)
        return found

    def _side(self, kind: ConnectionType, deflate: list[BoundedDeflate], conn: Connection) -> Side:
        limits: Limits = self._limits
        return Side(kind, deflate, conn, Tally(limits.websocket_pings, limits.span, self._answers.clock))

    def relay_messages(self, event: events.Event) -> Commands:
        """Take what one end says, and pass it to the other."""
        if isinstance(event, CloseWebsocket):
            yield from self._end(event.code, event.reason, CloseReason.GOING_AWAY)
            return
        if isinstance(event, WebSocketMessageInjected):
            from_client = event.message.from_client
            source = self.client_ws if from_client else self.server_ws
            source._events.extend(Fragmentizer([], event.message.type is Opcode.TEXT)(event.message.content))
        elif isinstance(event, events.ConnectionEvent):
            from_client = event.connection == self.context.client
            source = self.client_ws if from_client else self.server_ws
            source.receive_data(event.data if isinstance(event, events.DataReceived) else None)
        else:
            return
        for said in source.events():
            yield from self._said(source, from_client, said)
            if self._handle_event == self.done:
                return

    def _said(self, source: Side, from_client: bool, said: object) -> Commands:
        target = self.server_ws if from_client else self.client_ws
        if isinstance(said, Message):
            yield from self._piece(source, target, said)
        elif isinstance(said, Ping | Pong):
            if source.control.is_over():
                yield from self._end(CloseReason.POLICY_VIOLATION, "Too many control frames.")
            elif target.state is ConnectionState.OPEN:
                yield target.send2(said)
        elif isinstance(said, CloseConnection):
            yield from self._closed(source, from_client, said)

    def _piece(self, source: Side, target: Side, said: Message[Any]) -> Commands:
        is_text = isinstance(said.data, str)
        data = said.data.encode() if isinstance(said.data, str) else said.data
        source.message += data
        source.frame += len(data)
        if len(source.message) > self._limits.websocket_message or len(source.frames) >= self._limits.websocket_frames:
            yield from self._end(CloseReason.MESSAGE_TOO_BIG, REASONS[CloseReason.MESSAGE_TOO_BIG])
        elif said.message_finished:
            yield from self._message(source, target, is_text)
        elif said.frame_finished:
            source.frames.append(source.frame)
            source.frame = 0

    def _message(self, source: Side, target: Side, is_text: bool) -> Commands:
        content, frames = source.take_message(is_text=is_text)
        kind = Opcode.TEXT if is_text else Opcode.BINARY
        message = WebSocketMessage(kind, source is self.client_ws, content)
        if self.flow.websocket is None:
            return
        self.flow.websocket.messages.append(message)
        yield WebsocketMessageHook(self.flow)
        self._trim(self.flow.websocket.messages)
        if message.dropped or target.state is not ConnectionState.OPEN:
            return
        for frame in frames(message.content):
            yield target.send2(frame)

    def _trim(self, messages: list[WebSocketMessage]) -> None:
        del messages[: -self._limits.kept_messages]
        room = self._limits.kept_bytes
        for place in range(len(messages) - 1, -1, -1):
            room -= len(messages[place].content)
            if room < 0:
                del messages[: place + 1]
                return

    # Ends

    def _closed(self, source: Side, from_client: bool, said: CloseConnection) -> Commands:
        if source.state is ConnectionState.OPEN:  # it said what it may not
            yield from self._end(said.code, REASONS.get(CloseReason(said.code), ""))
        elif said.code is CloseReason.ABNORMAL_CLOSURE:  # it is gone, without a word
            code = CloseReason.GOING_AWAY if from_client else CloseReason.INTERNAL_ERROR
            yield from self._end(code, "The other side is gone.", by_client=from_client)
        else:
            yield from self._end(said.code, said.reason or "", by_client=from_client)

    def _end(self, code: int, reason: str, to_origin: int | None = None, *, by_client: bool | None = None) -> Commands:
        origin = CloseConnection(code, reason) if to_origin is None else CloseConnection(to_origin)
        for side, said in ((self.server_ws, origin), (self.client_ws, CloseConnection(code, reason))):
            if side.state in TO_CLOSE:
                yield side.send2(said)
            yield commands.CloseConnection(side.conn)
            side.forget()
        self._handle_event = self.done  # type: ignore[method-assign]
        if self.flow.websocket is not None:
            self.flow.websocket.timestamp_end = time.time()
            self.flow.websocket.closed_by_client = by_client
            self.flow.websocket.close_code = code
            self.flow.websocket.close_reason = reason
        yield WebsocketEndHook(self.flow)
        self.flow.live = False
        yield DropStream(self._stream_id)

    def done(self, _: events.Event) -> Commands:
        """Hear no more."""
        yield from ()
