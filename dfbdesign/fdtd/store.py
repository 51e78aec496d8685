"""What a run recorded, and where results are kept.

The name of a kept result is made of the job (plain numbers), of the version of the worker and of
the version of MEEP, never of code. What is damaged counts as absent. Results that were brought back
from another computer are kept beside the others and serve where this one has none of its own.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError, NotConverged, PhysicsError
from dfbdesign.fdtd import worker
from dfbdesign.files import writing

CACHE = "DFBDESIGN_CACHE"
"""Environment variable that names the folder for results."""
IMPORTED = "imported"


class Job(Protocol):
    """What can be run: plain numbers that `worker` understands."""

    @property
    def size(self) -> int:
        """Number of pixels of the cell."""
        ...

    @property
    def steps(self) -> int:
        """Number of time steps."""
        ...

    def text(self) -> str:
        """The job as JSON, always the same text for the same job."""
        ...


@dataclass(frozen=True)
class Recording:
    """What a run leaves."""

    arrays: Mapping[str, NDArray[Any]]
    """By name, as the worker wrote them."""

    @property
    def signals(self) -> NDArray[np.float64]:
        """Field after the source, shape (signal, time): see the recorder of the job."""
        return self.arrays["signals"]

    @property
    def interval(self) -> float:
        """Time between samples as a length c·t [µm]."""
        return float(self.arrays["interval"])

    @property
    def fields(self) -> NDArray[np.complex128]:
        """Fields at frequencies, shape (frequency, line, node), of jobs that record them."""
        return self.arrays["fields"]

    def shortened(self, share: float) -> "Recording":
        """The same as if the record had ended earlier, after this share of it."""
        signals = self.signals[:, : int(share * self.signals.shape[1])]
        return Recording({**self.arrays, "signals": signals})


def read(file: Path) -> Recording:
    """The recording in a file.

    Args:
        file: What a worker wrote.

    Returns:
        The recording.

    Raises:
        NotConverged: If the fields diverged.
        PhysicsError: If the file is missing or no complete result.
    """
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
            signals, interval = arrays["signals"], float(arrays["interval"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise PhysicsError(f"MEEP left no readable result ({error}).") from error
    if signals.ndim != 2 or not signals.size or signals.dtype != np.float64:
        raise PhysicsError(
            f"MEEP left a result of shape {signals.shape}, (signal, time) is expected."
        )
    if not np.isfinite(signals).all():
        raise NotConverged(
            f"the fields diverged after {signals.shape[1]} samples: MEEP is unstable for this "
            "device. Indices well below 1 are the usual reason, or far too much gain."
        )
    if not (np.isfinite(interval) and interval > 0):
        raise PhysicsError(f"MEEP left a result with the time step {interval:g}.")
    if not all(np.isfinite(arrays[name]).all() for name in arrays if name == "fields"):
        raise PhysicsError("MEEP left fields that are no numbers.")
    return Recording(arrays)


def cache_folder(name: str = "fdtd") -> Path | None:
    """Folder in which results are kept; `None` when there is no place to.

    Args:
        name: What they are of.
    """
    base = os.environ.get(CACHE)
    home = os.environ.get("XDG_CACHE_HOME")
    folder = Path(base) if base else (Path(home) if home else Path.home() / ".cache") / "dfbdesign"
    try:
        (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder / name if os.access(folder / name, os.W_OK) else None


def kept(text: str, version: str | None) -> Recording | None:
    """The kept result of a job.

    Args:
        text: The job as JSON.
        version: MEEP's version here; `None` if it is missing.

    Returns:
        The result of that version, or else one that was brought here; `None` if neither is sound.
    """
    folder = cache_folder()
    if folder is None:
        return None
    own = [] if version is None else [folder / _name(text, version)]
    for file in (*own, *sorted(folder.glob(_name(text, f"{IMPORTED}-*")))):
        with suppress(PhysicsError):  # absent, damaged or half: as if it were not there
            return read(file)
    return None


def keep(text: str, version: str, file: Path) -> None:
    """Keep the result of a job.

    Args:
        text: The job as JSON.
        version: The version of MEEP that made it.
        file: The result.

    Raises:
        InputError: If there is no place to keep it.
    """
    folder = cache_folder()
    if folder is None:
        raise InputError(f"there is no place for results: set {CACHE} to a folder to write in.")
    with writing(folder / _name(text, version)) as temporary:
        shutil.copyfile(file, temporary)


def imported() -> list[str]:
    """Names of all results that were brought here, which say what they are of."""
    folder = cache_folder()
    return [] if folder is None else sorted(one.name for one in folder.glob(f"*-{IMPORTED}-*.npz"))


def _name(text: str, version: str) -> str:
    mark = hashlib.sha256(json.dumps([text, worker.VERSION]).encode()).hexdigest()[:32]
    return f"{mark}-{version}.npz"
