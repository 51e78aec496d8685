"""Find an interpreter that can import MEEP, and what it needs around it.

To import MEEP takes most of a second; where its files lie and from when they are takes a
hundredth. What was found is kept by that, so that stored results are found again at once.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dfbdesign.errors import InputError, MeepMissing
from dfbdesign.fdtd.store import cache_folder
from dfbdesign.files import writing

INTERPRETER = "DFBDESIGN_MEEP_PYTHON"
"""Environment variable that names MEEP's interpreter."""

_HOW_TO_INSTALL = (
    "Install it (Debian, Ubuntu: apt install python3-meep-openmpi python3-mpi4py openmpi-bin "
    "python3-matplotlib python3-scipy python3-h5py; elsewhere: conda install -c conda-forge pymeep)"
    f", set {INTERPRETER} to the Python that can import it if it is not found by itself, or write "
    "the runs to a folder for a computer that has it (dfb verify --export)."
)
_LOOK = """
import glob, importlib.util, json, os, sys
found = []
for name in ("meep", "mpi4py"):
    spec = importlib.util.find_spec(name)
    if spec is not None:
        beside = os.path.join(os.path.dirname(spec.origin), "*.so")
        files = [spec.origin, *sorted(glob.glob(beside))]
        found.append([[file, os.stat(file).st_mtime_ns] for file in files])
json.dump(found, open(sys.argv[1], "w"))
"""
_PROBE = """
import importlib.util, json, sys
import meep
mpi = bool(meep.with_mpi()) and importlib.util.find_spec("mpi4py") is not None
json.dump({"version": meep.__version__, "mpi": mpi}, open(sys.argv[1], "w"))
"""


@dataclass(frozen=True)
class Meep:
    """An interpreter that can import MEEP."""

    interpreter: str
    version: str
    mpi: bool
    """Whether it can share a run among MPI processes."""


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
        found, why = probed(named)
        if found is None:
            raise MeepMissing(f'{INTERPRETER} is "{named}", which cannot run MEEP ({why}).')
        return found
    for interpreter in (sys.executable, "/usr/bin/python3"):
        found, _ = probed(interpreter)
        if found is not None:
            return found
    raise MeepMissing(f"no Python that can import MEEP was found. {_HOW_TO_INSTALL}")


@cache
def probed(interpreter: str) -> tuple[Meep | None, str]:
    """The interpreter's MEEP, or `None` and why not.

    Args:
        interpreter: Path of a Python.

    Returns:
        What was found, and a reason if nothing was.
    """
    files, why = _answer(interpreter, _LOOK)
    if why:
        return None, why
    if not files:
        return None, "it has no module named meep"
    known, mark = _known(), json.dumps([interpreter, files])
    found = known.get(mark)
    if found is None:
        found, why = _answer(interpreter, _PROBE)
        if why:
            return None, why
        _keep(known | {mark: found})
    with suppress(KeyError, TypeError):
        return Meep(interpreter, str(found["version"]), bool(found["mpi"])), ""
    return None, "its answer is no version"


def _answer(interpreter: str, script: str) -> tuple[Any, str]:
    """What a script leaves as JSON, or why it does not."""
    with tempfile.TemporaryDirectory(prefix="dfbdesign-") as folder:
        answer = Path(folder) / "answer.json"
        try:
            done = subprocess.run(
                [interpreter, "-I", "-c", script, str(answer)],
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
            )
            return json.loads(answer.read_text(encoding="utf-8")), ""
        except subprocess.TimeoutExpired:
            return None, "no answer within a minute"
        except (OSError, ValueError) as error:
            if not isinstance(error, FileNotFoundError) or error.filename != str(answer):
                return None, str(error)
            return None, _last_line(done.stderr) or f"exit code {done.returncode}"


def _known() -> dict[str, Any]:
    """What earlier calls found; nothing if that cannot be read."""
    folder = cache_folder()
    with suppress(OSError, ValueError, TypeError):
        if folder is not None:
            return dict(json.loads((folder / "interpreters.json").read_text(encoding="utf-8")))
    return {}


def _keep(known: dict[str, Any]) -> None:
    folder = cache_folder()
    if folder is not None:
        # Without it the next call is slower, nothing else.
        with suppress(InputError), writing(folder / "interpreters.json") as temporary:
            temporary.write_text(json.dumps(known), encoding="utf-8")


def environment() -> dict[str, str]:
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


def _last_line(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip().rpartition("\n")[2]
