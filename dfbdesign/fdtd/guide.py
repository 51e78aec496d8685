r"""Runs inside MEEP's own interpreter, called by `worker`: a channel guide of given wavenumber.

The cell is a cross-section that repeats periodically, far enough away; along the guide all fields
go as $\exp(i\beta x)$, so that two dimensions are enough. Two point sources in the guide excite E
across and E upwards, which are recorded at their place.

Only the standard library, numpy and MEEP may be imported here. Lengths are in pixels. Walls of the
guide run along pixel faces; an imaginary part of a permittivity becomes the conductivity $\sigma =
\omega_0\epsilon''/\epsilon'$, exact at the wavelength of the job; every node of the electric field
gets the mean permittivity of the pixel-sized square around it: along a wall, where the field is
continuous, the right mean of both sides; the component across a wall has its nodes half a pixel
off.
"""

import os
import time
from math import ceil, isfinite, pi
from pathlib import Path
from typing import Any

import numpy as np

COURANT = 0.5
SAMPLES_PER_CYCLE = 8
BANDWIDTH = 0.1
"""Spectral width of the source, relative to the frequency."""


def mean_permittivity(job: dict[str, Any], y: float, z: float) -> complex:
    """Mean of the painted rectangles over the unit square around a point.

    Args:
        job: Content of `job.json`.
        y: Across, from the cell's middle [pixels].
        z: Upwards, from the cell's middle [pixels].

    Examples:
        >>> job = {"background": [1.0, 0.0], "rectangles": [[0, 2, 0, 2, 5.0, 0.0]]}
        >>> [mean_permittivity(job, *point) for point in ((1, 1), (0, 1), (0, 0))]
        [(5+0j), (3+0j), (2+0j)]
    """
    total = 0j
    for half_y in (-0.25, 0.25):
        for half_z in (-0.25, 0.25):  # quarters of the square; walls pass between them
            value = complex(*job["background"])
            for left, right, low, high, *permittivity in job["rectangles"]:
                if left < y + half_y < right and low < z + half_z < high:
                    value = complex(*permittivity)
            total += value / 4
    return total


def record(mp: Any, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """E across and E upwards at one point after the sources, at equal intervals.

    MEEP's axes X, Y, Z are our y, z and x.

    Args:
        mp: The module meep.
        job: Content of `job.json`.
        folder: Where the progress is written.

    Returns:
        `signals`, shape (2, time), and their `interval` as a length c·t [µm]. Stops early, with
        the last sample not finite, when the fields diverge.
    """
    pixel = job["pixel"]
    frequency = pixel / job["wavelength"]
    pulse = mp.GaussianSource(frequency, fwidth=BANDWIDTH * frequency)
    point = mp.Vector3(*job["point"])
    sim = mp.Simulation(
        cell_size=mp.Vector3(*job["cells"]),
        resolution=1,
        Courant=COURANT,
        k_point=mp.Vector3(0, 0, job["wavenumber"] * pixel / (2 * pi)),
        eps_averaging=False,
        **_materials(mp, job),
        sources=[mp.Source(pulse, component=one, center=point) for one in (mp.Ex, mp.Ey)],
    )
    sim.init_sim()
    fields = sim.fields
    cycle = 1 / frequency / fields.dt  # in steps
    stride = max(1, int(cycle / SAMPLES_PER_CYCLE))
    start = ceil(fields.last_source_time() / fields.dt / stride)
    count = start + ceil(job["cycles"] * cycle / stride)
    signals, reported = np.zeros((2, count)), 0.0
    for sample in range(count):
        for _ in range(stride):
            fields.step()
        values = [sim.get_field_point(one, point).real for one in (mp.Ex, mp.Ey)]
        signals[:, sample] = values
        if not isfinite(sum(values)):
            start, count = min(start, sample), sample + 1
            break
        if mp.am_master() and time.monotonic() - reported > 0.2:
            reported = time.monotonic()
            (folder / "new-progress").write_text(f"{sample / count}")
            os.replace(folder / "new-progress", folder / "progress")
    return {"signals": signals[:, start:count], "interval": stride * fields.dt * pixel}


def _materials(mp: Any, job: dict[str, Any]) -> dict[str, Any]:
    """What tells MEEP the permittivity at every node, and the conductivity where there is one."""
    imaginary = [job["background"][1], *(one[5] for one in job["rectangles"])]
    if not any(imaginary):
        return {"epsilon_func": lambda at: mean_permittivity(job, at.x, at.y).real}
    frequency, media = job["pixel"] / job["wavelength"], {}

    def medium(at: Any) -> Any:
        value = mean_permittivity(job, at.x, at.y)
        if value not in media:
            sigma = 2 * pi * frequency * value.imag / value.real
            media[value] = mp.Medium(epsilon=value.real, D_conductivity=sigma)
        return media[value]

    # MEEP asks no function whether it conducts; the extra material says that some do
    return {"material_function": medium, "extra_materials": [mp.Medium(D_conductivity=1)]}
