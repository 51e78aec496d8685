"""Unit cells by MEEP and by our solver, with certificates: the results go to `benchmarks/meep/`.

The reference device at three duties, a TM device, a Bloch wavevector beside the band edge, and the
cells of `tests/test_unit_cell_peers.py`, each in TE and TM, with the dispersion and absorption of
their materials. Every cell takes one core for a minute or two. Names on the command line choose
among them; `ranks` times a run on one and on two cores.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import sys
import time
from pathlib import Path

from dfbdesign.device import Device, changed, load_device
from dfbdesign.fdtd import estimate, find_meep, launch, unit_cell_job
from dfbdesign.units import nm
from dfbdesign.verification.verify import verify

sys.path.insert(0, str(Path(__file__).resolve().parent / "meep"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from table import record
from test_unit_cell_peers import EACH, device

REFERENCE = load_device(Path(__file__).resolve().parents[1] / "examples" / "reference.toml")
TM = changed(
    REFERENCE,
    {
        "polarization": "TM",
        "layers.1.thickness": 260 * nm,
        "target.wavelength": 1612 * nm,
    },
)


def devices() -> dict[str, tuple[Device, float | None]]:
    """Devices and Bloch wavevectors by name."""
    found: dict[str, tuple[Device, float | None]] = {
        f"reference, duty {duty}": (changed(REFERENCE, {"layers.0.lines.duty": duty}), None)
        for duty in (0.35, 0.5, 0.65)
    }
    found["reference in TM, film of 260 nm"] = TM, None
    found["reference, wavevector 0.01"] = REFERENCE, 0.01
    for name, polarization in EACH:
        found[f"{name}, {polarization}"] = device(name, polarization), None
    return found


def ranks() -> None:
    """Wall-clock time of one run on one and on two cores."""
    job = unit_cell_job(REFERENCE, 1670 * nm, 6)
    launch.kept = lambda *_: None  # type: ignore[assignment]
    seconds = []
    for share in (10**9, job.size // 2):
        estimate.PIXELS_PER_RANK = share
        began = time.perf_counter()
        launch.run(job)
        seconds.append(time.perf_counter() - began)
    load = os.getloadavg()[0]
    print(
        f"{job.size} pixels, {job.steps} steps: {seconds[0]:.1f} s on one core, {seconds[1]:.1f} s "
        f"on two: {seconds[0] / seconds[1]:.2f} times faster, load {load:.1f}, "
        f"MEEP {find_meep().version}"
    )


def main() -> None:
    wanted = sys.argv[1:]
    if "ranks" in wanted:
        ranks()
        return
    for name, (cell, wavevector) in devices().items():
        if wanted and not any(word in name for word in wanted):
            continue
        began = time.perf_counter()
        found = verify(cell, wavevector=wavevector)
        record("unit cell", name, found.comparisons)
        verdicts = [one.verdict for one in found.comparisons]
        print(f"{name:35}{verdicts} {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
