"""Certificates good and bad, all made by ``agent.demo.pki``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.demo.pki import Pair, Validity, issue, lasting, make_ca

HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Files:
    """Paths of one party's files."""

    ca: Path
    cert: Path
    key: Path


class Pki:
    """One authority in a folder, around a given present."""

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.now = datetime.now(UTC) if now is None else now
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = make_ca("test CA", Validity(self.now - timedelta(days=900), self.now + timedelta(days=900)))
        self.ca_file = folder / "ca.crt"
        self.ca_file.write_bytes(self.ca.certificate_pem)

    def client(self, name: str, validity: Validity | None = None) -> Files:
        return self._write(issue(self.ca, name, validity or lasting(self.now)), name)

    def server(
        self, stem: str = "server", validity: Validity | None = None, hosts: tuple[str, ...] = HOSTS
    ) -> Files:
        return self._write(issue(self.ca, "broker", validity or lasting(self.now), hosts), stem)

    def expired(self) -> Validity:
        return Validity(self.now - timedelta(days=60), self.now - timedelta(days=1))

    def not_yet_valid(self) -> Validity:
        return Validity(self.now + timedelta(days=1), self.now + timedelta(days=60))

    def _write(self, pair: Pair, stem: str) -> Files:
        return Files(self.ca_file, *pair.write(self.folder, stem))
