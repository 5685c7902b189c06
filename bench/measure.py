"""Runs one program on given cores and says what it took: wall and CPU seconds, peak memory, what it printed."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field


@dataclass
class Run:
    """One run: seconds, and bytes of peak resident memory."""

    wall: float
    cpu: float
    peak: int
    output: str


@dataclass
class Case:
    """All runs of one program; `rows` is what each of them wrote."""

    name: str
    runs: list[Run] = field(default_factory=list)
    rows: int = 0

    def fastest(self) -> Run:
        """The run that others on the machine disturbed least: they only ever add to what a program takes. On a guest
        of a busy host the median of a dozen runs moved by a sixth from one benchmark to the next, this by a
        twenty-fifth."""
        return min(self.runs, key=lambda run: run.wall)

    def median(self) -> float:
        """Wall seconds."""
        return statistics.median(run.wall for run in self.runs)

    def rate(self) -> float:
        """Events a second."""
        return self.rows / self.fastest().wall

    def times_faster(self, other: "Case") -> float:
        """By how much this program is faster than another, both undisturbed."""
        return other.fastest().wall / self.fastest().wall

    def times_faster_by_rounds(self, other: "Case") -> float:
        """The same from runs of the same round, disturbed as they are: the median over the rounds."""
        return statistics.median(theirs.wall / mine.wall for mine, theirs in zip(self.runs, other.runs, strict=True))

    def peak(self) -> int:
        return max(run.peak for run in self.runs)


WARM = "b'1' * (1 << 30)"
"""More memory than a program takes here. A guest gives memory that is free back to its host, and the next program pays
for getting it again: up to a fifth of its time, depending on what ran before."""


def warm(cores: str) -> None:
    """Lets another process take memory and free it, so that the next one finds it there."""
    subprocess.run(["taskset", "-c", cores, sys.executable, "-c", WARM], check=True)


def run(command: list[str], cores: str) -> Run:
    """Runs a command pinned to cores; a failure ends the benchmark with what the command said.

    Peak memory is the kernel's own count for the process (wait4). It starts from what this process holds at the
    fork, so nothing large may be imported here.
    """
    # What others have written and not synced would be written during this run, or by its own syncs.
    os.sync()
    warm(cores)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(["taskset", "-c", cores, *command], stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{texts[0]}{texts[1]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, texts[0])
