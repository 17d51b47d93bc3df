"""One receiver process on one broker: hear, store, acknowledge, give receipts.

::

    broker --sb/1/+/up/#--> arrivals --one transaction--> store --commit--> PUBACK
                            <--sb/1/<box>/dn/receipt-- receipts that are due

Nothing is acknowledged and no receipt is given before the store's commit is durable.
A lost connection is no error: it is said once, and tried again after 1, 2, 4 ... 30 s.
"""

from __future__ import annotations

import signal
import ssl
import threading
from dataclasses import dataclass
from types import FrameType
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from buffer.wire import MAX_MESSAGE
from receiver import clock
from receiver.config import Config
from receiver.core import Arrival, Core
from receiver.errors import ReceiverError
from receiver.keys import Registry, open_key
from receiver.log import Log
from receiver.store import Store

BATCH: Final = 100  # messages of one transaction
HEAR_S: Final = 0.1
KEEPALIVE_S: Final = 30
MOST_WAITING: Final = 1_000  # receipts that the broker has not taken; a lost one is given again
RETRY_MAX_S: Final = 30
SESSION_S: Final = 24 * 3600  # so long the broker keeps messages for a receiver that is away
TOPICS: Final = "sb/1/+/up/#"


@dataclass(frozen=True, slots=True)
class _Heard:
    arrival: Arrival
    mid: int
    qos: int


class Service:
    """One run. ``run`` returns when ``stop`` is set."""

    def __init__(self, config: Config, log: Log, stop: threading.Event) -> None:
        self._config = config
        self._log = log
        self._stop = stop
        self._heard: list[_Heard] = []
        self._greet = False
        self._store = Store(config.store)
        signer = open_key(config.key, config.authority)
        self._core = Core(self._store, Registry(config.boxes), signer, log.warn, config.headers_only)
        self._client = self._make_client()

    def run(self) -> None:
        """Serve until told to stop."""
        broker = self._config.broker
        self._log.info("SBX-RCV-001", authority=self._config.authority, host=broker.host, port=broker.port)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it so
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = BATCH
        properties.MaximumPacketSize = MAX_MESSAGE + 1024
        self._client.connect_async(
            broker.host, broker.port, KEEPALIVE_S, clean_start=False, properties=properties
        )
        pause_s = 1
        while not self._stop.is_set():
            if self._connect():
                pause_s = 1 if self._serve() else pause_s
            if self._stop.wait(pause_s):
                break
            pause_s = min(pause_s * 2, RETRY_MAX_S)
        self._client.disconnect()
        self._store.close()

    def _make_client(self) -> mqtt.Client:
        broker, name = self._config.broker, f"receiver-{self._config.authority}"
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5, manual_ack=True
        )
        try:
            context = ssl.create_default_context(cafile=broker.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(broker.cert, broker.key)
        except (OSError, ValueError) as error:
            raise ReceiverError("SBX-RCV-006", 78, reason=error) from error
        client.tls_set_context(context)
        client.max_queued_messages_set(MOST_WAITING)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _connect(self) -> bool:
        try:
            self._client.reconnect()
        except (OSError, ValueError) as error:
            broker = self._config.broker
            self._log.warn("SBX-RCV-002", {"host": broker.host, "reason": str(error)})
            return False
        return True

    def _serve(self) -> bool:
        """Until the connection or the run is over; whether there was any."""
        served = False
        while not self._stop.is_set():
            code = self._client.loop(HEAR_S)
            while code == mqtt.MQTT_ERR_SUCCESS and 0 < len(self._heard) < BATCH:
                before = len(self._heard)
                code = self._client.loop(0)
                if len(self._heard) == before:
                    break
            served |= self._greet
            self._store_all()
            if code != mqtt.MQTT_ERR_SUCCESS:
                reason = mqtt.error_string(code)
                self._log.warn("SBX-RCV-002", {"host": self._config.broker.host, "reason": reason})
                break
        return served

    def _store_all(self) -> None:
        if self._heard or self._greet:
            self._store.begin()
            now_ms = clock.utc_ms()
            for one in self._heard:
                self._core.take(one.arrival, now_ms)
            if self._greet:
                self._core.greet()
            self._store.commit()
            for one in self._heard:
                self._client.ack(one.mid, one.qos)
            self._heard, self._greet = [], False
        if self._core.owing and self._client.is_connected():
            for topic, note in self._core.receipts(clock.utc_ms(), clock.mono_ms()):
                self._client.publish(topic, note, qos=1)

    def _on_connect(self, _c: object, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        if reason.is_failure:
            self._log.warn("SBX-RCV-002", {"host": self._config.broker.host, "reason": str(reason)})
            return
        share = self._config.broker.share
        self._client.subscribe(f"$share/{share}/{TOPICS}" if share else TOPICS, qos=1)

    def _on_subscribe(self, _c: object, _u: object, _m: int, reasons: list[ReasonCode], _p: object) -> None:
        broker = self._config.broker
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._log.warn("SBX-RCV-002", {"host": broker.host, "reason": refused[0]})
            return
        self._greet = True
        self._log.info("SBX-RCV-008", host=broker.host, port=broker.port)

    def _on_message(self, _c: object, _u: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # no topic of ours: refused and counted
        arrival = Arrival(topic, bytes(message.payload), message.retain)
        self._heard.append(_Heard(arrival, message.mid, message.qos))


def serve(config: Config, log: Log) -> int:
    """Run until SIGTERM or SIGINT; exit status 0."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    Service(config, log, stop).run()
    return 0
