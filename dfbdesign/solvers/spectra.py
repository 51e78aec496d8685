r"""Spontaneous emission of a grating cavity below threshold, by its Green's function.

Spontaneous emission drives the coupled waves of `transfer_matrix`, $W = (R, S)$, at every place,
$W' = M W + f$. With u the solution without input at the left end, v the one without input at the
right end, and the constant $D = u_R v_S - u_S v_R$, a source f at x' makes

$$ W(x < x') = -\frac{f_R v_S - f_S v_R}{D}\,u(x), \qquad
   W(x > x') = -\frac{f_R u_S - f_S u_R}{D}\,v(x) , $$

with v and u of the source at x'. A cavity with gain $\mathrm{diag}(g, g)$ and gain coupling
$2\,\mathrm{Im}\,\kappa = q$ amplifies by
$\frac{d}{dx}(|R|^2 - |S|^2) = g(|R|^2 + |S|^2) + 2 q\,\mathrm{Re}(R^* S)$; its quantum noise has
$\langle f_R f_R^* \rangle = \langle f_S f_S^* \rangle = g$ and
$\langle f_R f_S^* \rangle = -q$ photons per second and hertz at full inversion (Henry, J. Lightwave
Technol. 4, 288, 1986). So what leaves an end is exactly what the device adds to light that enters
there, $|r|^2 + |t|^2 - 1$.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import within
from dfbdesign.errors import InputError
from dfbdesign.solvers.transfer_matrix import Cavity, Section

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True)
class Emission:
    """Spontaneous emission spectra of a cavity, each of the shape of the detunings."""

    left: Real
    """Photons through the left facet, per second and hertz."""
    right: Real
    """Photons through the right facet, per second and hertz."""


def emission(
    cavity: Cavity, detuning: ArrayLike, gain: float, noise: ArrayLike | None = None
) -> Emission:
    """Spontaneous emission through both ends, below threshold.

    Args:
        cavity: Sections and facets.
        detuning: Real common detunings, shape (point,) [1/µm].
        gain: Power gain of a fully pumped section [1/µm], below threshold.
        noise: Strength of the emission of each section into each wave, and of its correlation
            between both waves, shape (section, 2) [1/µm]: g and q, each times the inversion
            factor. If left out, fully inverted uniform gain: the pumped gain, and 0.

    Returns:
        Spectra, which grow without limit as a threshold is reached.

    Raises:
        InputError: If the shape of the noise is not that of the sections, or its correlation
            exceeds its strength.

    Examples:
        A pumped stretch without lines emits exp(gL) - 1 photons per second and hertz.

        >>> amplifier = Cavity((Section(length=500 * um, kappa=0.0),))
        >>> emitted = emission(amplifier, [0.0, 0.01], gain=40 / cm)
        >>> print(emitted.left.round(6), round(np.exp(2.0) - 1, 6))
        [6.389056 6.389056] 6.389056
    """
    points = np.atleast_1d(np.asarray(detuning, dtype=float))
    strength = _checked(cavity, gain, noise)
    local = [_local(section, points, gain) for section in cavity.sections]
    rightward, leftward = _from_left(cavity, local), _from_right(cavity, local)
    shared = zip(cavity.sections, local, strength, strict=True)
    left, right = np.zeros(points.shape), np.zeros(points.shape)
    for number, (section, delta, (own, mixed)) in enumerate(shared):
        place, weight = _quadrature(section, delta)
        u = _carried(section, delta, place, rightward[number] * _jump(section))
        v = _carried(section, delta, place - section.length, leftward[number])
        constant = np.abs(u[0] * v[1] - u[1] * v[0]) ** 2
        left += weight @ (_source(v, own, mixed) / constant)
        right += weight @ (_source(u, own, mixed) / constant)
    out = [1 - abs(facet) ** 2 for facet in (cavity.left, cavity.right)]
    return Emission(left=out[0] * left, right=out[1] * right)


def _checked(cavity: Cavity, gain: float, noise: ArrayLike | None) -> Real:
    if noise is None:
        return np.array([(section.pump * max(gain, 0.0), 0.0) for section in cavity.sections])
    strength = np.asarray(noise, dtype=float)
    if strength.shape != (len(cavity.sections), 2):
        raise InputError(
            f"noise needs two numbers for each of the {len(cavity.sections)} sections, "
            f"got the shape {strength.shape}."
        )
    for own, mixed in strength:
        within("correlation in noise, against its strength,", abs(mixed), 0, float(own))
    return strength


def _local(section: Section, detuning: Real, gain: float) -> Complex:
    return np.asarray(detuning - section.detuning - 0.5j * (section.gain + section.pump * gain))


def _jump(section: Section) -> Complex:
    return np.asarray(np.exp(1j * section.phase * np.array([1, -1]))[:, None])


def _from_left(cavity: Cavity, local: list[Complex]) -> list[Complex]:
    """The solution without input from the left, in front of each section and its jump."""
    point = np.ones(local[0].shape, dtype=complex)
    waves = [np.stack([cavity.left * point, point])]
    for section, delta in zip(cavity.sections[:-1], local[:-1], strict=True):
        distance = np.array([section.length])
        waves.append(_carried(section, delta, distance, waves[-1] * _jump(section))[:, 0])
    return waves


def _from_right(cavity: Cavity, local: list[Complex]) -> list[Complex]:
    """The solution without input from the right, behind each section."""
    point = np.ones(local[0].shape, dtype=complex)
    waves = [np.stack([point, cavity.right * point])]
    for section, delta in zip(cavity.sections[:0:-1], local[:0:-1], strict=True):
        distance = np.array([-section.length])
        waves.append(_carried(section, delta, distance, waves[-1])[:, 0] / _jump(section))
    return waves[::-1]


def _quadrature(section: Section, delta: Complex) -> tuple[Real, Real]:
    """Gauss-Legendre places and weights that resolve the fastest wave of a section."""
    fastest = float(np.abs(np.sqrt(section.kappa**2 - delta**2)).max())
    edges = np.linspace(0, section.length, 2 + int(fastest * section.length))
    half = np.diff(edges) / 2
    places = (edges[:-1] + half)[:, None] + half[:, None] * NODES
    return places.ravel(), (half[:, None] * WEIGHTS).ravel()


def _carried(section: Section, delta: Complex, distance: Real, waves: Complex) -> Complex:
    """Waves at distances from where they are given; shape (2, distance, point)."""
    s, x = np.sqrt(section.kappa**2 - delta**2), distance[:, None]
    cosh, sinh = np.cosh(s * x), x * np.sinc(1j * s * x / np.pi)  # sinh(sx)/s, also at s = 0
    turn = np.stack(
        [
            delta * waves[0] - section.kappa * waves[1],
            section.kappa * waves[0] - delta * waves[1],
        ]
    )
    return np.asarray(cosh * waves[:, None] + 1j * sinh * turn[:, None])


def _source(waves: Complex, own: float, mixed: float) -> Real:
    """Mean square of f_R w_S - f_S w_R."""
    crossed = 2 * mixed * (waves[1] * waves[0].conj()).real
    return np.asarray(own * (np.abs(waves) ** 2).sum(axis=0) + crossed)
