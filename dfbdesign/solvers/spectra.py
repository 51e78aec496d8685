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
Technol. 4, 288, 1986). So what leaves an end is exactly
what the device adds to light that enters there, $|r|^2 + |t|^2 - 1$.

On its way light is lost, or amplified, in proportion to $|R + S|^2$ and $|R - S|^2$, the standing
waves even and odd about the lines: radiated from the surface, absorbed by a material or the film.
With rates $e_j$ and $o_j$ of such a channel in section j, it takes
$\int (e_j |R + S|^2 + o_j |R - S|^2)\,dx$, of incident light as of the light emitted inside.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import within
from dfbdesign.errors import InputError
from dfbdesign.solvers.sections import Cavity, Section, end_reflection, local

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)
_POWERS = np.vander(NODES, increasing=True)
_INTEGRALS = (NODES[:, None] ** (np.arange(8) + 1) - (-1.0) ** (np.arange(8) + 1)) / (
    np.arange(8) + 1
)
UNTIL = np.linalg.solve(_POWERS.T, _INTEGRALS.T).T
"""Weights of the integral from -1 to every node of what is known at the nodes."""


@dataclass(frozen=True)
class Emission:
    """Spontaneous emission spectra of a cavity, each of the shape of the detunings."""

    left: Real
    """Photons through the left end, per second and hertz."""
    right: Real
    """Photons through the right end, per second and hertz."""
    channels: Real
    """Photons that each channel takes, per second and hertz, shape (channel, point)."""


def emission(
    cavity: Cavity,
    detuning: ArrayLike,
    gain: float,
    noise: ArrayLike | None = None,
    channels: ArrayLike | None = None,
) -> Emission:
    """Spontaneous emission through both ends and into channels, below threshold.

    Args:
        cavity: Sections and ends.
        detuning: Real common detunings, shape (point,) [1/µm].
        gain: Power gain of a fully pumped section [1/µm], below threshold.
        noise: Strength of the emission of each section into each wave, and of its correlation
            between both waves, shape (section, 2) [1/µm]: g and q, each times the inversion
            factor. If left out, fully inverted uniform gain: the pumped gain, and 0.
        channels: What each channel takes of |R + S|² and |R - S|², shape (channel, section, 2)
            [1/µm].

    Returns:
        Spectra, which grow without limit as a threshold is reached.

    Raises:
        InputError: If the shape of noise or channels is not that of the sections, or the
            correlation of the noise exceeds its strength.

    Examples:
        A pumped stretch without lines emits exp(gL) - 1 photons per second and hertz.

        >>> amplifier = Cavity((Section(length=500 * um, kappa=0.0),))
        >>> emitted = emission(amplifier, [0.0, 0.01], gain=40 / cm)
        >>> print(emitted.left.round(6), round(np.exp(2.0) - 1, 6))
        [6.389056 6.389056] 6.389056
    """
    points = np.atleast_1d(np.asarray(detuning, dtype=float))
    strength, rates = _noise(cavity, gain, noise), _channels(cavity, channels)
    places = _nodes(cavity, points, gain)
    left = [_source(place.v, *own) for place, own in zip(places, strength, strict=True)]
    right = [_source(place.u, *own) for place, own in zip(places, strength, strict=True)]
    to_left, to_right = (
        np.array([place.weight @ one for place, one in zip(places, sources, strict=True)])
        for sources in (left, right)
    )
    constant = np.abs(places[0].u[0] * places[0].v[1] - places[0].u[1] * places[0].v[0])[0] ** 2
    # Sources left of a place reach it as v, those right of it as u.
    before = np.cumsum(to_right, axis=0) - to_right
    beyond = np.cumsum(to_left[::-1], axis=0)[::-1] - to_left
    taken = np.zeros((rates.shape[0], points.size))
    for number, place in enumerate(places):
        from_left = before[number] + place.until(right[number])
        from_right = beyond[number] + to_left[number] - place.until(left[number])
        for parity in (0, 1):
            even_or_odd = _standing(place.v, parity) * from_left
            even_or_odd += _standing(place.u, parity) * from_right
            taken += rates[:, number, parity, None] * (place.weight @ even_or_odd / constant)
    out = [1 - np.abs(end_reflection(end, points)[0]) ** 2 for end in (cavity.left, cavity.right)]
    return Emission(
        left=out[0] * to_left.sum(axis=0) / constant,
        right=out[1] * to_right.sum(axis=0) / constant,
        channels=taken,
    )


