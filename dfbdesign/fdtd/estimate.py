"""Time and memory of runs before they start, and what is too much for this computer.

The time of a run is its pixels times its steps; how long one of them takes is remembered from
earlier runs of the same kind.
"""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dfbdesign.errors import InputError
from dfbdesign.fdtd.interpreter import Meep
from dfbdesign.fdtd.store import Job, cache_folder
from dfbdesign.files import writing

RANKS = "DFBDESIGN_MEEP_RANKS"
"""Environment variable that says how many cores the runs started here may use."""
PIXELS_PER_RANK = 10_000
"""Smaller shares cost more in messages than they save."""
START = 1.5
"""For MEEP to come up [s]."""
PER_PIXEL_STEP = 1.5e-8
"""Time of one step of one pixel on one core, before anything else is known [s]."""
SHARED = 0.85
"""What a core does for a shared run, over what it does alone."""
BYTES_PER_PIXEL, BYTES_PER_RANK = 150, 120_000_000
MOST_MEMORY = 0.8
"""Share of the memory that is free."""
LONGEST = 3600.0
"""Runs that take longer are refused [s]."""


@dataclass(frozen=True)
class Estimate:
    """What a number of runs needs."""

    runs: int
    cores: int
    seconds: float
    memory: float
    """Of those that run at the same time, at most [bytes]."""

    def __str__(self) -> str:
        runs = "1 run" if self.runs == 1 else f"{self.runs} runs"
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{runs}, about {duration(self.seconds)} on {cores} and {self.memory / 1e9:.1f} GB"


def cores() -> int:
    """Cores this process may use, or as many as `DFBDESIGN_MEEP_RANKS` says."""
    told = os.environ.get(RANKS)
    if told is not None:
        if not (told.isdecimal() and int(told) > 0):
            raise InputError(f'{RANKS} must be a positive whole number, got "{told}".')
        return int(told)
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def mpirun(meep: Meep) -> str | None:
    """The program that starts MPI processes, of the same environment if there is one."""
    beside = Path(meep.interpreter).parent / "mpirun"
    found = str(beside) if beside.exists() else shutil.which("mpirun")
    return found if meep.mpi else None


def ranks(job: Job, meep: Meep) -> int:
    """MPI processes that share a run."""
    return max(1, min(cores(), job.size // PIXELS_PER_RANK)) if mpirun(meep) else 1


def estimate(jobs: Sequence[Job], meep: Meep) -> Estimate:
    """What runs need that are done side by side.

    Args:
        jobs: The runs.
        meep: What runs them.

    Returns:
        Time and memory.
    """
    shares = [ranks(job, meep) for job in jobs]
    alone = [seconds(job, share) for job, share in zip(jobs, shares, strict=True)]
    busy = sum(one * share for one, share in zip(alone, shares, strict=True)) / cores()
    memory = [
        job.size * BYTES_PER_PIXEL + share * BYTES_PER_RANK
        for job, share in zip(jobs, shares, strict=True)
    ]
    at_once = sum(sorted(memory)[-cores() :]) if max(shares, default=1) == 1 else max(memory)
    return Estimate(len(jobs), cores(), max([busy, *alone]), at_once)


def seconds(job: Job, share: int) -> float:
    """Time of one run on a number of cores [s]."""
    each = job.size * job.steps * _rates().get(kind(job), PER_PIXEL_STEP)
    return START + each / (1 if share == 1 else SHARED * share)


def refuse_too_much(expected: Estimate) -> None:
    """Refuse what this computer should not start.

    Args:
        expected: What it needs.

    Raises:
        InputError: If memory or time are above the limits.
    """
    free = _free_memory()
    if expected.memory > MOST_MEMORY * free:
        problem = f"more memory than the {free / 1e9:.1f} GB that are free allow"
    elif expected.seconds > LONGEST:
        problem = f"longer than {duration(LONGEST)}"
    else:
        return
    raise InputError(
        f"MEEP would need {problem}: {expected}. Make the device smaller, write the runs to a "
        "folder for a cluster (--export), or start them all the same (--force)."
    )


def remember(job: Job, share: int, took: float) -> None:
    """Keep how fast a run was; the time of short ones says little.

    Args:
        job: The run.
        share: Its cores.
        took: Its time [s].
    """
    folder = cache_folder()
    if folder is None or took < 4 * START:
        return
    rate = (took - START) * (1 if share == 1 else SHARED * share) / (job.size * job.steps)
    with suppress(InputError), writing(folder / "rates.json") as temporary:
        temporary.write_text(json.dumps(_rates() | {kind(job): rate}), encoding="utf-8")


def kind(job: Job) -> str:
    """What a job simulates."""
    return str(json.loads(job.text()).get("kind", "unit-cell"))


def _rates() -> dict[str, float]:
    """Time per pixel and step, by kind, as remembered [s]."""
    folder = cache_folder()
    with suppress(OSError, ValueError, TypeError, AttributeError):
        if folder is not None:
            content = json.loads((folder / "rates.json").read_text(encoding="utf-8"))
            return {str(name): float(rate) for name, rate in content.items() if 0 < rate < 1}
    return {}


def _free_memory() -> float:
    """Memory that programs can still have [bytes]."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * float(line.split()[1])
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def duration(seconds: float) -> str:
    """A time in words.

    Examples:
        >>> duration(40), duration(400), duration(40_000)
        ('40 s', '7 min', '11 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
