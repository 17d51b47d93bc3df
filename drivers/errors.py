"""The error root of the drivers: wrong use of the code or of a port, never anything a meter sent.

What a meter sends, however broken, is a `Quality` of a sample (drivers/samples.py), not an exception.
"""

from __future__ import annotations


class DriverError(Exception):
    """Root of all errors raised under ``drivers/``.

    Port errors are caught by the bus, which closes the port and opens it again; any other one is a
    mistake in the program or in a profile, is caught by nobody, and ends the process with its text.
    """
