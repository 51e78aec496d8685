"""Every Bloch mode of a cell in a window of wavenumbers: none missed, none invented.

A contour integral over the resolvent of F(k) gives candidates (Beyn, Linear Algebra Appl. 436, 3839
(2012), integral algorithm 2), Newton steps on the eigenvalue of F next to zero refine them, and the
winding of det F along the same contour counts them. A search that does not find as many modes as
the winding counts is an error, never a shorter list.
"""

from dataclasses import replace
from itertools import pairwise
from math import inf, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged
from dfbdesign.solvers.fourier_modal import Cell, Complex
from dfbdesign.solvers.media import medium
from dfbdesign.units import nm

SEARCHED = 0.08
"""Half-width of the searched window: a pair of band edges across the border is not cut in two."""
LOWEST_Q = 20.0
"""Smallest quality factor searched for; film resonances of a few round trips are left out."""
MOMENTS = 4
"""Pairs of moments of the contour integral."""
ROUNDING = 1e-11
"""Changes of a wavenumber below this, relative, are rounding; with Im k so small Q is infinite."""


def modes_around(cell: Cell, centre: float) -> list[tuple[complex, Complex]]:
    """Every mode around a wavenumber, half-width `SEARCHED`.

    Args:
        cell: One period in one basis.
        centre: Middle of the window, a real wavenumber [1/µm].

    Returns:
        Wavenumber [1/µm] and interface field, shape (n (layers + 1),), of each mode.

    Raises:
        NotConverged: If the modes found are not as many as the winding counts.
    """
    analytic = replace(cell, about=centre)
    starts = [
        start for contour in _contours(analytic, centre) for start in _all_inside(analytic, contour)
    ]
    return [refined(cell, k, vector) for k, vector in starts]


def _anomalies(cell: Cell, centre: float) -> list[float]:
    """Wavenumbers at which a diffraction order grazes a half-space: branch points of F."""
    found: set[float] = set()
    for half_space in (cell.device.substrate, cell.device.superstrate):
        k = np.full(cell.basis.lateral.shape, centre + 0j)
        for _ in range(8):  # K = k n(k): dispersion is weak
            near = medium(half_space.material, k, cell.about)
            te = cell.device.polarization == "TE"
            k = np.abs(cell.basis.lateral) / np.sqrt(near.ordinary if te else near.extraordinary)
        found.update(float(value) for value in k.real)
    return sorted(found)


def _contours(cell: Cell, centre: float) -> list[tuple[float, float, float]]:
    """Centre and half axes of the searched ellipses, one between any two Rayleigh anomalies."""
    low, high = centre * (1 - SEARCHED), centre * (1 + SEARCHED)
    inner = [anomaly for anomaly in _anomalies(cell, centre) if low < anomaly < high]
    edges = [low, *inner, high]
    contours = []
    for start, end in pairwise(edges):
        middle, across = (start + end) / 2, (end - start) / 2
        # the cut below an anomaly bends by y²/2k: a narrow ellipse must not reach it
        up = min(middle / (2 * LOWEST_Q), np.sqrt(across * middle / 2))
        if across > ROUNDING * middle:
            contours.append((middle, across, float(up)))
    return contours


def _all_inside(cell: Cell, contour: tuple[float, float, float]) -> list[tuple[complex, Complex]]:
    """Wavenumber and interface field of every mode in an ellipse, as many as the winding counts."""
    middle, across, up = contour
    scale = max(across, up)
    count = _winding(cell, contour)
    if count == 0:
        return []
    found: list[tuple[complex, Complex]] = []
    for points, extra in ((32, 0), (64, 2), (128, 2), (256, 2), (512, 2)):
        angle = 2 * pi * (np.arange(points) + 0.5) / points
        k = _around(contour, angle)
        weight = (-across * np.sin(angle) + 1j * up * np.cos(angle)) / (1j * points)
        starts = [
            (middle + scale * place, vector)
            for place, vector in _beyn(
                cell.at(k).matrix(), (k - middle) / scale, weight, count + extra
            )
        ]
        found = [
            (k, vector)
            for k, vector in distinct(settled(cell, starts))
            if ((k.real - middle) / across) ** 2 + (k.imag / up) ** 2 < 1
        ]
        if len(found) == count:
            return found
    raise NotConverged(
        f"the search found {len(found)} modes where the contour counts {count}. "
        "Move the target wavelength a little."
    )


def _around(contour: tuple[float, float, float], angle: NDArray[np.float64]) -> Complex:
    """Wavenumbers on an ellipse."""
    middle, across, up = contour
    return np.asarray(middle + across * np.cos(angle) + 1j * up * np.sin(angle))


