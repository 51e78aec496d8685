r"""Runs inside MEEP's own interpreter, called by `worker`: a whole finite grating, TE.

The cell holds the grating between two stretches of what follows it and absorbing layers on all
sides. Every layer and both half-spaces are cut by walls into parts of constant complex
permittivity; so phase shifts, ends of the pump and cleaved ends are all the same to this module.
The materials of all points of the stretched grid come from `nodes`. Only the standard library,
numpy and MEEP may be imported here. Columns are counted from the middle of the grating, rows from
the substrate's surface.

The imaginary part of a permittivity becomes the conductivity
$\sigma = \omega_0\,\epsilon''/\epsilon'$: material gain and absorption $\sigma n / c$ are the same
at all frequencies, as a gain in 1/cm is meant.
"""

import runpy
from collections.abc import Callable
from functools import cache
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

CUTOFF = 4.0
"""Half the length of the pulse over its width."""
EARLIER = 0.7
"""Share of the record that tells the effect of its length."""
HALF = {("E", "y"): (0, 0), ("H", "x"): (0, 1), ("H", "z"): (1, 0)}
"""Whether a component sits in the middle of a pixel along x and along z."""


def record(mp: Any, job: dict[str, Any], sampled: Callable[..., Any]) -> dict[str, Any]:
    """E_y at a point after the source, and on lines at frequencies.

    Args:
        mp: The module meep; its axes X, Y, Z are our x, z and y.
        job: Content of `job.json`.
        sampled: What records the signals, see `worker`.

    Returns:
        `signals`, shape (1, time), their `interval` as a length c·t [µm], and `fields`, shape
        (frequency, line, node); where they are recorded all the time, `earlier` holds what they
        were after a share of the record.
    """
    sim = _simulation(mp, job)
    point = _place(mp, job, *job["point"])
    monitors = _monitors(mp, sim, job) if not job["windowed"] else []
    frequencies, window = np.array(job["frequencies"]) * job["pixel"], cache(np.blackman)
    seen: dict[str, Any] = {"fields": 0.0}

    def read() -> list[float]:
        return [sim.get_field_point(mp.Ez, point).real]

    def gather(sample: int, samples: int) -> None:
        if job["windowed"]:
            turn = np.exp(2j * pi * frequencies * sim.fields.time())
            now = turn[:, None, None] * _lines(mp, sim, job)
            seen["fields"] = seen["fields"] + window(samples)[sample] * now
        elif sample == int(EARLIER * samples):
            seen["earlier"] = integrals()

    def integrals() -> list[list[Any]]:
        return [
            [sim.get_dft_array(one, mp.Ez, number) for one in monitors]
            for number in range(len(frequencies))
        ]

    found = sampled(sim, read, gather if len(frequencies) else None)
    if monitors:
        seen["fields"] = integrals()
    return {**found, **{name: np.array(one, dtype=complex) for name, one in seen.items()}}


def _simulation(mp: Any, job: dict[str, Any]) -> Any:
    """MEEP's simulation, ready to go."""
    columns, rows = (sum(count for _, count in job[name]) for name in ("columns", "rows"))
    medium, conducts = _media(mp, job, columns, rows)
    side, below, above = job["absorber"]
    sim = mp.Simulation(
        cell_size=mp.Vector3(columns, rows),
        resolution=1,
        Courant=job["courant"],
        eps_averaging=False,
        symmetries=[mp.Mirror(mp.X, phase=job["mirror"])] if job["mirror"] else [],
        boundary_layers=[
            mp.PML(side, direction=mp.X),
            mp.PML(below, direction=mp.Y, side=mp.Low),
            mp.PML(above, direction=mp.Y, side=mp.High),
        ],
        sources=_sources(mp, job),
        material_function=medium,
        # MEEP asks no function whether it conducts or is magnetic; an extra material says so
        extra_materials=[mp.Medium(mu=2, D_conductivity=float(conducts))],
    )
    sim.init_sim()
    return sim


