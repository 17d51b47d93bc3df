"""What changed between two configurations, for people to read: the audit trail beside the digests. Pure.

::

    what config, digest ..., count 2, changes [[meters.kiln-m.ct, 40, 60], [profiles.dlt645-2007-3p, ...]]

Both sides are the canonical texts, so a moved table or a comment is no change. Long values are cut, many
changes counted: the digests bind them all the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

MOST: Final = 40  # changes named in one record
LONGEST: Final = 80  # characters of one value


def config_change(before: str | None, old_digest: str, after: str) -> dict[str, object]:
    """The fields of the ``audit`` record that goes with a ``config`` record. ``before``: the text that should
    have the digest that the chain names; another one, or none, explains nothing and is not used: then
    ``before`` says so."""
    digest = _digest(after)
    if before is None or _digest(before) != old_digest:
        return {"what": "config", "digest": digest, "before": "unknown"}
    old, new = (dict(_flat(json.loads(text), "")) for text in (before, after))
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    changes = [[name, _shown(old.get(name)), _shown(new.get(name))] for name in names[:MOST]]
    return {"what": "config", "digest": digest, "count": len(names), "changes": changes}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every leaf with its path; tables of a list are named by their id."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and all(isinstance(part, Mapping) and "id" in part for part in value):
        for part in value:
            yield from _flat(part, f"{path}.{part['id']}")
    else:
        yield path.removeprefix("config."), json.dumps(value, ensure_ascii=False)


def _shown(text: str | None) -> str:
    """A value as it stands in the file; "-" where there is none."""
    if text is None:
        return "-"
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
