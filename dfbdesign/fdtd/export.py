"""Runs as a folder for another computer, and their results brought back.

The folder holds all it takes: one folder per job, the worker, a script that runs them one after the
other, one for a SLURM cluster, and a README. It needs no dfbdesign there, only MEEP.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from dfbdesign.errors import InputError, NotConverged, PhysicsError
from dfbdesign.fdtd import worker
from dfbdesign.fdtd.estimate import (
    BYTES_PER_PIXEL,
    BYTES_PER_RANK,
    PIXELS_PER_RANK,
    duration,
    seconds,
)
from dfbdesign.fdtd.store import IMPORTED, Job, keep, read

MOST_RANKS = 32
"""Of a run on a cluster; more only wait for each other."""
PATIENCE = 5.0
"""Time asked for, over what is expected."""

_README = """\
Runs of MEEP for {title}

{count} runs, together about {total} on one core. What each one simulates stands in its folder
`jobs/NN/job.json` in plain numbers; lengths are in micrometres or pixels. MEEP 1.25 or later with
MPI, and numpy, must be there for the Python that is called (conda-forge: pymeep=*=mpi_openmpi_*).

On a cluster with SLURM, here in this folder:    sbatch slurm.sh
On any other computer:                           sh run.sh

Load MEEP's environment first, or in slurm.sh where it says so. Both can be started again: what has
a result is left out. PYTHON=... before the command names another Python than `python3`, RANKS=...
another number of MPI processes for run.sh, START=mpirun another way to start them than srun. A run
leaves `jobs/NN/result.npz`, complete or not at all; its messages are in `jobs/NN/log.txt`.

Then bring the whole folder back and give it to the command that wrote it (with its new place after
--import, should it have one):

    {back}
"""
_RUN = """\
#!/bin/sh
# Runs everything that has no result yet, one after the other.
cd "$(dirname "$0")" || exit 1
RANKS="${RANKS:-1}"
failed=0
for job in jobs/*/; do
    [ -f "$job/result.npz" ] && continue
    echo "$job"
    if [ "$RANKS" -gt 1 ]; then start="mpirun -n $RANKS"; else start=""; fi
    OMP_NUM_THREADS=1 $start "${PYTHON:-python3}" -I worker/worker.py "$job" "$RANKS" \\
        > "$job/log.txt" 2>&1 < /dev/null || { tail -n 1 "$job/log.txt"; failed=1; }
done
exit $failed
"""
_SLURM = """\
#!/bin/bash
#SBATCH --job-name=dfbdesign
#SBATCH --array=1-{count}
#SBATCH --ntasks={ranks}
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu={memory}M
#SBATCH --time={minutes}
#SBATCH --output=slurm-%A-%a.txt
# Load MEEP's environment here, for example: module load meep, or: conda activate meep
cd "$SLURM_SUBMIT_DIR" || exit 1
job="jobs/$(printf %02d "$SLURM_ARRAY_TASK_ID")"
if [ ! -d "$job" ]; then echo "$PWD holds no $job: submit slurm.sh in its folder" >&2; exit 1; fi
[ -f "$job/result.npz" ] && exit 0
export OMP_NUM_THREADS=1
# Where srun and MEEP belong to different MPIs, submit with: START=mpirun sbatch slurm.sh
${{START:-srun --kill-on-bad-exit=1}} "${{PYTHON:-python3}}" -I worker/worker.py \\
    "$job" "$SLURM_NTASKS" > "$job/log.txt" 2>&1
"""


@dataclass(frozen=True)
class Imported:
    """What came back."""

    kept: int
    """Results that are kept now."""
    missing: tuple[str, ...]
    """Jobs without one, and why."""


def export_jobs(jobs: Sequence[Job], folder: Path, title: str, back: str) -> None:
    """Write runs to a folder for another computer.

    Args:
        jobs: The runs.
        folder: A new or empty folder.
        title: What they are for.
        back: The command that brings the results back.

    Raises:
        InputError: If there is nothing to run, or the folder is not empty or cannot be written.
    """
    if not jobs:
        raise InputError("there is nothing to run: all is known.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty: name a new folder for the runs.")
        (folder / "worker").mkdir()
        for name in ("worker.py", *worker.FILES):
            shutil.copy(Path(worker.__file__).with_name(name), folder / "worker" / name)
        for number, job in enumerate(jobs, start=1):
            (folder / "jobs" / f"{number:02d}").mkdir(parents=True)
            (folder / "jobs" / f"{number:02d}" / "job.json").write_text(job.text(), "utf-8")
        (folder / "manifest.json").write_text(json.dumps({"worker": worker.VERSION}), "utf-8")
        total = duration(sum(seconds(job, 1) for job in jobs))
        readme = _README.format(title=title, count=len(jobs), total=total, back=back)
        (folder / "README.txt").write_text(readme, "utf-8")
        (folder / "run.sh").write_text(_RUN, "utf-8")
        (folder / "slurm.sh").write_text(_slurm(jobs), "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror}.") from error


def _slurm(jobs: Sequence[Job]) -> str:
    ranks = max(1, min(MOST_RANKS, max(job.size for job in jobs) // PIXELS_PER_RANK))
    largest = max(job.size for job in jobs) * BYTES_PER_PIXEL / ranks + BYTES_PER_RANK
    longest = max(seconds(job, ranks) for job in jobs)
    return _SLURM.format(
        count=len(jobs),
        ranks=ranks,
        memory=ceil(2 * largest / 1e6),
        minutes=max(10, ceil(PATIENCE * longest / 60)),
    )


def import_results(folder: Path) -> Imported:
    """Keep the results of an exported folder, as if they had been made here.

    Args:
        folder: What `export_jobs` wrote, after the runs.

    Returns:
        How many results are kept, and which jobs have none that is sound.

    Raises:
        InputError: If it is no such folder, of another version, or nothing can be kept.
    """
    try:
        version = json.loads((folder / "manifest.json").read_text("utf-8"))["worker"]
        names = sorted((folder / "jobs").iterdir())
        texts = [(name / "job.json").read_text("utf-8") for name in names]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is no folder of exported runs ({error}). Name one that --export wrote."
        ) from error
    if version != worker.VERSION:
        raise InputError(
            f"{folder} was written for version {version} of the worker, this is "
            f"{worker.VERSION}: its results are of another method. Export and run again."
        )
    kept, missing = 0, []
    for name, text in zip(names, texts, strict=True):
        try:
            found = read(name / "result.npz")
        except (PhysicsError, NotConverged) as error:
            missing.append(f"{name.name}: {error}")
            continue
        made_by = str(found.arrays.get("meep", "unknown"))
        keep(text, f"{IMPORTED}-{made_by}", name / "result.npz")
        kept += 1
    return Imported(kept, tuple(missing))