def _winding(cell: Cell, contour: tuple[float, float, float]) -> int:
    """Zeros of det F inside the contour, from its phase, followed in steps below one radian."""
    angle = 2 * pi * (np.arange(32) + 0.5) / 32
    phase = _phase(cell, contour, angle)
    for _ in range(20):
        steps = (np.diff(phase, append=phase[0]) + pi) % (2 * pi) - pi
        rough = np.abs(steps) > 1.0
        if not rough.any():
            return round(float(steps.sum()) / (2 * pi))
        between = (angle + np.append(angle[1:], angle[0] + 2 * pi))[rough] / 2
        place = np.flatnonzero(rough) + 1
        angle = np.insert(angle, place, between)
        phase = np.insert(phase, place, _phase(cell, contour, between))
    raise NotConverged(
        "a mode lies on the border of the search. Move the target wavelength a little."
    )


def _phase(
    cell: Cell, contour: tuple[float, float, float], angle: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Phase of det F, freed of its poles, on the contour."""
    system = cell.at(_around(contour, angle))
    sign, _ = np.linalg.slogdet(system.matrix())
    return np.asarray(np.angle(sign) + system.log_pole_factor().imag)


def settled(cell: Cell, starts: list[tuple[complex, Complex]]) -> list[tuple[complex, Complex]]:
    """The modes that Newton steps reach; a start too rough to reach one is counted as missing.

    Args:
        cell: One period in one basis.
        starts: Wavenumbers [1/µm] and interface fields.

    Returns:
        Refined wavenumbers and fields, at most as many.
    """
    found = []
    for k, vector in starts:
        try:
            found.append(refined(cell, k, vector))
        except NotConverged:
            continue
    return found


def distinct(found: list[tuple[complex, Complex]]) -> list[tuple[complex, Complex]]:
    """Each mode once: equal wavenumbers count as one mode only if the fields are equal too.

    Args:
        found: Wavenumbers [1/µm] and interface fields.

    Returns:
        The same without repetitions.
    """
    kept: list[tuple[complex, Complex]] = []
    for k, x in found:
        known = any(
            abs(k - other) < 1e-9 * abs(k)
            and abs(np.vdot(x, y)) > 0.999 * np.linalg.norm(x) * np.linalg.norm(y)
            for other, y in kept
        )
        if not known:
            kept.append((k, x))
    return kept


def _beyn(F: Complex, place: Complex, weight: Complex, count: int) -> list[tuple[complex, Complex]]:
    """So many eigenvalues and eigenvectors, those inside the contour among them.

    `place` is k relative to the middle of the contour, scaled to a modulus of one at most.
    """
    size = F.shape[-1]
    probe = np.random.default_rng(0).standard_normal((size, min(size, count + 2)))
    solved = np.linalg.solve(F, probe)
    # More modes than interfaces share a harmonic in a thick film: their fields at the interfaces
    # depend on each other, and only higher moments tell them apart.
    moments = [
        np.einsum("k,kij->ij", weight * place**power, solved) for power in range(2 * MOMENTS)
    ]
    hankel, shifted = (
        np.block([[moments[i + j + start] for j in range(MOMENTS)] for i in range(MOMENTS)])
        for start in (0, 1)
    )
    left, singular, right = np.linalg.svd(hankel, full_matrices=False)
    rank = min(count, int((singular > singular[0] * np.finfo(float).eps).sum()))
    left, singular, right = left[:, :rank], singular[:rank], right[:rank]
    values, vectors = np.linalg.eig(left.conj().T @ shifted @ right.conj().T / singular)
    return [(complex(v), left[:size] @ vectors[:, i]) for i, v in enumerate(values)]


def refined(cell: Cell, k: complex, vector: Complex) -> tuple[complex, Complex]:
    """A mode by Newton steps; the Rayleigh quotient of a symmetric F makes them converge faster.

    Args:
        cell: One period in one basis.
        k: Start [1/µm].
        vector: Interface field to start from, shape (n (layers + 1),).

    Returns:
        Wavenumber and interface field.

    Raises:
        NotConverged: If the steps do not settle; with the last one.
    """
    step: complex = inf
    for _ in range(20):
        system = cell.at(np.asarray(k))
        F = system.matrix()
        vector = np.asarray(np.linalg.solve(F, vector))
        vector = np.asarray(vector / np.abs(vector).max())
        step = complex(-(vector @ F @ vector) / system.wavenumber_form(system.field(vector)))
        k += step
        if abs(step) < ROUNDING * abs(k):
            return k, vector
        if not abs(step) < 0.1 * abs(k):
            break
    raise NotConverged(
        f"the mode near {2 * pi / k.real / nm:.3f} nm did not settle: "
        f"last relative step {abs(step / k):.1e}."
    )
