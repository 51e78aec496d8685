"""Runs inside MEEP's own interpreter: `python -I worker.py FOLDER RANKS`.

Reads `job.json` in the folder and writes `result.npz` there, complete or not at all; `progress`
holds the done fraction meanwhile. The job's kind names the file beside this one that does it. Only
the standard library of Python 3.10, numpy and MEEP may be imported here, and MEEP only by `main`.
"""

import json
import os
import runpy
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

VERSION = "2"
"""Raise it with every change that moves a result: stored results of other versions are not used."""
RECORDERS = {"unit-cell": "cell.py", "guide": "guide.py", "finite": "finite_worker.py"}
"""Files with a function `record` from the module meep, the job and `sampled` to named arrays."""
FILES = (*RECORDERS.values(), "nodes.py", "dispersion.py")
"""All files that must stand beside this one."""
SAMPLES_PER_CYCLE = 8
DIVERGED = 1e100
"""Fields stay far below it however much gain a wave meets on its way out."""
REPORTED = 0.2
"""Time between two notes of the progress [s]."""
FOLDER = threading.Lock()
"""Held by who writes into the job's folder, and for good by who removes it."""


def main(folder: Path, ranks: int, watched: bool) -> None:
    """Do the job of one folder.

    Args:
        folder: Holds `job.json`; gets `result.npz`.
        ranks: How many MPI processes were started.
        watched: Whether to end with the process that started this one.
    """
    import meep as mp

    if mp.count_processors() != ranks:
        sys.exit(
            f"{ranks} processes were started but MEEP sees {mp.count_processors()}: "
            "mpirun belongs to another MPI than MEEP."
        )
    if watched and mp.am_master():
        threading.Thread(target=_end_with_parent, args=[folder], daemon=True).start()
    mp.verbosity(0)
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    recorder = Path(__file__).with_name(RECORDERS[job.get("kind", "unit-cell")])
    found = runpy.run_path(str(recorder))["record"](mp, job, partial(sampled, mp, job, folder))
    if mp.am_master():
        with FOLDER:
            np.savez(folder / "new-result.npz", meep=mp.__version__, **found)
            os.replace(folder / "new-result.npz", folder / "result.npz")


def sampled(
    mp: Any,
    job: dict[str, Any],
    folder: Path,
    sim: Any,
    read: Callable[[], list[float]],
    also: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Step the fields and read signals at equal intervals once the source has died away.

    Args:
        mp: The module meep.
        job: Content of `job.json`; "wait" says how many optical cycles to wait longer.
        folder: Where the progress is written.
        sim: MEEP's simulation, ready to go.
        read: What gives the signals now.
        also: Called with the number of every sample and how many there will be.

    Returns:
        `signals`, shape (signal, time), and their `interval` as a length c·t [µm]. Stops early,
        with the last sample not finite, when the fields diverge.
    """
    fields = sim.fields
    cycle = job["wavelength"] / job["pixel"] / fields.dt  # in steps
    stride = max(1, int(cycle / SAMPLES_PER_CYCLE))
    start = ceil((fields.last_source_time() / fields.dt + job.get("wait", 0) * cycle) / stride)
    samples = ceil(job["cycles"] * cycle / stride)
    signals, noted = [], 0.0
    for step in range(start + samples):
        for _ in range(stride):
            fields.step()
        now = np.array(read())
        sound = bool((np.abs(now) < DIVERGED).all())  # not a number is not below it
        if step >= start or not sound:
            signals.append(now if sound else np.nan * now)
        if not sound:
            break
        if also is not None and step >= start:
            also(step - start, samples)
        if mp.am_master() and time.monotonic() - noted > REPORTED:
            noted = time.monotonic()
            with FOLDER:
                (folder / "new-progress").write_text(f"{step / (start + samples)}")
                os.replace(folder / "new-progress", folder / "progress")
    return {"signals": np.transpose(signals), "interval": stride * fields.dt * job["pixel"]}


def _end_with_parent(folder: Path) -> None:
    """End this process when the one that started it is gone: its end of the pipe closes."""
    while os.read(0, 1):
        pass
    FOLDER.acquire()
    shutil.rmtree(folder, ignore_errors=True)  # nobody else will
    os._exit(1)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["watched"])
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # without the end of MPI, for which the other ranks would not come
