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

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

COURANT = 0.5
BANDWIDTH = 0.1
"""Spectral width of the source, relative to the frequency."""


def mean_permittivities(job: dict[str, Any]) -> NDArray[np.complex128]:
    """Mean of the painted rectangles over the unit square around every node and half-way node.

    Args:
        job: Content of `job.json`: "cells" across and upwards, both even, "background" (four
            numbers: real and imaginary part of the permittivity in the plane of the substrate, and
            upwards), and "rectangles" in painting order, each its ends across, its ends upwards
            (from the cell's middle), and four such numbers.

    Returns:
        Shape (half step across, half step upwards, 2): from half a pixel outside the lower left end
        of the cell to half a pixel outside the other; in the plane, and upwards.

    Examples:
        >>> guide = [0, 1, 0, 1, 5.0, 0.0, 9.0, 0.0]
        >>> job = {"cells": [2, 2], "background": [1.0, 0.0, 1.0, 0.0], "rectangles": [guide]}
        >>> print(mean_permittivities(job)[..., 0].real)
        [[1. 1. 1. 1. 1. 1. 1.]
         [1. 1. 1. 1. 1. 1. 1.]
         [1. 1. 1. 1. 1. 1. 1.]
         [1. 1. 1. 2. 3. 2. 1.]
         [1. 1. 1. 3. 5. 3. 1.]
         [1. 1. 1. 2. 3. 2. 1.]
         [1. 1. 1. 1. 1. 1. 1.]]
    """
    across, upwards = (2 * (count + 2) for count in job["cells"])  # quarters of pixels
    painted = np.empty((across, upwards, 2), dtype=complex)
    painted[:] = _both(job["background"])
    for left, right, low, high, *permittivity in job["rectangles"]:
        y, z = (
            slice(*np.clip([2 * start + count // 2, 2 * end + count // 2], 0, count))
            for start, end, count in ((left, right, across), (low, high, upwards))
        )
        painted[y, z] = _both(permittivity)
    pairs = (painted[1:] + painted[:-1]) / 2
    return np.asarray((pairs[:, 1:] + pairs[:, :-1]) / 2)


def _both(numbers: list[float]) -> NDArray[np.complex128]:
    plane, plane_imaginary, up, up_imaginary = numbers
    return np.array([complex(plane, plane_imaginary), complex(up, up_imaginary)])


def record(mp: Any, job: dict[str, Any], sampled: Callable[..., Any]) -> dict[str, Any]:
    """E across and E upwards at one point after the sources, at equal intervals.

    MEEP's axes X, Y, Z are our y, z and x.

    Args:
        mp: The module meep.
        job: Content of `job.json`.
        sampled: What records the signals, see `worker`.

    Returns:
        `signals`, shape (2, time), and their `interval` as a length c·t [µm].
    """
    frequency = job["pixel"] / job["wavelength"]
    pulse = mp.GaussianSource(frequency, fwidth=BANDWIDTH * frequency)
    point = mp.Vector3(*job["point"])
    medium, lossy = _media(mp, job)
    sim = mp.Simulation(
        cell_size=mp.Vector3(*job["cells"]),
        resolution=1,
        Courant=COURANT,
        k_point=mp.Vector3(0, 0, job["wavenumber"] * job["pixel"] / (2 * pi)),
        eps_averaging=False,
        material_function=medium,
        # MEEP asks no function whether it conducts; the extra material says that some do
        extra_materials=[mp.Medium(D_conductivity=1)] if lossy else [],
        sources=[mp.Source(pulse, component=one, center=point) for one in (mp.Ex, mp.Ey)],
    )
    sim.init_sim()

    def read() -> list[float]:
        return [sim.get_field_point(one, point).real for one in (mp.Ex, mp.Ey)]

    found: dict[str, Any] = sampled(sim, read)
    return found


def _media(mp: Any, job: dict[str, Any]) -> tuple[Callable[[Any], Any], bool]:
    """Material of every node as a function of its place, and whether any conducts."""
    values = mean_permittivities(job)
    across, upwards = job["cells"]
    omega = 2 * pi * job["pixel"] / job["wavelength"]
    known: dict[tuple[complex, complex], Any] = {}

    def vector(plane: float, up: float) -> Any:
        return mp.Vector3(plane, up, plane)

    def medium(at: Any) -> Any:
        plane, up = values[round(2 * at.x) + across + 1, round(2 * at.y) + upwards + 1]
        if (plane, up) not in known:
            known[plane, up] = mp.Medium(
                epsilon_diag=vector(plane.real, up.real),
                D_conductivity_diag=vector(
                    omega * plane.imag / plane.real, omega * up.imag / up.real
                ),
            )
        return known[plane, up]

    return medium, bool(values.imag.any())
