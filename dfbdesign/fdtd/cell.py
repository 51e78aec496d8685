r"""Runs inside MEEP's own interpreter, called by `worker`: one period of a grating.

A point source beside the period's middle excites both symmetries. The field is watched there and at
the mirror image. By linearity the half sum of both records is what an even pair of sources would
leave, and the half difference what an odd pair would: with a mirror-symmetric period both parts are
apart exactly, however close their frequencies, because nodes and materials are mirrored, too.
MEEP's own mirror planes are not used: before 1.33 it mishandles them together with a Bloch
wavevector.

An imaginary part $\epsilon''$ of a permittivity becomes the conductivity
$\sigma = \omega_0 \epsilon'' / \epsilon'$, exact at the frequency of the job.
"""

import os
import runpy
import time
from collections.abc import Callable
from math import ceil, isfinite, pi
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLES_PER_CYCLE = 8
BANDWIDTH = 0.2
"""Spectral width of the source, relative to the frequency."""
DIVERGED = 1e100
AXES = {"x": 0, "z": 1, "y": 2}
"""MEEP's axes X, Y, Z are our x, z and y."""


def record(mp: Any, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Even and odd part of the field after the source, at equal intervals.

    Without mirror symmetry they are merely two records of the same oscillations.

    Args:
        mp: The module meep.
        job: Content of `job.json`.
        folder: Where the progress is written.

    Returns:
        `signals`, shape (2, time), and their `interval` as a length c·t [µm]. Stops early, with
        the last sample not finite, when the fields diverge.
    """
    sim, component, points = simulation(mp, job)
    fields, pixel = sim.fields, job["pixel"]
    cycle = job["wavelength"] / pixel / fields.dt  # in steps
    stride = max(1, int(cycle / SAMPLES_PER_CYCLE))
    start = ceil(fields.last_source_time() / fields.dt / stride)
    count = start + ceil(job["cycles"] * cycle / stride)
    signals, reported = np.zeros((2, count)), 0.0
    for sample in range(count):
        for _ in range(stride):
            fields.step()
        here, there = (sim.get_field_point(component, point).real for point in points)
        signals[:, sample] = (here + there) / 2, (here - there) / 2
        if not isfinite(here + there) or max(abs(here), abs(there)) > DIVERGED:
            signals[:, sample] = np.nan
            start, count = min(start, sample), sample + 1
            break
        if mp.am_master() and time.monotonic() - reported > 0.2:
            reported = time.monotonic()
            (folder / "new-progress").write_text(f"{sample / count}")
            os.replace(folder / "new-progress", folder / "progress")
    return {"signals": signals[:, start:count], "interval": stride * fields.dt * pixel}


def simulation(mp: Any, job: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
    """MEEP's simulation of the job, ready to go.

    Args:
        mp: The module meep.
        job: Content of `job.json`.

    Returns:
        The simulation, the component to watch, and the source point and its mirror image.
    """
    values = runpy.run_path(str(Path(__file__).with_name("nodes.py")))["nodes"](job)
    columns, rows = (sum(count for _, count in job[name]) for name in ("columns", "rows"))
    medium, lossy = _media(mp, job, values, columns, rows)
    te = job["polarization"] == "TE"
    component, off = (mp.Ez, 0.0) if te else (mp.Hz, 0.5)
    column, row = job["probe"]
    height = row + job["rows"][0][1] - rows / 2 + off
    points = [mp.Vector3(side * (column + off), height) for side in (1, -1)]
    frequency = job["pixel"] / job["wavelength"]
    pulse = mp.GaussianSource(frequency, fwidth=BANDWIDTH * frequency)
    sim = mp.Simulation(
        cell_size=mp.Vector3(columns, rows),
        resolution=1,
        Courant=job["courant"],
        k_point=mp.Vector3(job["wavevector"] / columns),
        material_function=medium,
        # MEEP asks no function whether it conducts or is magnetic; an extra material says so
        extra_materials=[mp.Medium(mu=2, D_conductivity=float(lossy))],
        eps_averaging=False,
        boundary_layers=[
            mp.PML(thickness, direction=mp.Y, side=side, R_asymptotic=reflection)
            for thickness, side, reflection in zip(
                job["absorber"], (mp.Low, mp.High), job["absorber_reflection"], strict=True
            )
        ],
        sources=[mp.Source(pulse, component=component, center=points[0])],
    )
    sim.init_sim()
    return sim, component, points


def _media(
    mp: Any, job: dict[str, Any], values: Any, columns: int, rows: int
) -> tuple[Callable[[Any], Any], bool]:
    """Material of every node as a function of its place, and whether any conducts."""
    omega = 2 * pi * job["pixel"] / job["wavelength"]
    known: dict[tuple[int, int], Any] = {}

    def lookup(name: str, table: dict[str, NDArray[Any]], x: int, z: int) -> Any:
        """Of one component, at the node with these places in half pixels from lower left."""
        return {
            axis: array[min(max(z // 2, 0), len(array) - 1), (x // 2) % columns]
            for axis, array in table.items()
            if (x % 2, z % 2) == HALF[name, axis]
        }

    def vector(values: dict[str, float], otherwise: float) -> Any:
        three = [otherwise] * 3
        for axis, value in values.items():
            three[AXES[axis]] = float(value)
        return mp.Vector3(*three)

    def medium(point: Any) -> Any:
        key = round(2 * point.x) + columns, round(2 * point.y) + rows
        if key not in known:
            epsilon = lookup("E", values.permittivity, *key)
            sigma = {axis: omega * one.imag / one.real for axis, one in epsilon.items()}
            real = {axis: one.real for axis, one in epsilon.items()}
            known[key] = mp.Medium(
                epsilon_diag=vector(real, 1.0),
                mu_diag=vector(lookup("H", values.permeability, *key), 1.0),
                D_conductivity_diag=vector(sigma, 0.0),
            )
        return known[key]

    lossy = any(bool(array.imag.any()) for array in values.permittivity.values())
    return medium, lossy


HALF = {
    ("E", "y"): (0, 0), ("H", "x"): (0, 1), ("H", "z"): (1, 0),
    ("H", "y"): (1, 1), ("E", "x"): (1, 0), ("E", "z"): (0, 1),
}  # fmt: skip
"""Whether a component sits in the middle of a pixel along x and along z."""
