"""In the place of MEEP's interpreter: a script that answers the probe and then does as it is told.

Beside it, what tests of runs need: small jobs, and the processes there are.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from dfbdesign.device import Device, Grating, Layer, Lines, Target
from dfbdesign.fdtd import interpreter, store
from dfbdesign.fdtd.finite_cell import Stretch
from dfbdesign.fdtd.finite_job import FiniteJob, mode_job
from dfbdesign.units import nm

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@dataclass(frozen=True)
class Numbers:
    """A job for the stand-in."""

    name: str = "a"
    size: int = 5000
    steps: int = 1000

    def text(self) -> str:
        return json.dumps({"name": self.name, "size": self.size, "steps": self.steps})


STAND_IN = """#!{python}
import json, os, subprocess, sys, time
import numpy as np
if "-c" in sys.argv:
    probe = "import meep" in sys.argv[sys.argv.index("-c") + 1]
    answer = {{"version": "{version}", "mpi": {mpi}}} if probe else ["{version}"]
    json.dump(answer, open(sys.argv[-1], "w"))
    sys.exit()
folder = sys.argv[3]
job = json.load(open(folder + "/job.json"))
def leave(**arrays):
    np.savez(os.path.join(folder, "result.npz"), **arrays)
def count():
    open({runs!r}, "a").write(job["name"])
{behaviour}
"""
SUCCEED = "count(); leave(signals=np.ones((2, 5)), interval=0.5)"
HANG = """
child = subprocess.Popen(["sleep", "600"])
open({runs!r}, "a").write(f"{os.getpid()} {child.pid} ")
open(os.path.join(folder, "progress"), "w").write("0.25")
time.sleep(600)
"""


def installed(behaviour: str, version: str, mpi: bool, folder: Path, monkeypatch) -> Path:
    """Put a stand-in that behaves so in MEEP's place; its diary."""
    monkeypatch.setenv(store.CACHE, str(folder / "cache"))
    interpreter.probed.cache_clear()
    runs = str(folder / "runs")
    behaviour = behaviour.replace("{runs!r}", repr(runs))
    script = folder / f"python-{abs(hash((behaviour, version, mpi)))}"
    words = {"python": sys.executable, "version": version, "mpi": mpi, "runs": runs}
    script.write_text(STAND_IN.format(behaviour=behaviour, **words))
    script.chmod(0o755)
    monkeypatch.setenv(interpreter.INTERPRETER, str(script))
    return Path(runs)


def stored(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache").rglob("*.npz"))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition) -> bool:
    for _ in range(300):
        if condition():
            return True
        time.sleep(0.1)
    return False


def all_end(runs: Path) -> bool:
    pids = [int(pid) for pid in runs.read_text().split()]
    return bool(pids) and wait_for(lambda: not any(map(alive, pids)))


def grating_job(resolution: int = 8, gain: float = 0.0, cycles: int = 20) -> FiniteJob:
    lines = Lines(material=2.0, duty=0.35)
    device = Device(
        substrate=1.444,
        superstrate=1.0,
        layers=[Layer(thickness=300 * nm, material=2.53, gain=True, lines=lines)],
        grating=Grating(period=400 * nm, order=1, length=6 * 400 * nm),
        target=Target(wavelength=1550 * nm),
    )
    return mode_job(device, [Stretch(6, gain)], 1600 * nm, resolution, cycles=cycles)


def processes(mark: str) -> list[int]:
    """Living processes with a text in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if mark in command and state != "Z":
            found.append(int(entry.name))
    return found
