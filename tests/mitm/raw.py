"""Clients that say exactly what a test wants: bytes over TLS, and HTTP/2 without a library's good manners."""

import socket
import ssl

import h2.config
import h2.connection
import h2.events
import h2.exceptions


def tls(ca, port, host="wiki.localhost", alpn=("http/1.1",), timeout=15, *, threads=False):
    """A TLS connection to a gate on this machine. `threads`: one reads it while another writes.

    Those get TLS 1.2: while Python reads a ticket of TLS 1.3 in one thread, what another writes may be lost.
    """
    context = ssl.create_default_context(cafile=str(ca))
    if threads:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout), server_hostname=host)


def send(ca, port, data, host="wiki.localhost"):
    """Send bytes, and return all that comes back till the end or half a second of silence after an answer."""
    with tls(ca, port, host) as connection:
        connection.sendall(data)
        answer = b""
        connection.settimeout(5)
        try:
            while chunk := connection.recv(65536):
                answer += chunk
                connection.settimeout(0.5)
        except TimeoutError:
            pass
        return answer


class Http2:
    """One HTTP/2 connection that sends header lists as they are given."""

    def __init__(self, ca, port, host="wiki.localhost"):
        self.sock = tls(ca, port, host, alpn=("h2",))
        assert self.sock.selected_alpn_protocol() == "h2"
        config = h2.config.H2Configuration(
            validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding="utf-8"
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self._flush()
        self.answers = {}

    def ask(self, headers, body=None):
        """Send one request; return its stream."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers, end_stream=body is None)
        self._flush()
        if body is not None:
            self.h2.send_data(stream, body, end_stream=True)
            self._flush()
        return stream

    def ask_more(self, headers):
        """Begin a request whose body is still to come; return its stream."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers)
        self._flush()
        return stream

    def send(self, stream, data):
        """Send a piece of a body, unless nobody wants it any more."""
        try:
            while self.h2.local_flow_control_window(stream) < len(data):
                self._read()
            self.h2.send_data(stream, data)
        except h2.exceptions.StreamClosedError:
            return
        self._flush()

    def answer(self, stream):
        """(status, body) of a stream; status None where it was reset."""
        while True:
            found = self.answers.get(stream)
            if found and found[2]:
                return found[0], found[1]
            if not self._read():
                return None, b""

    def _read(self):
        data = self.sock.recv(65536)
        self.take(data)
        return data

    def take(self, data):
        """Take what came."""
        for event in self.h2.receive_data(data):
            self._take(event)
        self._flush()

    def _take(self, event):
        stream = getattr(event, "stream_id", None)
        status, body, ended = self.answers.get(stream, (None, b"", False))
        if isinstance(event, h2.events.ResponseReceived):
            status = int(dict(event.headers)[":status"])
        elif isinstance(event, h2.events.DataReceived):
            body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.StreamEnded):
            ended = True
        elif isinstance(event, h2.events.StreamReset) and not ended:  # a whole answer stands (RFC 9113 section 8.1)
            status, ended = None, True
        self.answers[stream] = (status, body, ended)

    def _flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def close(self):
        self.sock.close()