def _media(
    mp: Any, job: dict[str, Any], columns: int, rows: int
) -> tuple[Callable[[Any], Any], bool]:
    """Material as a function of the place, and whether any conducts.

    The components that a place does not hold stay zero, or are not asked for.
    """
    values = runpy.run_path(str(Path(__file__).with_name("nodes.py")))["nodes"](job)
    omega = 2 * pi * job["pixel"] / job["index_wavelength"]

    def dielectric(value: complex) -> Any:
        return mp.Medium(epsilon=value.real, D_conductivity=omega * value.imag / value.real)

    def magnetic(value: float) -> Any:
        return mp.Medium(mu=value)

    tables = {
        HALF["E", "y"]: _table(values.permittivity["y"], dielectric),
        HALF["H", "x"]: _table(values.permeability["x"], magnetic),
        HALF["H", "z"]: _table(values.permeability["z"], magnetic),
    }
    nothing = mp.Medium()

    def medium(point: Any) -> Any:
        x, z = round(2 * point.x) + columns, round(2 * point.y) + rows
        half = x % 2, z % 2
        if half not in tables:
            return nothing
        number, media = tables[half]
        row = number[min(max(z // 2, 0), len(number) - 1)]
        return media[row[(x // 2) % columns]]

    return medium, bool(values.permittivity["y"].imag.any())


def _table(values: NDArray[Any], make: Callable[[Any], Any]) -> tuple[list[list[int]], list[Any]]:
    """The number of every node's material, and the materials: a few for millions of nodes."""
    found, number = np.unique(values.round(12), return_inverse=True)
    numbers: Any = number.reshape(values.shape).tolist()
    return numbers, [make(one) for one in found.tolist()]


def _place(mp: Any, job: dict[str, Any], column: float, row: float) -> Any:
    """Where MEEP has a node: it counts both from the middle of the cell."""
    return mp.Vector3(column, row + job["rows"][0][1] - sum(n for _, n in job["rows"]) / 2)


def _sources(mp: Any, job: dict[str, Any]) -> list[Any]:
    """A pulse at a point, or a whole column that sends a slab mode at all its frequencies."""
    source, frequency = job["source"], job["pixel"] / job["wavelength"]
    width = source["bandwidth"] * frequency
    if not source["profiles"]:
        pulse = mp.GaussianSource(frequency, fwidth=width, cutoff=CUTOFF)
        place = _place(mp, job, source["column"], source["row"])
        return [mp.Source(pulse, component=mp.Ez, center=place)]
    last = len(source["profiles"][0]) - 1
    return [
        mp.Source(
            mp.CustomSource(
                _pulse(power, frequency, width),
                start_time=0.0,
                end_time=2 * CUTOFF / width,
                center_frequency=frequency,
                fwidth=width,
            ),
            component=mp.Ez,
            center=_place(mp, job, source["column"], source["row"] + last / 2),
            size=mp.Vector3(0, last),
            amp_func=_shape(profile),
        )
        for power, profile in enumerate(source["profiles"])
    ]


def _pulse(power: int, frequency: float, width: float) -> Callable[[float], complex]:
    """A pulse whose spectrum is a Gaussian times a power of 2π (f - f₀) / width.

    A factor of the frequency is a derivative of the envelope: a Hermite polynomial.
    """
    hermite = np.polynomial.HermiteE.basis(power)

    def pulse(time: float) -> complex:
        u = time * width - CUTOFF
        envelope = (-1j) ** power * hermite(u) * np.exp(-(u**2) / 2)
        return complex(envelope * np.exp(-2j * pi * frequency * time))

    return pulse


def _shape(profile: list[float]) -> Callable[[Any], float]:
    """Amplitude along a column, from its middle."""
    last = len(profile) - 1

    def shape(point: Any) -> float:
        place = min(max(point.y + last / 2, 0.0), float(last))
        low = min(int(place), last - 1)
        return float(profile[low] + (place - low) * (profile[low + 1] - profile[low]))

    return shape


def _places(mp: Any, job: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Centre and size of every line."""
    return [
        (_place(mp, job, (x0 + x1) / 2, (z0 + z1) / 2), mp.Vector3(x1 - x0, z1 - z0))
        for (x0, z0), (x1, z1) in job["lines"]
    ]


def _monitors(mp: Any, sim: Any, job: dict[str, Any]) -> list[Any]:
    """Running Fourier integrals on the nodes of every line, from now on."""
    frequencies = [frequency * job["pixel"] for frequency in job["frequencies"]]
    found = [
        # Every step counts: MEEP leaves out as many as a Gaussian pulse of this width would allow,
        # but those with powers of the frequency are wider.
        sim.add_dft_fields(
            [mp.Ez], frequencies, center=centre, size=size, yee_grid=True, decimation_factor=1
        )
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
