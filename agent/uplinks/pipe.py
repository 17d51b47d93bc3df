"""MQTT 5 over a wire: paho as a codec, run inside the uplink's own thread. Knows no block and no receipt.

::

    turn() --> Connected | Subscribed | Acked | Message ...        LinkError: the connection is over

One pipe is one connection: nothing of it outlives it, so paho re-sends nothing by itself (the outbox does).
Never ``loop_start``, never MessageInfo: "published" there is also true of a refused message.
"""

from __future__ import annotations

import select
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.uplinks import tls
from agent.uplinks.link import MAX_INBOUND, Wire
from agent.uplinks.tls import LinkError

KEEPALIVE_S: Final = 30
SENT_AT_ONCE: Final = 20  # QoS 1 messages that paho may have on the way
_READS: Final = 64  # packets of one turn
_TAKEN_OVER: Final = 142  # MQTT 5, 2.4: session taken over
_KEEPALIVE: Final = 141  # keep alive timeout
_UNSPECIFIED: Final = 128  # paho's word for an end without a reason
_CLOSED: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, BrokenPipeError)


@dataclass(frozen=True, slots=True)
class Connected:
    """CONNACK. ``reason`` as in MQTT 5, 2.4; ``max_packet`` bytes the broker takes, None: any."""

    reason: int
    text: str
    max_packet: int | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """SUBACK, one reason a topic."""

    reasons: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Acked:
    """PUBACK of message ``mid``: 0 taken, 16 taken and nobody subscribes, from 128 on refused."""

    mid: int
    reason: int
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """A PUBLISH from the broker."""

    topic: str
    payload: bytes
    retained: bool


Event = Connected | Subscribed | Acked | Message


class _Client(mqtt.Client):
    """paho on a connection that exists already. ``_create_socket`` is its one place that makes sockets."""

    def __init__(self, wire: Wire, client_id: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        self._wire = wire

    def _create_socket(self) -> Any:
        return self._wire


class Pipe:
    """An MQTT connection. ``will`` is topic and payload of what the broker says when the box is gone."""

    def __init__(self, wire: Wire, host: str, client_id: str, will: tuple[str, bytes]) -> None:
        self._wire = wire
        self._host = host
        self._events: list[Event] = []
        self._lost: ReasonCode | None = None
        self._by_broker = False
        self._client = _Client(wire, client_id)
        self._client.max_inflight_messages_set(SENT_AT_ONCE)
        self._client.will_set(*will, qos=1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it so
        limits.MaximumPacketSize = MAX_INBOUND
        self._client.connect(host, 1, KEEPALIVE_S, clean_start=True, properties=limits)

    def turn(self) -> tuple[Event, ...]:
        """Move bytes both ways without waiting; what was heard. LinkError: it is over."""
        for _ in range(_READS):
            if self._client.socket() is None or not self._readable():
                break
            self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()
        events, self._events = tuple(self._events), []
        if not events and self._client.socket() is None:
            raise self._why()
        return events

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> int:
        """Hand over a message; its id. LinkError when the connection is over."""
        info = self._client.publish(topic, payload, qos)
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            raise self._why()
        return info.mid

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for these topics at QoS 1."""
        self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])

    def close(self, goodbye: tuple[str, bytes] | None = None) -> None:
        """Say goodbye, when there is a connection, and let go of it. The will is not sent after this."""
        if self._client.socket() is not None:
            if goodbye is not None:
                self._client.publish(*goodbye, qos=0)
            self._client.disconnect()
            self._client.loop_write()
        self._client.on_disconnect = None
        self._wire.close()

    def wait(self, ms: int, wake_fd: int) -> None:
        """Let at most so much time pass until there is something to move, or ``wake_fd`` is readable."""
        if self._client.socket() is None or self._wire.pending():
            return
        poll = select.poll()
        poll.register(
            self._wire.fileno(), select.POLLIN | (select.POLLOUT if self._client.want_write() else 0)
        )
        poll.register(wake_fd, select.POLLIN)
        poll.poll(ms)

    def _readable(self) -> bool:
        if self._wire.pending():
            return True
        poll = select.poll()
        poll.register(self._wire.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _why(self) -> LinkError:
        """The coded end: TLS 1.3 brings a refused certificate only with the first read."""
        error = self._wire.error
        if error is not None and not isinstance(error, _CLOSED):
            return tls.explain(error, self._host)
        code = self._lost.value if self._lost is not None else _UNSPECIFIED
        text = str(self._lost) if self._lost is not None else "closed"
        if self._by_broker and code == _TAKEN_OVER:
            return LinkError("SBX-UPL-012", host=self._host)
        if self._by_broker:
            return LinkError("SBX-UPL-010", host=self._host, reason=text)
        if code == _KEEPALIVE:
            return LinkError("SBX-UPL-006", host=self._host)
        if code == _UNSPECIFIED:
            return LinkError("SBX-UPL-007", host=self._host)
        return LinkError("SBX-UPL-005", host=self._host, reason=text)

    def _on_connect(self, _c: object, _u: object, _f: object, reason: ReasonCode, props: Any) -> None:
        limit = getattr(props, "MaximumPacketSize", None)
        self._events.append(Connected(reason.value, str(reason), limit))

    def _on_subscribe(self, _c: object, _u: object, _m: int, reasons: list[ReasonCode], _p: object) -> None:
        self._events.append(Subscribed(tuple(reason.value for reason in reasons)))

    def _on_publish(self, _c: object, _u: object, mid: int, reason: ReasonCode, _p: object) -> None:
        self._events.append(Acked(mid, reason.value, str(reason)))

    def _on_message(self, _c: object, _u: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._events.append(Message(topic, bytes(message.payload), message.retain))

    def _on_disconnect(self, _c: object, _u: object, flags: Any, reason: ReasonCode, _p: object) -> None:
        self._lost = reason
        self._by_broker = flags.is_disconnect_packet_from_server
