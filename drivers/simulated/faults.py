"""How a simulated meter misbehaves on the line: late, cut, doubled, flipped or noisy replies.

Pure but for the random numbers it is given; equal seeds spoil equal replies.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

PERMILLES = ("flip", "noise", "drop", "cut", "double")


@dataclass(slots=True)
class Faults:
    """Switches of one meter; set by the control thread, read by its bus thread. Permilles are per reply."""

    unplugged: bool = False
    late_ms: int = 0
    late_left: int = -1  # replies still to be late; -1: all
    flip: int = 0  # one bit of one byte
    noise: int = 0  # one to four bytes before the reply
    drop: int = 0
    cut: int = 0  # ends too early
    double: int = 0  # sent twice

    def lateness_ms(self) -> int:
        """Extra delay of the next reply; counts it."""
        if not self.late_ms or self.late_left == 0:
            return 0
        self.late_left -= self.late_left > 0
        return self.late_ms


def spoil(frame: bytes, faults: Faults, rng: random.Random) -> tuple[bytes, tuple[str, ...]]:
    """The bytes that really go out, perhaps none, and the names of what was done to them."""
    done = tuple(name for name in PERMILLES if rng.randrange(1000) < getattr(faults, name))
    for name in done:
        frame = _spoilt(name, frame, rng)
    return frame, done


def _spoilt(name: str, frame: bytes, rng: random.Random) -> bytes:
    if name == "drop" or not frame:
        return b""
    if name == "flip":
        at = rng.randrange(len(frame))
        return frame[:at] + bytes((frame[at] ^ 1 << rng.randrange(8),)) + frame[at + 1 :]
    if name == "noise":
        return rng.randbytes(rng.randint(1, 4)) + frame
    if name == "cut":
        return frame[: rng.randrange(len(frame))]
    return frame + frame
