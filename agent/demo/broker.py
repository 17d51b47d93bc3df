"""A mosquitto of our own on the loopback: its configuration and access list as text.

::

    box  --mTLS, name = certificate's CN-->  broker  <--mTLS--  platform
         writes sb/1/<CN>/up/#                       reads sb/1/+/up/#
         reads  sb/1/<CN>/dn/#                       writes sb/1/+/dn/#

The certificate names the box, never the client id (facts: MQTT practice). Starts nothing itself.
"""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from agent.demo.pki import Authority

_PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"  # not on an ordinary user's PATH in Debian


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """Where it listens and what it reads, paths absolute. ``user``: what a broker started as root becomes."""

    folder: Path
    port: int
    ca: Path
    cert: Path
    key: Path
    user: str | None = None


def config_text(plan: BrokerPlan) -> str:
    """``mosquitto.conf``: mutual TLS, access list, persistence in the folder, sizes limited."""
    lines = [
        f"listener {plan.port} 127.0.0.1",
        f"cafile {plan.ca}",
        f"certfile {plan.cert}",
        f"keyfile {plan.key}",
        "tls_version tlsv1.2",
        "require_certificate true",
        "use_identity_as_username true",
        "allow_anonymous false",
        f"acl_file {plan.folder / 'acl'}",
        "persistence true",
        f"persistence_location {plan.folder}/",
        "autosave_interval 1",
        "autosave_on_changes true",
        "max_packet_size 2097152",
        "max_inflight_messages 20",
        "max_queued_messages 10000",
        "log_dest stderr",
    ]
    if plan.user is not None:
        lines.append(f"user {plan.user}")
    return "\n".join(lines) + "\n"


def acl_text(platform: str) -> str:
    """The access list: each box its own branch, ``platform`` (a certificate's CN) all of them."""
    return (
        "pattern write sb/1/%u/up/#\n"
        "pattern read sb/1/%u/dn/#\n"
        "\n"
        f"user {platform}\n"
        "topic read sb/1/+/up/#\n"
        "topic write sb/1/+/dn/#\n"
    )


def write(plan: BrokerPlan, platform: str) -> Path:
    """Write both files into the folder; gives the path of ``mosquitto.conf``."""
    access = plan.folder / "acl"
    access.write_text(acl_text(platform))
    access.chmod(0o600)
    config = plan.folder / "mosquitto.conf"
    config.write_text(config_text(plan))
    return config


def broker_config(folder: Path, port: int, authority: Authority, platform: str = "platform") -> str:
    """The configuration of a broker whose pair is ``broker.crt`` and ``broker.key`` in its folder; writes the
    access list that it names beside them."""
    user = "root" if os.geteuid() == 0 else None  # else it drops to mosquitto, which cannot read the folder
    plan = BrokerPlan(folder, port, authority.certificate, folder / "broker.crt", folder / "broker.key", user)
    write(plan, platform)
    return config_text(plan)


def find_mosquitto() -> Path | None:
    """The broker's program, or None where it is not installed."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=_PLACES)
    return None if found is None else Path(found)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
