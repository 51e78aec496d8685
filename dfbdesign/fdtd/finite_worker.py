r"""Runs inside MEEP's own interpreter, called by `worker`: a whole finite grating, TE.

The cell holds the grating between two stretches of what follows it and absorbing layers on all
sides. Every layer and both half-spaces are cut by vertical walls into stretches of constant complex
permittivity; so phase shifts, ends of the pump and cleaved ends are all the same to this module.
Only the standard library, numpy and MEEP may be imported here. Lengths are in pixels, x from the
middle of the grating, z from the substrate's surface, a row of nodes.

Every node of the electric field gets the mean permittivity over the two neighbouring pixels with a
tent as weight (see `worker`), a product of a mean in x and a mean in z. Its imaginary part becomes
the conductivity $\sigma = \omega_0\,\epsilon''/\epsilon'$: material gain and absorption
$\sigma n / c$ are the same at all frequencies, as a gain in 1/cm is meant.
"""

import os
import time
from math import ceil, isfinite, pi
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

COURANT = 0.5
SAMPLES_PER_CYCLE = 8
DIVERGED = 1e100
"""Fields stay far below it however much gain a wave meets on its way out."""


def tent_integral(u: Real) -> Real:
    """Integral of the tent max(0, 1-|u|) up to u.

    Args:
        u: Upper limits [pixels].

    Returns:
        0 below -1, 1 above 1, of the shape of u.

    Examples:
        >>> print(tent_integral(np.array([-1.0, 0.0, 0.5])))
        [0.    0.5   0.875]
    """
    u = np.clip(u, -1.0, 1.0)
    return np.asarray(0.5 + u - 0.5 * u * np.abs(u))


def permittivity(job: dict[str, Any], x: Real, z: Real) -> Complex:
    """Complex permittivity of the nodes of E.

    Args:
        job: Content of `job.json`.
        x: Columns [pixels].
        z: Rows [pixels].

    Returns:
        Shape (row, column).

    Examples:
        >>> plain = {"walls": [], "permittivity": [[1.0, 0.0]]}
        >>> cut = {"walls": [2.0], "permittivity": [[5.0, 0.0], [9.0, 0.5]]}
        >>> job = {"faces": [0.0, 10.0], "regions": [plain, cut, plain]}
        >>> print(permittivity(job, np.array([0.0, 2.0]), np.array([0.0, 5.0])))
        [[3.+0.j    4.+0.125j]
         [5.+0.j    7.+0.25j ]]
    """
    passed = [np.ones_like(z), *(tent_integral(z - face) for face in job["faces"])]
    passed.append(np.zeros_like(z))
    total = np.zeros((len(z), len(x)), dtype=complex)
    for region, low, high in zip(job["regions"], passed[:-1], passed[1:], strict=True):
        values = np.array([complex(*value) for value in region["permittivity"]])
        along = np.full(len(x), values[0])
        walls = np.array(region["walls"], dtype=float)
        for first in range(0, len(walls), 256):  # keeps the table small
            part = slice(first, first + 256)
            along += tent_integral(x[:, None] - walls[part]) @ np.diff(values)[part]
        total += np.outer(low - high, along)
    return total


