"""Whose journal this is: the identities whose signatures count, from the best witness there is.

::

    --key  >  the first block  >  the seed in the folder of keys (its public half)
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from agent.errors import AgentError
from agent.offline import open_reader
from agent.paths import Paths
from buffer.block import decode_header
from buffer.errors import FormatError, StoreDamaged
from buffer.fs import DISK
from buffer.handover import lineage, opened
from buffer.keyfile import IDENTITY, read
from buffer.note import Ed25519Signer, VerifierKey, decode
from buffer.reader import handovers


def key_of(word: str) -> VerifierKey:
    """A verifier key, or that in the file of this name. AgentError SBX-VFY-901."""
    try:
        text = Path(word).read_text().strip() if Path(word).is_file() else word
        return VerifierKey.parse(text)
    except (OSError, FormatError) as error:
        raise AgentError("SBX-VFY-901", 64, key=word) from error


def identities(paths: Paths, given: str | None) -> tuple[VerifierKey, ...]:
    """Every identity of the box, oldest first. AgentError SBX-JNL-931 where nobody here knows one."""
    known = key_of(given) if given is not None else _of_genesis(paths) or _of_seed(paths)
    if known is None:
        raise AgentError("SBX-JNL-931", 66, path=paths.journal)
    return lineage(known, opened(handovers(paths.journal)))


def _of_genesis(paths: Paths) -> VerifierKey | None:
    try:
        with closing(open_reader(paths)) as reader:
            genesis = next(reader.blocks(0, 0))
        return decode_header(decode(genesis.note).text).identity
    except (StoreDamaged, FormatError):
        return None


def _of_seed(paths: Paths) -> VerifierKey | None:
    try:
        found = read(DISK, paths.keys / IDENTITY)
    except OSError:
        return None
    return None if found is None else Ed25519Signer(*found).verifier
