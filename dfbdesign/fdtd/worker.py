"""Runs inside MEEP's own interpreter: `python -I worker.py FOLDER RANKS`.

Reads `job.json` in the folder and writes `result.npz` there, complete or not at all; `progress`
holds the done fraction meanwhile. The job's kind names the file beside this one that does it. Only
the standard library of Python 3.10, numpy and MEEP may be imported here, and MEEP only by `main`.
"""

import json
import os
import runpy
import sys
import threading
from pathlib import Path

import numpy as np

VERSION = "2"
"""Raise it with every change that moves a result: stored results of other versions are not used."""
RECORDERS = {"unit-cell": "cell.py", "guide": "guide.py", "finite": "finite_worker.py"}
"""Files with a function `record` from the module meep, the job and its folder to named arrays."""
FILES = (*RECORDERS.values(), "nodes.py")
"""All files that must stand beside this one."""


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
        threading.Thread(target=_end_with_parent, daemon=True).start()
    mp.verbosity(0)
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    recorder = Path(__file__).with_name(RECORDERS[job.get("kind", "unit-cell")])
    found = runpy.run_path(str(recorder))["record"](mp, job, folder)
    if mp.am_master():
        np.savez(folder / "new-result.npz", meep=mp.__version__, **found)
        os.replace(folder / "new-result.npz", folder / "result.npz")


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: its end of the pipe closes."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["watched"])
