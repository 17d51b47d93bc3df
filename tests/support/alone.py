"""The second verifier as a lawyer runs it: a copied file, a Python without the project, a file of evidence.

::

    path = evidence_file(folder, blocks, identity, receipts)      as a forger writes it: anything goes
    told = alone(path, identity, authorities)                     Told(exit=65, kind="fork", ...)

``write_bundle`` refuses most of what an attack needs, so the zip is written here, its members in the fixed
order and named by their places.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from buffer.note import VerifierKey
from buffer.verify import BlockData
from buffer.verify.alone import main

OPENSSL = shutil.which("openssl") is not None
SOURCE = resources.files("buffer.verify").joinpath("alone.py").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Told:
    """What it said; ``processes``: how often openssl was started."""

    exit: int
    kind: str | None
    first_wrong: int | None
    kinds: tuple[str, ...]
    verdicts: dict[str, str]
    processes: int


def evidence_file(
    path: Path,
    blocks: Iterable[BlockData],
    identity: VerifierKey,
    receipts: Sequence[bytes] = (),
    handovers: Sequence[bytes] = (),
) -> Path:
    """A file of these members, whatever they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.txt", "made by a test")
        archive.writestr("identity.vkey", f"{identity}\n")
        for number, receipt in enumerate(receipts, 1):
            archive.writestr(f"receipts/{number:04}.note", receipt)
        for number, handover in enumerate(handovers, 1):
            archive.writestr(f"handover/{number:04}.note", handover)
        count = 0
        for block in blocks:
            for ending, data in (("note", block.note), ("rows", block.body), ("raw", block.raw)):
                if data is not None:
                    archive.writestr(f"blocks/{count:016}.{ending}", data)
            count += 1
        archive.writestr("end", f"sitebox/bundle/v1\nblocks {count}\n")
    return path


def words(path: Path, identity: VerifierKey | None, authorities: Sequence[VerifierKey]) -> list[str]:
    """Its command line."""
    key = [] if identity is None else ["--key", str(identity)]
    return [str(path), *key, *(word for one in authorities for word in ("--authority", str(one)))]


def alone(
    path: Path,
    identity: VerifierKey | None,
    authorities: Sequence[VerifierKey] = (),
    *,
    quick: bool = False,
) -> Told:
    """In this process, which saves a start of Python; openssl is started as ever. No garbage is collected
    meanwhile: what other tests left behind may only be closed by their own thread."""
    said = io.StringIO()
    gc.disable()
    try:
        with contextlib.redirect_stdout(said):
            code = main([*words(path, identity, authorities), "--json", *["--quick"] * quick])
    finally:
        gc.enable()
    return _told(code, said.getvalue())


def alone_elsewhere(
    path: Path, identity: VerifierKey | None, authorities: Sequence[VerifierKey] = ()
) -> Told:
    """In a process of its own, isolated from the project and from installed packages."""
    script = path.with_name("verify_sitebox.py")
    script.write_text(SOURCE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script), *words(path, identity, authorities), "--json"],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "", done.stderr
    return _told(done.returncode, done.stdout)


def _told(code: int, text: str) -> Told:
    said = json.loads(text)
    assert said["exit"] == code
    return Told(
        code,
        said["kind"],
        said["first_wrong"],
        tuple(said["kinds"]),
        said["verdicts"],
        said["processes"],
    )
