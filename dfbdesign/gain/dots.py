r"""Filling of the band-edge levels of quantum dots, and the inversion that follows.

A dot has $g$ electron and $g$ hole levels at the band edge ($g = 8$ in lead salts). With $D$
permanent electrons and $N$ excitons it holds $n_e = \min(N + D, g)$ electrons and
$n_h = \min(N, g)$ holes there. After a short pump pulse $N$ is Poisson distributed about its mean.
Light of one photon energy is amplified by every electron-hole pair and absorbed by every empty pair
of levels, so the gain, in units of the absorption of the neutral dot at that photon energy, is

$$ \text{inversion} = \frac{\langle n_e n_h\rangle / \rho
   - \langle (g - n_e)(g - n_h)\rangle}{g^2} . $$

$\rho = S_{abs}/S_{em}$ weighs absorption against emission; detailed balance makes it
$\exp[(E - E_\mu)/kT]$ (McCumber, Phys. Rev. 136, A954 (1964)). Without a shift between the two
spectra $\rho = 1$, the products cancel, and the law is linear:
$(\langle n_e\rangle + \langle n_h\rangle - g)/g$.

How the permanent electrons spread over the dots is a model choice that moves the threshold:

| distribution | each dot holds |
|---|---|
| `fixed` | the same whole number of electrons |
| `mixture` | one of the two whole numbers next to the mean |
| `binomial` | each of its $g$ levels filled independently |
| `saturated-poisson` | a Poisson number, of which at most $g$ stay at the band edge |

In all of them `doping` is the mean number of permanent electrons at the band edge, which is what
the bleach of the first absorption peak measures. A mean over the Poisson number of excitons of a
quantity $f$ that stays constant once all levels are full is the finite sum

$$ \langle f\rangle = f(0) + \sum_{j=1}^{g} [f(j) - f(j-1)]\,P(N \ge j) , $$

in which $P(N \ge j)$ is the regularised incomplete gamma function: exact, and stable at any pump.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb, exp, isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import nearest, positive
from dfbdesign.device import DopingDistribution
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.units import BOLTZMANN

Real = NDArray[np.float64]

_ALL_FULL = 1e3  # mean excitons at which P(N < g) vanishes in double precision, for any sensible g


@dataclass(frozen=True, eq=False)
class Dots:
    """The dots of a film: degeneracy, doping, and the model choices.

    Examples:
        >>> float(transparency_threshold(Dots(doping=7)).round(5))
        0.56714
    """

    doping: ArrayLike = 0.0
    """Mean permanent electrons per dot at the band edge, any shape."""
    distribution: DopingDistribution = "fixed"
    """How the permanent electrons spread over the dots."""
    degeneracy: int = 8
    """Electron levels, and hole levels, at the band edge."""
    absorption_over_emission: float = 1.0
    """Spectral weight of absorption over that of emission at the photon energy of interest."""

    def __post_init__(self) -> None:
        if not (isinstance(self.degeneracy, int) and 1 <= self.degeneracy <= 100):
            raise InputError(f"degeneracy must be a whole number, 1 to 100, got {self.degeneracy}.")
        if self.distribution not in _WEIGHTS:
            raise InputError(
                f'doping_distribution "{self.distribution}" is unknown. '
                f"{nearest(self.distribution, list(_WEIGHTS))}"
            )
        positive("absorption_over_emission", self.absorption_over_emission)
        doping = np.asarray(self.doping, dtype=float)
        _refuse(
            doping,
            ~((doping >= 0) & (doping <= self.degeneracy)),
            f"doping must lie in [0, {self.degeneracy}] electrons per dot, got {{:g}}.",
        )
        if self.distribution == "fixed":
            _refuse(
                doping,
                doping != np.round(doping),
                'doping must be a whole number with the "fixed" distribution, got {:g}. Set '
                f"doping_distribution to {' or '.join(n for n in _WEIGHTS if n != 'fixed')}.",
            )


def detailed_balance(shift: float, temperature: float) -> float:
    """Ratio of absorption to emission at a photon energy, from their detailed balance.

    Args:
        shift: Photon energy less the energy at which the two are equal, negative on the red side
            where an emission shifted to the red is looked at [pJ].
        temperature: Temperature of the carriers [K].

    Returns:
        Spectral weight of absorption over that of emission, exp(shift / kT).

    Raises:
        InputError: If the temperature is not positive, or the shift not finite.

    Examples:
        >>> round(detailed_balance(-0.00475 * eV, 300), 3)
        0.832
    """
    positive("temperature (in K)", temperature)
    if not isfinite(shift):
        raise InputError(f"shift must be a finite energy, got {shift}.")
    return exp(shift / (BOLTZMANN * temperature))


def doping_weights(dots: Dots) -> Real:
    """Probability that a dot holds 0, 1, ... g permanent electrons at its band edge.

    Args:
        dots: The dots.

    Returns:
        Probabilities, shape (..., electrons) with electrons = 0 to g.

    Examples:
        >>> doping_weights(Dots(doping=1.25, distribution="mixture", degeneracy=2))
        array([0.  , 0.75, 0.25])
    """
    doping = np.asarray(dots.doping, dtype=float)[..., None]
    return _WEIGHTS[dots.distribution](doping, dots.degeneracy)


def occupations(excitons: ArrayLike, dots: Dots) -> tuple[Real, Real]:
    """Mean electrons and holes in the band-edge levels of a dot.

    Args:
        excitons: Mean excitons per dot; broadcasts against the doping.
        dots: The dots.

    Returns:
        Mean electrons and mean holes per dot, each of the broadcast shape.

    Raises:
        InputError: If a number of excitons is negative or not finite.

    Examples:
        >>> electrons, holes = occupations(1.0, Dots(doping=7))
        >>> round(float(electrons), 4), round(float(holes), 4)
        (7.6321, 1.0)
    """
    mean = _excitons(excitons)
    electrons, holes = _filling(dots.degeneracy)
    electrons = doping_weights(dots) @ electrons
    return _average(electrons, mean), _average(np.broadcast_to(holes, electrons.shape), mean)


def inversion(excitons: ArrayLike, dots: Dots) -> Real:
    """Net gain in units of the band-edge absorption of the neutral dots.

    Args:
        excitons: Mean excitons per dot; broadcasts against the doping.
        dots: The dots.

    Returns:
        Inversion of the broadcast shape: -(1 - doping / g) without pump, zero at transparency,
        1 / absorption_over_emission with all levels full.

    Raises:
        InputError: If a number of excitons is negative or not finite.

    Examples:
        >>> inversion([0.0, 4.03548, 1000.0], Dots()).round(5) + 0.0
        array([-1.,  0.,  1.])
    """
    return _average(_strength(dots), _excitons(excitons))


def state_inversion(dots: Dots) -> Real:
    """Inversion of single dots with known numbers of electrons and excitons.

    Args:
        dots: The dots; their doping is of no account.

    Returns:
        Inversion, shape (electron, exciton): 0 to g permanent electrons, 0 to g excitons (with
        more excitons it stays).

    Examples:
        >>> state_inversion(Dots(degeneracy=2))
        array([[-1. ,  0. ,  1. ],
               [-0.5,  0.5,  1. ],
               [ 0. ,  0.5,  1. ]])
    """
    g = dots.degeneracy
    electrons, holes = _filling(g)
    emission = electrons * holes / dots.absorption_over_emission
    return np.asarray((emission - (g - electrons) * (g - holes)) / g**2)


def emission_and_absorption(excitons: ArrayLike, dots: Dots) -> tuple[Real, Real]:
    """Filled and empty pairs of levels: what weighs the emission and the absorption spectrum.

    Args:
        excitons: Mean excitons per dot; broadcasts against the doping.
        dots: The dots; their spectral weight is of no account.

    Returns:
        Parts of the g² pairs of levels that can emit, and that can absorb, of the broadcast shape.

    Raises:
        InputError: If a number of excitons is negative or not finite.

    Examples:
        >>> emitting, absorbing = emission_and_absorption(0.0, Dots(doping=7))
        >>> float(emitting), float(absorbing)
        (0.0, 0.125)
    """
    mean, g = _excitons(excitons), dots.degeneracy
    electrons, holes = _filling(g)
    weights = doping_weights(dots)
    emitting = weights @ (electrons * holes) / g**2
    absorbing = weights @ ((g - electrons) * (g - holes)) / g**2
    return _average(emitting, mean), _average(absorbing, mean)


def bleach(excitons: ArrayLike, dots: Dots) -> Real:
    """Normalised bleach |Δα/α0| of transient absorption: above one there is gain.

    The reference α0 is the absorption of the film as it is without pump: of a doped film, only what
    the permanent electrons leave of it, 1 - doping / g.

    Args:
        excitons: Mean excitons per dot; broadcasts against the doping.
        dots: The dots.

    Returns:
        Bleach of the broadcast shape, zero without pump.

    Raises:
        InputError: If a number of excitons is negative or not finite, or the doping alone bleaches
            the band edge completely.

    Examples:
        >>> float(bleach(0.56714, Dots(doping=7)).round(4))
        1.0
    """
    strength = _strength(dots)
    _refuse(
        np.asarray(dots.doping, dtype=float),
        strength[..., 0] == 0,
        "doping of {:g} electrons per dot leaves no absorption to be bleached. "
        "Give a doping below the degeneracy.",
    )
    return 1 - _average(strength, _excitons(excitons)) / strength[..., 0]


def excitons_for_inversion(inversion: ArrayLike, dots: Dots) -> Real:
    """Mean excitons per dot at which an inversion is reached: the inverse of `inversion`.

    Args:
        inversion: Inversion to reach; broadcasts against the doping.
        dots: The dots.

    Returns:
        Mean excitons per dot of the broadcast shape.

    Raises:
        InputError: If an inversion is not finite.
        PhysicsError: If an inversion lies below that of the unpumped dots, or is not below the
            limit of full levels, which the message names.

    Examples:
        >>> float(excitons_for_inversion(0.0, Dots()).round(4))
        4.0355
    """
    strength = _strength(dots)
    target = np.asarray(inversion, dtype=float)
    _refuse(target, ~np.isfinite(target), "inversion must be finite, got {:g}.")
    least, largest = strength[..., 0], _average(strength, np.asarray(_ALL_FULL))
    target, least, largest = np.broadcast_arrays(target, least, largest)
    for beyond, limit, words in (
        (target >= largest, largest, "is out of reach of any pump: full levels give"),
        (target < least, least, "is below what the dots have without pump:"),
    ):
        if beyond.any():
            raise PhysicsError(f"inversion {target[beyond][0]:g} {words} {limit[beyond][0]:g}.")
    return _invert(lambda excitons: _average(strength, excitons), target)


def transparency_threshold(dots: Dots) -> Real:
    """Mean excitons per dot at which gain starts.

    Args:
        dots: The dots.

    Returns:
        Mean excitons per dot, of the shape of the doping.

    Examples:
        >>> transparency_threshold(Dots(doping=range(6, 9))).round(5)
        array([1.06009, 0.56714, 0.     ])
    """
    return excitons_for_inversion(0.0, dots)


def _refuse(values: Real, wrong: NDArray[np.bool_], message: str) -> None:
    """Raise with the first of the values that are wrong put into the message."""
    if np.any(wrong):
        raise InputError(message.format(values[wrong].flat[0]))


def _excitons(excitons: ArrayLike) -> Real:
    mean = np.asarray(excitons, dtype=float)
    _refuse(
        mean,
        ~((mean >= 0) & np.isfinite(mean)),
        "excitons per dot must be zero or a positive number, got {:g}.",
    )
    return mean


def _filling(degeneracy: int) -> tuple[Real, Real]:
    """Electrons, shape (doped electron, exciton), and holes, shape (exciton), of one dot."""
    levels = np.arange(degeneracy + 1.0)
    return np.minimum(levels[:, None] + levels, degeneracy), levels


def _strength(dots: Dots) -> Real:
    """Inversion of dots with 0 to g excitons, averaged over the doping; shape (..., exciton)."""
    return np.asarray(doping_weights(dots) @ state_inversion(dots))


def _at_least(mean: Real, number: int) -> Real:
    """P(N >= 1), ... P(N >= number) of Poisson numbers N; shape (..., number)."""
    from scipy.special import gammainc

    return np.asarray(gammainc(np.arange(1, number + 1), mean[..., None]))


def _average(table: Real, mean: Real) -> Real:
    """Poisson mean of a quantity known for N = 0 to g and constant beyond; shape (..., N)."""
    tails = _at_least(mean, table.shape[-1] - 1)
    return np.asarray(table[..., 0] + np.sum(np.diff(table) * tails, axis=-1))


def _invert(increasing: Callable[[Real], Real], target: Real) -> Real:
    """Where an increasing function, reached below `_ALL_FULL`, takes its target: bisection."""
    low, high = np.zeros(target.shape), np.full(target.shape, _ALL_FULL)
    for _ in range(100):  # 1e3 / 2^100: the last bit of any result above 1e-11
        middle = (low + high) / 2
        short = increasing(middle) < target
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return low


def _mixture(doping: Real, degeneracy: int) -> Real:
    return np.asarray(np.maximum(0, 1 - np.abs(doping - np.arange(degeneracy + 1))))


def _binomial(doping: Real, degeneracy: int) -> Real:
    k = np.arange(degeneracy + 1)
    filled = doping / degeneracy
    ways = np.array([comb(degeneracy, int(number)) for number in k], dtype=float)
    return np.asarray(ways * filled**k * (1 - filled) ** (degeneracy - k))


def _saturated_poisson(doping: Real, degeneracy: int) -> Real:
    offered = _invert(lambda mean: _at_least(mean, degeneracy).sum(axis=-1), doping[..., 0])
    tails = _at_least(offered, degeneracy)
    ones, zeros = np.ones((*offered.shape, 1)), np.zeros((*offered.shape, 1))
    return np.asarray(-np.diff(np.concatenate([ones, tails, zeros], axis=-1)))


_WEIGHTS: dict[str, Callable[[Real, int], Real]] = {
    "fixed": _mixture,
    "mixture": _mixture,
    "binomial": _binomial,
    "saturated-poisson": _saturated_poisson,
}
