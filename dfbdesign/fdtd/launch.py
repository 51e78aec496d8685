"""Find an interpreter that can import MEEP, run a job in it, and keep the results.

MEEP runs as a separate process in its own interpreter, on several MPI ranks when the cell is large
enough. Whatever ends a run early (an error, a time-out, Ctrl-C, even the death of this process)
ends its processes too. Finished results are kept in the user's cache folder; their names are made
of the job, the version of the worker and the version of MEEP.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError, MeepMissing, NotConverged, PhysicsError
from dfbdesign.fdtd import worker
from dfbdesign.files import writing

INTERPRETER = "DFBDESIGN_MEEP_PYTHON"
"""Environment variable that names MEEP's interpreter."""
PIXELS_PER_RANK = 10_000
"""Smaller shares cost more in messages than they save."""
TIMEOUT = 1800.0
"""Longest time a run may take [s]."""
GRACE = 3.0
"""How long MPI gets to end its ranks when asked to [s]."""

_HOW_TO_INSTALL = (
    "Install it (Debian, Ubuntu: apt install python3-meep-openmpi python3-mpi4py openmpi-bin "
    "python3-matplotlib python3-scipy python3-h5py; elsewhere: conda install -c conda-forge pymeep)"
    f" and, if it is not found by itself, set {INTERPRETER} to the Python that can import it."
)
_PROBE = """
import importlib.util, json, sys
import meep
mpi = bool(meep.with_mpi()) and importlib.util.find_spec("mpi4py") is not None
json.dump({"version": meep.__version__, "mpi": mpi}, open(sys.argv[1], "w"))
"""


class Job(Protocol):
    """What can be run: plain numbers that `worker` understands."""

    @property
    def size(self) -> int:
        """Number of pixels of the cell."""
        ...

    def text(self) -> str:
        """The job as JSON, always the same text for the same job."""
        ...


@dataclass(frozen=True)
class Meep:
    """An interpreter that can import MEEP."""

    interpreter: str
    version: str
    mpi: bool
    """Whether it can share a run among MPI processes."""


@dataclass(frozen=True)
class Recording:
    """What a run leaves after the source: two parts of the field at one point."""

    signals: NDArray[np.float64]
    """Shape (2, time): of a grating even and odd, of a guide across and upwards."""
    interval: float
    """Time between samples as a length c·t [µm]."""


def find_meep() -> Meep:
    """The interpreter to run MEEP in.

    Returns:
        The one named by `DFBDESIGN_MEEP_PYTHON`; without it this interpreter, or else
        `/usr/bin/python3`, whichever can import MEEP first.

    Raises:
        MeepMissing: If there is none; the message says what to install.
    """
    named = os.environ.get(INTERPRETER)
    if named is not None:
        found, why = _probed(named)
        if found is None:
            raise MeepMissing(f'{INTERPRETER} is "{named}", which cannot run MEEP ({why}).')
        return found
    for interpreter in (sys.executable, "/usr/bin/python3"):
        found, _ = _probed(interpreter)
        if found is not None:
            return found
    raise MeepMissing(f"no Python that can import MEEP was found. {_HOW_TO_INSTALL}")


@cache
def _probed(interpreter: str) -> tuple[Meep | None, str]:
    """The interpreter's MEEP, or `None` and why not."""
    with tempfile.TemporaryDirectory(prefix="dfbdesign-") as folder:
        answer = Path(folder) / "meep.json"
        try:
            done = subprocess.run(
                [interpreter, "-I", "-c", _PROBE, str(answer)],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
            )
            found = json.loads(answer.read_text(encoding="utf-8"))
            return Meep(interpreter, str(found["version"]), bool(found["mpi"])), ""
        except subprocess.TimeoutExpired:
            return None, "no answer within a minute"
        except (OSError, ValueError, KeyError, TypeError) as error:
            if not isinstance(error, FileNotFoundError) or error.filename != str(answer):
                return None, str(error)
            return None, _last_line(done.stderr) or f"exit code {done.returncode}"


