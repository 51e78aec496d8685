r"""Runs inside MEEP's own interpreter: `python -I worker.py FOLDER RANKS`.

Reads `job.json` (see `dfbdesign.fdtd.job`) in the folder and writes `result.npz` there, complete or
not at all; `progress` holds the done fraction meanwhile. Only the standard library of Python 3.10,
numpy and MEEP may be imported here, and MEEP only by `main`.

Lengths are in pixels, so that every number MEEP rounds is whole. MEEP's own averaging of
permittivities at interfaces assigns wrong values at line corners, so each node of the electric
field gets its own: the finite difference of a continuous field is exact for the mean over the two
neighbouring pixels with a tent as weight,

$$ \bar\epsilon(x_0, z_0) = \iint \epsilon(x, z)\,\Lambda(x - x_0)\,\Lambda(z - z_0)\,dx\,dz,
   \qquad \Lambda(u) = \max(0, 1 - |u|), $$

which leaves an error of second order with a coefficient that does not depend on where interfaces
cut the pixels. The integrals are closed forms; with oblique walls the integrand is piecewise cubic
in z and two Gauss points per piece are exact.

A point source beside the line's centre excites both symmetries. The sum and the difference of the
field at two points mirrored in the line's centre separate them exactly, because nodes and
permittivities have the same mirror symmetry.
"""

import json
import os
import runpy
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from math import ceil, isfinite, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = "1"
"""Raise it with every change that moves a result: stored results of other versions are not used."""

COURANT = 0.5
SAMPLES_PER_CYCLE = 8
RECORDED_CYCLES = 280
"""Optical cycles recorded after the source has died away."""
BANDWIDTH = 0.2
"""Spectral width of the source, relative to the frequency."""


def tent_integral(u: float) -> float:
    """Integral of the tent max(0, 1-|u|) up to u.

    Args:
        u: Upper limit [pixels].

    Returns:
        0 below -1, 1 above 1.

    Examples:
        >>> tent_integral(-1.0), tent_integral(0.0), tent_integral(0.5)
        (0.0, 0.5, 0.875)
    """
    u = min(1.0, max(-1.0, u))
    return 0.5 + u - 0.5 * u * abs(u)


def line_share(x: float, z: float, face: float, top: float, half: Any, period: float) -> float:
    """Share of lines in the tent-weighted mean around a node.

    Args:
        x: Node, from the line's centre [pixels].
        z: Node, height [pixels].
        face: Height of the lower face of the layer [pixels].
        top: Height of its upper face [pixels].
        half: Half width of the line at both faces, shape (2,) [pixels].
        period: Distance between lines [pixels].

    Returns:
        The weight of the lines' permittivity, from 0 to 1.

    Examples:
        A node on a vertical wall, deep in a thick layer, belongs to the line by one half.

        >>> line_share(2.0, 5.0, 0.0, 10.0, (2.0, 2.0), 16.0)
        0.5
    """
    low, high = max(face, z - 1), min(top, z + 1)
    if low >= high:
        return 0.0
    slope = (half[1] - half[0]) / (top - face)
    centres = [c for m in (-1, 0, 1) if abs((c := m * period) - x) < 1 + max(half)]
    kinks = {low, high, *([z] if low < z < high else [])}
    for centre in centres if slope else ():
        for side in (-1, 1):  # where a wall passes the node or the end of its tent
            for u in (-1, 0, 1):
                kink = face + (side * (x + u - centre) - half[0]) / slope
                kinks.update([kink] if low < kink < high else [])
    pieces = sorted(kinks)
    total = 0.0
    for start, end in pairwise(pieces):
        for side in (-1, 1):
            height = (start + end + side * (end - start) / sqrt(3)) / 2
            width = half[0] + slope * (height - face)
            inside = sum(
                tent_integral(centre + width - x) - tent_integral(centre - width - x)
                for centre in centres
            )
            total += (end - start) / 2 * (1 - abs(height - z)) * inside
    return total


def averaged_permittivity(job: dict[str, Any]) -> Callable[[float, float], float]:
    """Permittivity at the nodes of the electric field.

    Args:
        job: Content of `job.json`.

    Returns:
        Function of x from the line's centre and z from the substrate's surface [pixels].
    """
    pixel = job["period"] / job["pixels"]
    faces = [0.0]
    for layer in job["layers"]:
        faces.append(faces[-1] + layer["thickness"] / pixel)
    means = [job["substrate"], *(layer["permittivity"] for layer in job["layers"])]
    steps = np.diff([*means, job["superstrate"]])
    lines = [
        (
            layer["line_permittivity"] - layer["permittivity"],
            face,
            top,
            [width / pixel / 2 for width in layer["line_width"]],
        )
        for layer, face, top in zip(job["layers"], faces[:-1], faces[1:], strict=True)
        if max(layer["line_width"]) > 0
    ]

    @cache
    def uniform(z: float) -> float:
        above = (s * tent_integral(z - f) for s, f in zip(steps, faces, strict=True))
        return float(means[0] + sum(above))

    def permittivity(x: float, z: float) -> float:
        value = uniform(z)
        for step, face, top, half in lines:
            if face - 1 < z < top + 1:
                value += step * line_share(x, z, face, top, half, job["pixels"])
        return value

    return permittivity


