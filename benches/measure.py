"""Runs one program to its end and measures it: wall time, and CPU time of it and of all that it waited for."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A side did not do the work."""


@dataclass(frozen=True)
class Run:
    """One run: seconds, what it wrote, and the most memory that it or one of its children had, in bytes."""

    wall: float
    cpu: float
    output: str
    peak: int = 0


def run(command: list[str], folder: Path, variables: dict[str, str]) -> Run:
    """Runs `command` in `folder`. Its output goes to a file, so that no reader takes part in the time."""
    said = folder / "output.txt"
    with said.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    text = said.read_text(errors="replace")
    if process.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}:\n{text[-3000:]}")
    return Run(wall, used.ru_utime + used.ru_stime, text, used.ru_maxrss * 1024)


@dataclass(frozen=True)
class Ratio:
    """One line of the result: a quotient of each pair, and what it has to be."""

    name: str
    ours: list[float]
    theirs: list[float]
    values: list[float]
    target: str = "–"
    held: str = "–"

    def line(self) -> str:
        """The line as a row of a Markdown table."""
        spread = f"{statistics.median(self.values):.2f} ({min(self.values):.2f}–{max(self.values):.2f})"
        ours, theirs = (f"{statistics.median(side) * 1000:,.1f}" for side in (self.ours, self.theirs))
        return f"| {self.name} | {ours} | {theirs} | {spread} | {self.target} | {self.held} | {len(self.values)} |"


def faster(name: str, ours: list[float], theirs: list[float], at_least: float | None = None) -> Ratio:
    """How many times longer they take."""
    values = [b / a for a, b in zip(ours, theirs, strict=True)]
    if at_least is None:
        return Ratio(name, ours, theirs, values)
    held = "yes" if statistics.median(values) >= at_least else "**no**"
    return Ratio(name, ours, theirs, values, f"≥ {at_least:g}", held)


def cost(name: str, ours: list[float], theirs: list[float], at_most: float | None = None) -> Ratio:
    """How many times longer we take."""
    values = [a / b for a, b in zip(ours, theirs, strict=True)]
    if at_most is None:
        return Ratio(name, ours, theirs, values)
    held = "yes" if statistics.median(values) <= at_most else "**no**"
    return Ratio(name, ours, theirs, values, f"≤ {at_most:g}", held)


HEADING = (
    "| what | ours (ms) | theirs (ms) | ratio: median (min–max) | target | held | pairs |\n"
    "| --- | ---: | ---: | ---: | ---: | --- | ---: |"
)
