"""h2's connection with windows of our size: what is not worked on fills them, and what waits to be sent is counted."""

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

import h2.connection
from h2.exceptions import StreamClosedError
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame, GoAwayFrame, SettingsFrame, WindowUpdateFrame
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection, SendH2Data

from glassgate.config.limits import Limits

PIECE = 16 * 1024  # bytes: of a frame, and those that h2 is given at once, since it copies the rest at each frame
WORTH_IT = 1024  # bytes by which clients that read let a window grow at least
TABLE = 4096  # bytes of headers that are remembered for the other end, however many it would remember (RFC 7541 4.2)


class Waiting(deque[SendH2Data]):
    """What of one answer waits for the client's window, and how many bytes that is."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def append(self, item: SendH2Data) -> None:
        """Add at the end."""
        self.size += len(item.data)
        super().append(item)

    def appendleft(self, item: SendH2Data) -> None:
        """Put back what was not sent."""
        self.size += len(item.data)
        super().appendleft(item)

    def popleft(self) -> SendH2Data:
        """Take the first."""
        item = super().popleft()
        self.size -= len(item.data)
        return item


class Bounded(BufferedH2Connection):
    """An HTTP/2 connection whose windows and frames have our sizes."""

    def __init__(self, config: Any, limits: Limits) -> None:
        super().__init__(config)
        self._connection_window = limits.connection_window
        self.local_settings.update(
            {
                SettingCodes.INITIAL_WINDOW_SIZE: limits.stream_window,
                SettingCodes.MAX_FRAME_SIZE: PIECE,
                SettingCodes.MAX_CONCURRENT_STREAMS: limits.streams,
                SettingCodes.MAX_HEADER_LIST_SIZE: limits.head,
            }
        )
        self.local_settings.acknowledge()
        self.max_inbound_frame_size = PIECE
        self.decoder.max_header_list_size = limits.head
        self.stream_buffers: defaultdict[int, deque[SendH2Data]] = defaultdict(Waiting)

    def initiate_connection(self) -> None:
        """Say our settings, and the window of the whole connection."""
        h2.connection.H2Connection.initiate_connection(self)
        more = self._connection_window - self.inbound_flow_control_window
        if more > 0:
            self.increment_flow_control_window(more)

    def _receive_settings_frame(self, frame: SettingsFrame) -> tuple[list[Any], list[Any]]:
        # h2 would keep each setting that it does not know, and fill a table of any size, all of which is looked through
        # for each header.
        known = {code: value for code, value in frame.settings.items() if code in SettingCodes}
        if SettingCodes.HEADER_TABLE_SIZE in known:
            known[SettingCodes.HEADER_TABLE_SIZE] = min(known[SettingCodes.HEADER_TABLE_SIZE], TABLE)
        frame.settings = known
        return super()._receive_settings_frame(frame)

    def end_stream(self, stream_id: int) -> None:
        """End an answer, once: an early one is ended again with its request, and may still wait then."""
        waiting = self.stream_buffers.get(stream_id)
        if not waiting or not waiting[-1].end_stream:
            super().end_stream(stream_id)

    def stream_window_updated(self, stream_id: int) -> bool:
        """Send what may be sent now. The end alone needs no window (RFC 9113 section 6.9.1): mitmproxy has it wait."""
        sent = super().stream_window_updated(stream_id)
        waiting = self.stream_buffers.get(stream_id)
        if not waiting or any(one.data for one in waiting):
            return sent
        del self.stream_buffers[stream_id]
        trailers = self.stream_trailers.pop(stream_id, None)
        if trailers:
            self.send_headers(stream_id, trailers, end_stream=True)
        else:
            self.send_data(stream_id, b"", end_stream=any(one.end_stream for one in waiting))
        return True

    @property
    def unsent(self) -> int:
        """Bytes of all answers that wait for the client's window."""
        return sum(waiting.size for waiting in self.stream_buffers.values() if isinstance(waiting, Waiting))

    @property
    def half_read(self) -> bool:
        """Whether a part of a frame, or of a head, is here."""
        return bool(self.incoming_buffer._data or self.incoming_buffer._headers_buffer)

    @property
    def head_so_far(self) -> int:
        """Bytes of a head whose CONTINUATION frames are still to come."""
        return sum(len(frame.data) for frame in self.incoming_buffer._headers_buffer)

    @property
    def is_closed(self) -> bool:
        """Whether GOAWAY was said, by us or by h2."""
        return self.state_machine.state is h2.connection.ConnectionState.CLOSED


@dataclass
class Idle:
    """A frame with which nothing goes on."""


class ToClient(Bounded):
    """An HTTP/2 connection to a client: frames that h2 passes over are told, so that they can be counted."""

    # Of so many streams it is known how they ended, for frames that come late: no client ends more within a round trip.
    # h2 would keep 65,536, as it does towards an origin, which may answer long after nobody wants it any more.
    MAX_CLOSED_STREAMS = 1024

    def _receive_window_update_frame(self, frame: WindowUpdateFrame) -> tuple[list[Any], list[Any]]:
        said, found = super()._receive_window_update_frame(frame)
        return said, [*found, Idle()] if frame.window_increment < WORTH_IT else found

    def _handle_data_on_closed_stream(
        self, events: list[Any], exc: StreamClosedError, frame: DataFrame
    ) -> tuple[list[Any], list[Any]]:
        # A client may be told too late that nobody wants its body any more; it cannot go on for ever.
        said, found = super()._handle_data_on_closed_stream(events, exc, frame)
        return said, [*found, Idle()]


@dataclass
class Leaving:
    """The other end takes no more requests (RFC 9113 section 6.8)."""

    last_stream_id: int  # of those that it answers


class ToServer(Bounded):
    """An HTTP/2 connection to an origin: it pushes nothing, and what is under way is answered when it is leaving."""

    def __init__(self, config: Any, limits: Limits) -> None:
        super().__init__(config, limits)
        self.local_settings.enable_push = 0
        self.local_settings.acknowledge()

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Any], list[Any]]:
        # h2 would read nothing more, and the answers that the origin still sends would be lost.
        return [], [Leaving(frame.last_stream_id)]