def probe_height(job: dict[str, Any]) -> int:
    """Row of nodes in the middle of the layer of highest permittivity, the thickest if several.

    Args:
        job: Content of `job.json`.

    Returns:
        Height above the substrate's surface [pixels].
    """
    layers = job["layers"]
    best = max(layers, key=lambda layer: (layer["permittivity"], layer["thickness"]))
    below = sum(layer["thickness"] for layer in layers[: layers.index(best)])
    height: float = (below + best["thickness"] / 2) * job["pixels"] / job["period"]
    return round(height)


def simulation(mp: Any, job: dict[str, Any]) -> tuple[Any, list[Any]]:
    """MEEP's simulation of the job, and the two mirrored points to watch.

    MEEP's axes X, Y, Z are our x, z and y.

    Args:
        mp: The module meep.
        job: Content of `job.json`.

    Returns:
        The initialised simulation, and the source point and its mirror image.
    """
    stack = sum(layer["thickness"] for layer in job["layers"]) * job["pixels"] / job["period"]
    below = job["absorber"][0] + job["buffer"][0]
    rows = below + ceil(stack) + job["buffer"][1] + job["absorber"][1]
    rows += rows % 2  # the cell's centre is a node then
    surface = below - rows // 2
    permittivity = averaged_permittivity(job)
    frequency = job["period"] / job["pixels"] / job["wavelength"]
    column = job["pixels"] // (4 * job["order"])
    points = [mp.Vector3(side * column, probe_height(job) + surface) for side in (1, -1)]
    pulse = mp.GaussianSource(frequency, fwidth=BANDWIDTH * frequency)
    sim = mp.Simulation(
        cell_size=mp.Vector3(job["pixels"], rows),
        resolution=1,
        Courant=COURANT,
        k_point=mp.Vector3(0.5 * (job["order"] % 2) / job["pixels"]),
        epsilon_func=lambda point: permittivity(point.x, point.y - surface),
        eps_averaging=False,
        boundary_layers=[
            mp.PML(thickness, direction=mp.Y, side=side, R_asymptotic=reflection)
            for thickness, side, reflection in zip(
                job["absorber"], (mp.Low, mp.High), job["absorber_reflection"], strict=True
            )
        ],
        sources=[mp.Source(pulse, component=mp.Ez, center=points[0])],
    )
    sim.init_sim()
    return sim, points


def record(mp: Any, job: dict[str, Any], folder: Path) -> tuple[NDArray[np.float64], float]:
    """Even and odd part of the field after the source, at equal intervals.

    Args:
        mp: The module meep.
        job: Content of `job.json`.
        folder: Where the progress is written.

    Returns:
        Samples, shape (2, time), and their interval as a length c·t [µm]. Stops early, with the
        last sample not finite, when the fields diverge.
    """
    sim, points = simulation(mp, job)
    fields, pixel = sim.fields, job["period"] / job["pixels"]
    cycle = job["wavelength"] / pixel / fields.dt  # in steps
    stride = max(1, int(cycle / SAMPLES_PER_CYCLE))
    start = ceil(fields.last_source_time() / fields.dt / stride)
    count = start + ceil(RECORDED_CYCLES * cycle / stride)
    signals, reported = np.zeros((2, count)), 0.0
    for sample in range(count):
        for _ in range(stride):
            fields.step()
        here, there = (sim.get_field_point(mp.Ez, point).real for point in points)
        signals[:, sample] = (here + there) / 2, (here - there) / 2
        if not isfinite(here + there) or max(abs(here), abs(there)) > 1e100:
            signals[:, sample] = np.nan
            return signals[:, : sample + 1], stride * fields.dt * pixel
        if mp.am_master() and time.monotonic() - reported > 0.2:
            reported = time.monotonic()
            (folder / "new-progress").write_text(f"{sample / count}")
            os.replace(folder / "new-progress", folder / "progress")
    return signals[:, start:], stride * fields.dt * pixel


def main(folder: Path, ranks: int) -> None:
    """Do the job of one folder.

    Args:
        folder: Holds `job.json`; gets `result.npz`.
        ranks: How many MPI processes were started.
    """
    import meep as mp

    if mp.count_processors() != ranks:
        sys.exit(
            f"{ranks} processes were started but MEEP sees {mp.count_processors()}: "
            "mpirun belongs to another MPI than MEEP."
        )
    if mp.am_master():
        threading.Thread(target=_end_with_parent, daemon=True).start()
    mp.verbosity(0)
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    recorder = record
    if job.get("kind") == "guide":
        recorder = runpy.run_path(str(Path(__file__).with_name("guide.py")))["record"]
    signals, interval = recorder(mp, job, folder)
    if mp.am_master():
        np.savez(folder / "new-result.npz", signals=signals, interval=interval)
        os.replace(folder / "new-result.npz", folder / "result.npz")


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: its end of the pipe closes."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
