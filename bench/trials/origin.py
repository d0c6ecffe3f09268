"""The trials' origin, python -m bench.trials.origin PORT: it says back a request's mark, and who it was told asks.

Strict in what it reads (h11, wsproto): what the gate sends on must be one request, and no byte more.
"""

import asyncio
import base64
import contextlib
import json
import sys
from asyncio import StreamReader, StreamWriter

import h11
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Ping, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

from bench.trials import marks

HEAD = 256 * 1024  # bytes of a request's head that are taken: more than the gate takes
PIECE = 64 * 1024
BACKLOG = 4096
type Headers = dict[str, str]


class Gone(Exception):  # noqa: N818 - it is what happened, and no fault
    """The other end is gone."""


async def serve(reader: StreamReader, writer: StreamWriter) -> None:
    """One connection: requests one after the other, or a WebSocket."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD)
    with contextlib.suppress(Gone, OSError, h11.RemoteProtocolError):
        while await _exchange(connection, reader, writer):
            connection.start_next_cycle()
    writer.close()


async def _exchange(connection: h11.Connection, reader: StreamReader, writer: StreamWriter) -> bool:
    """Take one request and answer it. Whether another may follow."""
    request = await _next(connection, reader)
    if not isinstance(request, h11.Request):
        return False
    headers = _asked(request)
    if headers.get("upgrade") == "websocket":
        await _talk(request, headers, reader, writer)
        return False
    body = bytearray()
    while isinstance(event := await _next(connection, reader), h11.Data):
        body += event.data
    await asyncio.sleep(float(headers.get(marks.PAUSE, 0)))
    for piece in _answer(connection, request.method, headers, bytes(body)):
        writer.write(piece)
        await writer.drain()
    return connection.our_state is h11.DONE and headers.get(marks.THEN) != marks.HANG_UP


async def _next(connection: h11.Connection, reader: StreamReader) -> object:
    while True:
        event = connection.next_event()
        if not isinstance(event, type) or event is h11.PAUSED:
            return event
        connection.receive_data(await reader.read(PIECE))


def _asked(request: h11.Request) -> Headers:
    """The headers; the mark and the length that are wanted may be in the path instead (`/mark/200`)."""
    said = {name.decode(): value.decode("latin-1") for name, value in request.headers}
    match request.target.decode("latin-1").partition("?")[0].split("/"):
        case ["", mark, wants]:
            return {marks.MARK: mark, marks.WANTS: wants, **said}
    return said


def _answer(connection: h11.Connection, method: bytes, headers: Headers, body: bytes) -> list[bytes]:
    mark, then, wants = headers.get(marks.MARK, ""), headers.get(marks.THEN), int(headers.get(marks.WANTS, 0))
    framing = ("transfer-encoding", "chunked") if then == marks.CHUNKS else ("content-length", str(wants))
    fields = [(marks.MARK, mark), (marks.TOLD, _told(headers)), (marks.GOT, marks.got(body)), framing]
    if then == marks.CLOSE:
        fields.append(("connection", "close"))
    pieces = [connection.send(h11.Response(status_code=200, headers=fields, reason=b"OK"))]
    if method != b"HEAD":
        content = marks.pattern(mark, wants)
        cut = (content[start : start + PIECE] for start in range(0, wants, PIECE))
        pieces += [connection.send(h11.Data(data=piece)) for piece in cut]
    pieces.append(connection.send(h11.EndOfMessage()))
    return [piece for piece in pieces if piece]


def _told(headers: Headers) -> str:
    """Who asks, by the header and by the assertion. The signature is what other tests look at."""
    payload = headers.get("cf-access-jwt-assertion", "").split(".")[1:2]
    claims = json.loads(base64.urlsafe_b64decode(payload[0] + "==")) if payload else {}
    return marks.told(headers.get("cf-access-authenticated-user-email", ""), claims.get("email", ""))


async def _talk(request: h11.Request, headers: Headers, reader: StreamReader, writer: StreamWriter) -> None:
    """A WebSocket: a text comes back, with who it was told talks before it; of other messages their length does."""
    talk = WSConnection(ConnectionType.SERVER)
    talk.initiate_upgrade_connection(list(request.headers), request.target.decode())
    told, message, size = f"{_told(headers)}\n", "", 0
    while True:
        content = bytearray()
        for event in talk.events():
            match event:
                case Request(extensions=asked):
                    deflate = [PerMessageDeflate()] if any("permessage-deflate" in str(one) for one in asked) else []
                    writer.write(talk.send(AcceptConnection(extensions=list(deflate))))
                case TextMessage(data=data):
                    message += data
                    if event.message_finished:
                        content += talk.send(Message(data=told + message))
                        message = ""
                case BytesMessage(data=data):
                    size += len(data)
                    if event.message_finished:
                        content += talk.send(Message(data=f"{told}{size}"))
                        size = 0
                case Ping():
                    content += talk.send(event.response())
                case CloseConnection():
                    writer.write(content + talk.send(event.response()))
                    return
        writer.write(content)
        await writer.drain()
        data = await reader.read(PIECE)
        talk.receive_data(data or None)


async def main(port: int) -> None:
    """Listen on loopback till it is ended."""
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=PIECE, backlog=BACKLOG)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
