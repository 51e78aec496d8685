r"""Runs inside MEEP's own interpreter, called by `worker`: one period of a grating.

A point source beside the period's middle excites both symmetries. The field is watched there and at
the mirror image. By linearity the half sum of both records is what an even pair of sources would
leave, and the half difference what an odd pair would: with a mirror-symmetric period both parts are
apart exactly, however close their frequencies, because nodes and materials are mirrored, too.
MEEP's own mirror planes are not used: before 1.33 it mishandles them together with a Bloch
wavevector.

Permittivities are run as `dispersion` fits them: node by node a limit, strengths of lines where an
index depends on frequency or absorbs, and a conductivity where it amplifies.
"""

import runpy
from collections.abc import Callable
from math import pi, sqrt
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

BANDWIDTH = 0.2
"""Spectral width of the source, relative to the frequency."""
AXES = {"x": 0, "z": 1, "y": 2}
"""MEEP's axes X, Y, Z are our x, z and y."""


def record(mp: Any, job: dict[str, Any], sampled: Callable[..., Any]) -> dict[str, Any]:
    """Even and odd part of the field after the source, at equal intervals.

    Without mirror symmetry they are merely two records of the same oscillations.

    Args:
        mp: The module meep.
        job: Content of `job.json`.
        sampled: What records the signals, see `worker`.

    Returns:
        `signals`, shape (2, time), and their `interval` as a length c·t [µm].
    """
    sim, component, points = simulation(mp, job)

    def read() -> list[float]:
        here, there = (sim.get_field_point(component, point).real for point in points)
        return [(here + there) / 2, (here - there) / 2]

    found: dict[str, Any] = sampled(sim, read)
    return found


def simulation(mp: Any, job: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
    """MEEP's simulation of the job, ready to go.

    Args:
        mp: The module meep.
        job: Content of `job.json`.

    Returns:
        The simulation, the component to watch, and the source point and its mirror image.
    """
    columns, rows = (sum(count for _, count in job[name]) for name in ("columns", "rows"))
    medium, every = _media(mp, job, columns, rows)
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
        extra_materials=[every],
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


def _fits(job: dict[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Fits of the permittivity of all nodes, and permeabilities, by axis."""
    nodes = _beside("nodes.py", "nodes")
    fit, slope = (_beside("dispersion.py", name) for name in ("fit", "slope"))
    here, more = nodes(job), job.get("dispersive")
    if more is None:
        fits = {axis: fit(one, 0 * one) for axis, one in here.permittivity.items()}
        return fits, here.permeability
    slower, faster = (
        nodes(job | {"slabs": more[name]}).permittivity for name in ("slower", "faster")
    )
    fits = {
        axis: fit(one, slope(slower[axis], faster[axis]), more["poles"])
        for axis, one in here.permittivity.items()
    }
    return fits, here.permeability


def _beside(file: str, name: str) -> Callable[..., Any]:
    """A function of a file beside this one."""
    found: Callable[..., Any] = runpy.run_path(str(Path(__file__).with_name(file)))[name]
    return found


def _lines(fits: dict[str, Any]) -> list[tuple[Any, dict[str, NDArray[Any]]]]:
    """Coefficients of every line in use, and its strengths by axis."""
    found, (one, *_) = [], fits.values()
    for number, line in enumerate(one.lines):
        tables = {axis: fit.strengths[number] for axis, fit in fits.items()}
        if any(bool(table.any()) for table in tables.values()):
            found.append((line, tables))
    return found


def _media(
    mp: Any, job: dict[str, Any], columns: int, rows: int
) -> tuple[Callable[[Any], Any], Any]:
    """Material of every node as a function of its place, and one with everything any may have."""
    frequency = job["pixel"] / job["wavelength"]
    fits, permeability = _fits(job)
    limit = {axis: fit.limit for axis, fit in fits.items()}
    conductivity = {axis: 2 * pi * frequency * fit.conductivity for axis, fit in fits.items()}
    lines = _lines(fits)
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

    def susceptibilities(strength: Callable[[dict[str, Any]], Any]) -> list[Any]:
        kinds = mp.DrudeSusceptibility, mp.LorentzianSusceptibility
        return [
            kinds[bool(a)](
                frequency=frequency / sqrt(b), gamma=frequency * g / b, sigma_diag=strength(table)
            )
            for (a, b, g), table in lines
        ]

    def medium(point: Any) -> Any:
        key = round(2 * point.x) + columns, round(2 * point.y) + rows
        if key not in known:
            known[key] = mp.Medium(
                epsilon_diag=vector(lookup("E", limit, *key), 1.0),
                mu_diag=vector(lookup("H", permeability, *key), 1.0),
                D_conductivity_diag=vector(lookup("E", conductivity, *key), 0.0),
                E_susceptibilities=susceptibilities(
                    lambda table: vector(lookup("E", table, *key), 0.0)
                ),
            )
        return known[key]

    # MEEP asks no function whether it conducts, is magnetic or has lines; this one says so
    every = mp.Medium(
        mu=2,
        D_conductivity=float(any(bool(one.any()) for one in conductivity.values())),
        E_susceptibilities=susceptibilities(lambda _: mp.Vector3(1.0, 1.0, 1.0)),
    )
    return medium, every


HALF = {
    ("E", "y"): (0, 0), ("H", "x"): (0, 1), ("H", "z"): (1, 0),
    ("H", "y"): (1, 1), ("E", "x"): (1, 0), ("E", "z"): (0, 1),
}  # fmt: skip
"""Whether a component sits in the middle of a pixel along x and along z."""
