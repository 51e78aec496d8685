"""One run of MEEP as processes of their own, which end whatever ends the run.

The run has a temporary folder with `job.json`; the worker writes `result.npz` there, complete or
not at all. Its standard input is a pipe from this process: when that closes, because this process
is gone, the worker ends by itself.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dfbdesign.errors import InputError, NotConverged, PhysicsError
from dfbdesign.fdtd import worker
from dfbdesign.fdtd.estimate import mpirun
from dfbdesign.fdtd.interpreter import Meep, environment
from dfbdesign.fdtd.store import Job, Recording, read

GRACE = 3.0
"""How long MPI gets to end its ranks when asked to [s]."""
MESSAGE = 400
"""Most characters of a worker's last words."""
LEAST_FREE = 1_000_000
"""Room on a disk below which a run that fails fails for that [bytes]."""
_FULL = "No space left on device"


@dataclass(frozen=True)
class Running:
    """A run under way."""

    job: Job
    ranks: int
    began: float
    timeout: float
    folder: tempfile.TemporaryDirectory[str]
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, job: Job, meep: Meep, ranks: int, timeout: float) -> Self:
        """Start a run.

        Args:
            job: What to run.
            meep: What to run it in.
            ranks: On how many MPI processes.
            timeout: Longest time it may take [s].

        Returns:
            The run; whoever started it must `stop` it.

        Raises:
            InputError: If its folder cannot be written.
            PhysicsError: If the interpreter cannot be started.
        """
        folder = None
        try:
            folder = tempfile.TemporaryDirectory(prefix="dfbdesign-", ignore_cleanup_errors=True)
            (Path(folder.name) / "job.json").write_text(job.text(), encoding="utf-8")
            with (Path(folder.name) / "log.txt").open("wb") as output:
                process = subprocess.Popen(
                    command(Path(folder.name), meep, ranks),
                    env=environment(),
                    stdin=subprocess.PIPE,  # never written to; the worker ends when it closes
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            where = tempfile.gettempdir()
            if folder is not None:
                folder.cleanup()
            if error.filename == meep.interpreter:
                raise PhysicsError(f"MEEP could not be started: {error}.") from error
            raise InputError(
                f"cannot write the run to {where}: {error.strerror}. Set TMPDIR to a folder on a "
                "disk with room."
            ) from error
        return cls(job, ranks, time.monotonic(), timeout, folder, process)

    @property
    def seconds(self) -> float:
        """Since the start [s]."""
        return time.monotonic() - self.began

    def fraction(self) -> float:
        """What the worker says is done, from 0 to 1."""
        with suppress(OSError, ValueError):
            return float((Path(self.folder.name) / "progress").read_text(encoding="utf-8"))
        return 0.0

    def ended(self) -> bool:
        """Whether the worker is done.

        Raises:
            NotConverged: If the time is over.
            PhysicsError: If the worker failed; with its last words.
            InputError: If the disk is full.
        """
        code = self.process.poll()
        if code is None:
            if self.seconds > self.timeout:
                raise NotConverged(f"MEEP was not finished after {self.timeout:g} s.")
            return False
        if code != 0:
            said = last_words(self.log)
            # On a full disk the last words may be missing, too.
            disk = Path(self.folder.name).parent
            if _FULL in said or shutil.disk_usage(disk).free < LEAST_FREE:
                raise InputError(
                    f"MEEP could not write its result to {tempfile.gettempdir()}: the disk is "
                    "full. Make room there, or set TMPDIR to a folder on another disk."
                )
            raise PhysicsError(f"MEEP failed with exit code {code}: {said or 'no message'}")
        return True

    @property
    def log(self) -> Path:
        """What the processes print."""
        return Path(self.folder.name) / "log.txt"

    @property
    def file(self) -> Path:
        """Where the worker writes its result."""
        return Path(self.folder.name) / "result.npz"

    def result(self) -> Recording:
        """What a run that ended recorded.

        Raises:
            NotConverged: If the fields diverged.
            PhysicsError: If there is no complete result.
        """
        return read(self.file)

    def stop(self) -> None:
        """End the processes if they still run, all MPI ranks too, and remove the folder."""
        try:
            if self.process.poll() is None:
                self.process.terminate()  # mpirun passes it on
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(GRACE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.folder.cleanup()


def command(folder: Path, meep: Meep, ranks: int) -> list[str]:
    """The words that start a run.

    Args:
        folder: Holds the job.
        meep: What to run it in.
        ranks: On how many MPI processes.
    """
    start = [str(mpirun(meep)), "-n", str(ranks)] if ranks > 1 else []
    run = [meep.interpreter, "-I", worker.__file__, str(folder), str(ranks), "watched"]
    return [*start, *run]


def last_words(log: Path) -> str:
    """Why a worker says it failed, in one line.

    Args:
        log: What it printed.

    Returns:
        Its last line that names an error, or else its last line that says anything.
    """
    try:
        text = log.read_bytes()[-20_000:].decode("utf-8", "replace")
    except OSError:  # workers whose mpirun was killed take their folder with them
        return ""
    lines = [
        "".join(c if c.isprintable() else "?" for c in line).strip() for line in text.splitlines()
    ]
    if any(_FULL in line for line in lines):
        return _FULL
    said = [line for line in lines if any(c.isalnum() for c in line)]
    errors = [line for line in said if re.match(r"(\w+\.)*\w*(Error|Exception)\b", line)]
    return (errors or said or [""])[-1][-MESSAGE:]
