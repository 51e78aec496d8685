"""Band edges of a period by MEEP, TE or TM, with loss or gain: for tests and benchmarks.

Unlike `dfbdesign.fdtd`, which runs what `dfb verify` can answer for, this takes any period; its
worker shares no code with the package. The error of a run falls as the square of its pixel, in TM
with a clean coefficient where every wall and interface lies on a pixel's edge on both grids.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from math import ceil, pi
from pathlib import Path

import numpy as np
from peers import cell

from dfbdesign.device import Device
from dfbdesign.fdtd import find_meep
from dfbdesign.fdtd.job import _margin
from dfbdesign.fdtd.launch import _environment
from dfbdesign.fdtd.ringdown import ringdown

WORKER = Path(__file__).resolve().parents[1] / "benchmarks" / "meep" / "one_period.py"
GRIDS = (40, 60)
"""Pixels per two half wavelengths."""
STAIRS = 64
"""Of a slanted wall: thinner than pixels, which average them."""


def job(device: Device, pixels: int) -> dict[str, object]:
    grating, target = device.need_grating(), device.need_target()
    plain = cell(device, target.wavelength, STAIRS)
    pixel = grating.period / pixels
    below, above = (
        _margin(grating, target.wavelength, end.real, "end") for end in (plain.below, plain.above)
    )
    heights = np.cumsum([0.0, *(slab.thickness for slab in plain.slabs)])
    best = max(plain.slabs, key=lambda slab: slab.thickness)
    middle = heights[plain.slabs.index(best)] + best.thickness / 2
    return {
        "polarization": plain.polarization,
        "period": grating.period,
        "pixels": pixels,
        "order": grating.order,
        "wavevector": plain.wavevector,
        "wavelength": target.wavelength,
        "below": _pair(plain.below),
        "above": _pair(plain.above),
        "slabs": [
            {
                "thickness": slab.thickness,
                "walls": slab.walls,
                "permittivity": [_pair(value) for value in slab.permittivity],
            }
            for slab in plain.slabs
        ],
        "probe": float(middle),
        "buffer": [ceil(below.buffer / pixel), ceil(above.buffer / pixel)],
        "absorber": [ceil(below.absorber / pixel), ceil(above.absorber / pixel)],
        "reflection": [below.reflection, above.reflection],
    }


def _pair(value: complex) -> list[float]:
    return [value.real, value.imag]


def edges(device: Device, pixels: int) -> np.ndarray:
    """Wavenumbers of the even and the odd edge on one grid."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "job.json").write_text(json.dumps(job(device, pixels)))
        command = [find_meep().interpreter, "-I", str(WORKER), name]
        subprocess.run(command, check=True, env=_environment(), stdout=subprocess.DEVNULL)
        with np.load(folder / "result.npz") as result:
            signals, interval = result["signals"], float(result["interval"])
    centre = 1 / device.need_target().wavelength
    found = []
    for signal in signals:
        all_ = ringdown(signal, interval, centre)
        lasting = all_.frequency[all_.final_amplitude > 1e-3]
        found.append(lasting[np.abs(lasting - centre).argmin()])
    return 2 * pi * np.array(found)


def extrapolated(device: Device, grids: Sequence[int] = GRIDS) -> np.ndarray:
    order = device.need_grating().order
    coarse, fine = (edges(device, n * order // 2) for n in grids)
    return fine + (fine - coarse) * grids[0] ** 2 / (grids[1] ** 2 - grids[0] ** 2)
