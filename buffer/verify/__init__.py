"""The verifier: what a stretch of the journal proves, and where it stops proving it. Pure and streaming."""

from buffer.verify.bodies import Recompute
from buffer.verify.judge import verify
from buffer.verify.report import BlockData, Finding, Report, Verdict, Wrong

__all__ = ["BlockData", "Finding", "Recompute", "Report", "Verdict", "Wrong", "verify"]