def record(mp: Any, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """E_y at points after the source, and on lines at frequencies.

    Args:
        mp: The module meep; its axes X, Y, Z are our x, z and y.
        job: Content of `job.json`.
        folder: Where the progress is written.

    Returns:
        `signals`, shape (point, time), their `interval` as a length c·t [µm], and `fields`, shape
        (frequency, line, node). Stops early, with the last sample not finite, when the fields
        diverge.
    """
    sim, points = _simulation(mp, job)
    fields, pixel = sim.fields, job["pixel"]
    monitors = _monitors(mp, sim, job) if not job["windowed"] else []
    cycle = job["wavelength"] / pixel / fields.dt  # in steps
    stride = max(1, int(cycle / SAMPLES_PER_CYCLE))
    start = ceil((fields.last_source_time() / fields.dt + job["wait"] * cycle) / stride)
    count = start + ceil(job["cycles"] * cycle / stride)
    window = np.blackman(count - start)
    signals, reported = np.zeros((len(points), count)), 0.0
    seen: Any = 0.0
    for sample in range(count):
        for _ in range(stride):
            fields.step()
        signals[:, sample] = [sim.get_field_point(mp.Ez, point).real for point in points]
        if not isfinite(total := float(np.abs(signals[:, sample]).sum())) or total > DIVERGED:
            signals[:, sample] = np.nan
            break
        if job["windowed"] and sample >= start:
            turn = np.exp(2j * pi * np.array(job["frequencies"]) * pixel * fields.time())
            now = _lines(mp, sim, job)
            seen = seen + window[sample - start] * turn[:, None, None] * now
        if mp.am_master() and time.monotonic() - reported > 0.2:
            reported = time.monotonic()
            (folder / "new-progress").write_text(f"{sample / count}")
            os.replace(folder / "new-progress", folder / "progress")
    for_each = range(len(job["frequencies"]))
    if monitors:
        seen = [[sim.get_dft_array(one, mp.Ez, f) for one in monitors] for f in for_each]
    return {
        "signals": signals[:, min(start, sample) : sample + 1],
        "interval": stride * fields.dt * pixel,
        "fields": np.array(seen, dtype=complex),
    }


def _simulation(mp: Any, job: dict[str, Any]) -> tuple[Any, list[Any]]:
    """MEEP's simulation, ready to go, and the points to watch."""
    columns, rows = job["cells"]
    surface, frequency = job["surface"], job["pixel"] / job["wavelength"]
    x, z = np.arange(-columns // 2 - 1, columns // 2 + 2), np.arange(rows + 3) - rows // 2 - 1
    values = permittivity(job, x.astype(float), (z - surface).astype(float))

    def at(point: Any) -> complex:  # all other components stay zero
        return complex(values[round(point.y - z[0]), round(point.x - x[0])])

    media: dict[complex, Any] = {}

    def medium(point: Any) -> Any:
        value = at(point)
        if value not in media:
            sigma = 2 * pi * frequency * value.imag / value.real
            media[value] = mp.Medium(epsilon=value.real, D_conductivity=sigma)
        return media[value]

    side, below, above = job["absorber"]
    sim = mp.Simulation(
        cell_size=mp.Vector3(columns, rows),
        resolution=1,
        Courant=COURANT,
        eps_averaging=False,
        symmetries=[mp.Mirror(mp.X, phase=job["mirror"])] if job["mirror"] else [],
        boundary_layers=[
            mp.PML(side, direction=mp.X),
            mp.PML(below, direction=mp.Y, side=mp.Low),
            mp.PML(above, direction=mp.Y, side=mp.High),
        ],
        sources=[_source(mp, job)],
        **(
            # MEEP asks no function whether it conducts; the extra material says that some do
            {"material_function": medium, "extra_materials": [mp.Medium(D_conductivity=1)]}
            if values.imag.any()
            else {"epsilon_func": lambda point: at(point).real}
        ),
    )
    sim.init_sim()
    return sim, [mp.Vector3(column, row + surface) for column, row in job["points"]]


def _source(mp: Any, job: dict[str, Any]) -> Any:
    """A pulse at a point, or on a whole column with the shape of a slab mode."""
    source, frequency = job["source"], job["pixel"] / job["wavelength"]
    pulse = mp.GaussianSource(frequency, fwidth=source["bandwidth"] * frequency, cutoff=4)
    if not source["profile"]:
        place = mp.Vector3(source["column"], source["row"] + job["surface"])
        return mp.Source(pulse, component=mp.Ez, center=place)
    profile = source["profile"]
    middle, last = (len(profile) - 1) // 2, len(profile) - 1

    def shape(point: Any) -> float:  # from the middle of the column
        place = min(max(point.y + middle, 0.0), float(last))
        low = min(int(place), last - 1)
        return float(profile[low] + (place - low) * (profile[low + 1] - profile[low]))

    return mp.Source(
        pulse,
        component=mp.Ez,
        center=mp.Vector3(source["column"], source["row"] + job["surface"] + middle),
        size=mp.Vector3(0, last),
        amp_func=shape,
    )


def _places(mp: Any, job: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Centre and size of every line."""
    surface, found = job["surface"], []
    for (x0, z0), (x1, z1) in job["lines"]:
        centre = mp.Vector3((x0 + x1) / 2, (z0 + z1) / 2 + surface)
        found.append((centre, mp.Vector3(x1 - x0, z1 - z0)))
    return found


def _monitors(mp: Any, sim: Any, job: dict[str, Any]) -> list[Any]:
    """Running Fourier integrals on the nodes of every line, from now on."""
    frequencies = [frequency * job["pixel"] for frequency in job["frequencies"]]
    found = [
        sim.add_dft_fields([mp.Ez], frequencies, center=centre, size=size, yee_grid=True)
        for centre, size in _places(mp, job)
    ]
    if found:
        sim.run(until=0)  # starts them
    return found


def _lines(mp: Any, sim: Any, job: dict[str, Any]) -> Real:
    """The field on all lines now, shape (line, node)."""
    return np.array(
        [
            sim.get_array(component=mp.Ez, center=centre, size=size)
            for centre, size in _places(mp, job)
        ]
    )