def run(
    job: Job,
    progress: Callable[[float], None] | None = None,
    timeout: float = TIMEOUT,
) -> Recording:
    """Run a job in MEEP, or read its result if it was run before.

    Args:
        job: What to run.
        progress: Called about five times a second with the done fraction.
        timeout: Longest time the run may take [s].

    Returns:
        The recorded field.

    Raises:
        MeepMissing: If no interpreter can import MEEP.
        NotConverged: If the fields diverge or the time is over.
        PhysicsError: If the run fails; the message holds the last lines it wrote.
    """
    meep = find_meep()
    stored = _stored(job, meep)
    if stored is not None:
        with suppress(PhysicsError, OSError):  # absent, damaged or half: run it again
            return _read(stored)
    with tempfile.TemporaryDirectory(prefix="dfbdesign-") as name:
        folder = Path(name)
        (folder / "job.json").write_text(job.text(), encoding="utf-8")
        _finish(folder, _command(folder, job, meep), progress, timeout)
        recording = _read(folder / "result.npz")
        if stored is not None:
            # A full disk costs the kept copy, not the result.
            with suppress(InputError), writing(stored) as temporary:
                shutil.copyfile(folder / "result.npz", temporary)
    return recording


def _command(folder: Path, job: Job, meep: Meep) -> list[str]:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    beside = Path(meep.interpreter).parent / "mpirun"  # of the same environment, if there is one
    mpirun = str(beside) if beside.exists() else shutil.which("mpirun")
    ranks = max(1, min(cores, job.size // PIXELS_PER_RANK)) if meep.mpi and mpirun else 1
    start = [mpirun, "-n", str(ranks)] if mpirun and ranks > 1 else []
    return [*start, meep.interpreter, "-I", worker.__file__, str(folder), str(ranks)]


def _environment() -> dict[str, str]:
    """One thread per rank, and Open MPI on this machine alone: no root check, no network."""
    return os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_plm": "isolated",
        "OMPI_MCA_btl": "self,vader",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_mpi_yield_when_idle": "1",  # waiting ranks leave their core to other programs
    }


def _finish(
    folder: Path,
    command: list[str],
    progress: Callable[[float], None] | None,
    timeout: float,
) -> None:
    """Run the worker to its end, or end it."""
    log = folder / "log.txt"
    deadline = time.monotonic() + timeout
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=_environment(),
            stdin=subprocess.PIPE,  # never written to; the worker ends when it closes
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise NotConverged(f"MEEP was not finished after {timeout:g} s.")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
                if progress is not None:
                    with suppress(FileNotFoundError):
                        progress(float((folder / "progress").read_text(encoding="utf-8")))
        finally:
            _stop(process)
    if process.returncode != 0:
        raise PhysicsError(
            f"MEEP failed with exit code {process.returncode}: {_tail(log) or 'no message'}"
        )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the process, and through it all MPI ranks, whatever happens meanwhile."""
    try:
        if process.poll() is None:
            process.terminate()  # mpirun passes it on
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _read(file: Path) -> Recording:
    """The recording in a file.

    Raises:
        NotConverged: If the fields diverged.
        PhysicsError: If the file is missing or no complete result.
    """
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            signals, interval = content["signals"], float(content["interval"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise PhysicsError(f"MEEP left no readable result ({error}).") from error
    if signals.ndim != 2 or signals.shape[0] != 2 or signals.dtype != np.float64:
        raise PhysicsError(f"MEEP left a result of shape {signals.shape}, (2, time) is expected.")
    if not np.isfinite(signals).all():
        raise NotConverged(
            f"the fields diverged after {signals.shape[1]} samples: MEEP is unstable for this "
            "device. Indices well below 1 are the usual reason."
        )
    if not (np.isfinite(interval) and interval > 0):
        raise PhysicsError(f"MEEP left a result with the time step {interval:g}.")
    return Recording(signals, interval)


def _stored(job: Job, meep: Meep) -> Path | None:
    """Where the result of a job is kept; `None` when there is no place to."""
    text = json.dumps([job.text(), worker.VERSION, meep.version])
    base = os.environ.get("DFBDESIGN_CACHE")
    folder = Path(base) if base else _cache_home() / "dfbdesign"
    try:
        (folder / "fdtd").mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder / "fdtd", os.W_OK):
        return None
    return folder / "fdtd" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"


def _cache_home() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home) if home else Path.home() / ".cache"


def _tail(log: Path) -> str:
    return log.read_bytes()[-2000:].decode("utf-8", "replace").strip()


def _last_line(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip().rpartition("\n")[2]
