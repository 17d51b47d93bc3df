"""The error root of the agent."""

from __future__ import annotations


class AgentError(Exception):
    """Something a person can mend. The CLI catches it, prints the coded message and exits with ``status``;
    in the daemon the supervisor catches it, prints it as the last line and ends the process."""

    def __init__(self, code: str, status: int = 69, /, **args: object) -> None:
        super().__init__(code, args)
        self.code = code
        self.status = status
        self.args_ = {name: str(value) for name, value in args.items()}