def taken(
    cavity: Cavity, detuning: ArrayLike, channels: ArrayLike, gain: float = 0.0
) -> tuple[Real, Complex, Complex]:
    """What channels take of light that enters the sections from the left, without facets.

    Args:
        cavity: The sections.
        detuning: Real common detunings, shape (point,) [1/µm].
        channels: What each takes of |R + S|² and |R - S|², shape (channel, section, 2) [1/µm].
        gain: Power gain of a fully pumped section [1/µm], below threshold.

    Returns:
        Power over the incident power, shape (channel, point); amplitude reflection and
        transmission, shape (point,) each.

    Raises:
        InputError: If the shape of the channels is not that of the sections.

    Examples:
        What an absorbing grating neither reflects nor transmits is absorbed.

        >>> absorbing = Cavity((Section(length=200 * um, kappa=50 / cm, gain=-20 / cm),))
        >>> [[lost]], r, t = taken(absorbing, [0.0], [[[10 / cm, 10 / cm]]])
        >>> print(f"{lost + abs(r[0]) ** 2 + abs(t[0]) ** 2:.12f}")
        1.000000000000
    """
    points = np.atleast_1d(np.asarray(detuning, dtype=float))
    bare, rates = replace(cavity, left=0.0, right=0.0), _channels(cavity, channels)
    places = _nodes(bare, points, gain)
    first = places[0].start
    lost = np.zeros((rates.shape[0], points.size))
    for number, place in enumerate(places):
        for parity in (0, 1):
            inside = place.weight @ _standing(place.v, parity) / np.abs(first[0]) ** 2
            lost += rates[:, number, parity, None] * inside
    return lost, np.asarray(first[1] / first[0]), np.asarray(1 / first[0])


def _noise(cavity: Cavity, gain: float, noise: ArrayLike | None) -> Real:
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


def _channels(cavity: Cavity, channels: ArrayLike | None) -> Real:
    rates = np.zeros((0, len(cavity.sections), 2)) if channels is None else np.asarray(channels)
    if rates.ndim != 3 or rates.shape[1:] != (len(cavity.sections), 2):
        raise InputError(
            f"each channel needs two numbers for each of the {len(cavity.sections)} sections, "
            f"got the shape {rates.shape}."
        )
    return rates


@dataclass(frozen=True)
class _Nodes:
    """Both solutions at the quadrature nodes of one section."""

    weight: Real
    """Shape (node,) [µm]."""
    u: Complex
    """The solution without input from the left, shape (2, node, point)."""
    v: Complex
    """The solution without input from the right."""
    start: Complex
    """The latter in front of the section and its jump, shape (2, point)."""

    def until(self, values: Real) -> Real:
        """Integral from the start of the section to every node, shape (node, point) [µm]."""
        parts = values.reshape(-1, NODES.size, values.shape[-1])
        half = self.weight.reshape(-1, NODES.size).sum(axis=1)[:, None, None] / 2
        whole = half * np.tensordot(WEIGHTS, parts, axes=(0, 1))[:, None]
        inside = half * np.einsum("ij,pjk->pik", UNTIL, parts)
        return np.asarray((np.cumsum(whole, axis=0) - whole + inside).reshape(values.shape))


def _nodes(cavity: Cavity, points: Real, gain: float) -> list[_Nodes]:
    deltas = [local(section, points, gain) for section in cavity.sections]
    rightward, leftward = _from_left(cavity, deltas, points), _from_right(cavity, deltas, points)
    found = []
    for number, (section, delta) in enumerate(zip(cavity.sections, deltas, strict=True)):
        place, weight = _quadrature(section, delta)
        u = _carried(section, delta, place, rightward[number] * _jump(section))
        v = _carried(section, delta, place - section.length, leftward[number + 1])
        found.append(_Nodes(weight, u, v, leftward[number]))
    return found


def _jump(section: Section) -> Complex:
    return np.asarray(np.exp(1j * section.phase * np.array([1, -1]))[:, None])


def _from_left(cavity: Cavity, deltas: list[Complex], points: Real) -> list[Complex]:
    """The solution without input from the left, in front of each section and its jump."""
    reflection, _ = end_reflection(cavity.left, points)
    waves = [np.stack([reflection, np.ones_like(reflection)])]
    for section, delta in zip(cavity.sections[:-1], deltas[:-1], strict=True):
        distance = np.array([section.length])
        waves.append(_carried(section, delta, distance, waves[-1] * _jump(section))[:, 0])
    return waves


def _from_right(cavity: Cavity, deltas: list[Complex], points: Real) -> list[Complex]:
    """The solution without input from the right, in front of each section, and at the end."""
    reflection, _ = end_reflection(cavity.right, points)
    waves = [np.stack([np.ones_like(reflection), reflection])]
    for section, delta in zip(cavity.sections[::-1], deltas[::-1], strict=True):
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


def _standing(waves: Complex, parity: int) -> Real:
    """|R + S|² or |R - S|²."""
    return np.asarray(np.abs(waves[0] + (-1) ** parity * waves[1]) ** 2)
