"""How far waves that leave a cavity on the left are from leaving it on the right, too.

A mode is an outgoing wave without input. The wave without input on the left is led through all
sections; what it would need as input on the right is the mismatch. It comes with its derivatives
with respect to two real unknowns, exact, for many points at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbdesign.solvers.sections import Cavity, end_reflection, hyperbolic

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

BLOCK = 512
"""Points taken at a time: as many as a cache holds for a hundred sections."""


def at_threshold(cavity: Cavity, detuning: Real, gain: Real) -> tuple[Complex, Complex, Complex]:
    """The mismatch against detuning and gain: zero for a mode at threshold.

    Args:
        cavity: Sections and ends.
        detuning: Common detuning, shape (point,) [1/µm].
        gain: Power gain of a fully pumped section, shape (point,) [1/µm].

    Returns:
        S - r R at the right end and its derivatives with respect to both, all times one positive
        number per point.
    """
    points = np.asarray(detuning + 0j)
    blocks = [slice(i, i + BLOCK) for i in range(0, max(1, points.size), BLOCK)]
    parts = [_mismatch(cavity, points[one], gain[one], (1, 0), (0, 1)) for one in blocks]
    value, dx, dy = (np.concatenate(one) for one in zip(*parts, strict=True))
    return value, dx, dy


def cold(cavity: Cavity, real: Real, imaginary: Real) -> tuple[Complex, Complex, Complex]:
    """The mismatch without pump against the complex detuning: zero for a mode.

    Args:
        cavity: Sections and ends.
        real: Real part of the common detuning, shape (point,) [1/µm].
        imaginary: Imaginary part, shape (point,) [1/µm].

    Returns:
        As `at_threshold`, the derivatives with respect to both parts.
    """
    return _mismatch(cavity, np.asarray(real + 1j * imaginary), 0.0, (1, 1j), (0, 0))


def _mismatch(
    cavity: Cavity,
    detuning: Complex,
    gain: Real | float,
    moves: tuple[complex, complex],
    pumps: tuple[float, float],
) -> tuple[Complex, Complex, Complex]:
    """What enters from the right when nothing enters from the left, and two derivatives.

    Args:
        cavity: The cavity.
        detuning: Common detuning, shape (point,).
        gain: Power gain of a fully pumped section.
        moves: Derivatives of the detuning with respect to both unknowns.
        pumps: Derivatives of the gain with respect to both unknowns.

    Returns:
        S - r R at the right facet and its derivatives, all times one positive number per point.
    """
    (left, by_left), (right, by_right) = (
        end_reflection(end, detuning) for end in (cavity.left, cavity.right)
    )
    rows = _rows(cavity)
    delta = rows.group * detuning - rows.own - 0.5j * rows.pump * gain
    (a, b, c, d), slopes = _matrices(rows, delta)
    rate = np.stack(
        [
            rows.group * move - 0.5j * rows.pump * pump
            for move, pump in zip(moves, pumps, strict=True)
        ],
        axis=1,
    )
    # R and S, each with both derivatives.
    forward = np.stack([left, *(move * by_left for move in moves)])
    back = np.stack([np.ones_like(left), np.zeros_like(left), np.zeros_like(left)])
    for j in range(len(rows.kappa)):
        own = [
            rate[j] * (slopes[entry][j] * forward[0] + slopes[entry + 1][j] * back[0])
            for entry in (0, 2)
        ]
        forward, back = a[j] * forward + b[j] * back, c[j] * forward + d[j] * back
        forward[1:] += own[0]
        back[1:] += own[1]
        size = np.sqrt(np.abs(forward[0]) ** 2 + np.abs(back[0]) ** 2)
        forward, back = forward / size, back / size
    value, dx, dy = back - right * forward
    dx, dy = (
        slope - move * by_right * forward[0] for slope, move in zip((dx, dy), moves, strict=True)
    )
    return value, dx, dy


@dataclass(frozen=True)
class _Rows:
    """The sections of a cavity as columns, shape (section, 1) each."""

    length: Real
    kappa: Complex
    own: Complex
    """What Δ has of its own: line centre and fixed gain."""
    pump: Real
    group: Real
    jump: Complex


def _rows(cavity: Cavity) -> _Rows:
    table = np.array(
        [
            (s.length, s.kappa, s.detuning + 0.5j * s.gain, s.pump, s.group, np.exp(1j * s.phase))
            for s in cavity.sections
        ]
    )[:, :, None]
    length, kappa, own, pump, group, jump = table.swapaxes(0, 1)
    return _Rows(length.real, kappa, own, pump.real, group.real, jump)


def _matrices(rows: _Rows, delta: Complex) -> tuple[Complex, Complex]:
    """Entries of each section's matrix, jump included, and their slopes against Δ.

    Args:
        rows: The sections.
        delta: Δ of each, shape (section, point).

    Returns:
        Shape (entry, section, point) each, times one positive number per section and point.
    """
    cosh, sinh, dcosh, dsinh, _ = hyperbolic(rows.kappa, rows.length, delta)
    along, across = 1j * delta * sinh, 1j * rows.kappa * sinh
    by_along, by_across = 1j * (delta * dsinh + sinh), 1j * rows.kappa * dsinh
    there, back = rows.jump, 1 / rows.jump
    return (
        np.stack([(cosh + along) * there, -across * back, across * there, (cosh - along) * back]),
        np.stack(
            [
                (dcosh + by_along) * there,
                -by_across * back,
                by_across * there,
                (dcosh - by_along) * back,
            ]
        ),
    )
