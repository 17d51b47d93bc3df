"""The errors of the receiver: one root, told apart by who acts on them."""

from __future__ import annotations


class ReceiverError(Exception):
    """Something an operator can mend. ``main`` catches it, prints its message, exits with ``status``."""

    def __init__(self, code: str, status: int = 69, **args: object) -> None:
        super().__init__(code, args)
        self.code = code
        self.status = status
        self.args_ = {name: str(value) for name, value in args.items()}


class RefusedError(ReceiverError):
    """A message that is not stored. The core catches it, counts and logs it, and goes on with the next."""
