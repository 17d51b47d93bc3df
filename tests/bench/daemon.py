"""What the daemon costs: memory and CPU with four meters and two TLS uplinks; how fast verbs start.

./run bench daemon
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agent.demo.stage import Stage

SECONDS = 30
TICKS = os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    """Resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise ValueError(pid)


def cpu_s(pid: int) -> float:
    """CPU time so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def daemon(stage: Stage) -> list[tuple[str, str]]:
    """Start everything, let it settle, measure a while."""
    stage.start_plant()
    for name in ("city", "county"):
        stage.start_broker(name)
        stage.start_receiver(name)
    stage.start_daemon()
    stage.wait_for(lambda: stage.look.confirmed("county") >= 2, 60)
    pid = stage.processes.pid("daemon")
    rss, cpu, head = memory_mib(pid), cpu_s(pid), stage.look.head()
    records = int((stage.look.status() or {"journal": {"records": 0}})["journal"]["records"])
    time.sleep(SECONDS)
    after = int((stage.look.status() or {"journal": {"records": 0}})["journal"]["records"])
    spent = cpu_s(pid) - cpu
    return [
        ("resident memory, MiB", f"{rss:.1f} -> {memory_mib(pid):.1f} after {SECONDS} s"),
        ("CPU, % of one core", f"{100 * spent / SECONDS:.2f}"),
        ("CPU, ms per record", f"{1000 * spent / max(1, after - records):.1f}"),
        ("blocks sealed and sent", str(stage.look.head() - head)),
    ]


def verbs(stage: Stage) -> list[tuple[str, str]]:
    """Median of five starts."""
    rows = []
    for verb in ("version", "status", "journal"):
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            subprocess.run([str(stage.folder / "sitebox"), verb], capture_output=True, check=False)
            times.append(time.perf_counter() - begin)
        rows.append((f"sitebox {verb}, s", f"{statistics.median(times):.2f}"))
    return rows


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), "en", ("city", "county"), seed=1)
        try:
            for name, figure in [*daemon(stage), *verbs(stage)]:
                print(f"{name:<28}{figure}")
        finally:
            stage.close()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
