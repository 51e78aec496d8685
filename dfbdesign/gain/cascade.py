r"""Donor dots that hand their excitons on to emitter dots of smaller gap.

Mean excitons per dot, donor $N_D$ and emitter $N_E$, after a pulse at time zero:

$$ \dot N_f = -N_f\left(\frac{1-b}{\tau_{CT}} + \frac1{\tau_D}\right) , \quad
   \dot N_s = -\frac{N_s}{\tau_D} , \quad
   \dot N_E = \rho\,\frac{1-b}{\tau_{CT}} N_f - \frac{N_E}{\tau_E} - \frac{N_E^2}{4\tau_2} . $$

A fraction of the donors (fast, $N_f$) has an emitter within reach, the others ($N_s$) have not;
$\rho$ is the number of donors per emitter, and $b$ the part of the emitter's $g$ levels that is
filled and blocks the transfer, $\min(N_E/g, 1)$, or zero. The Auger term is the pair law of
`dfbdesign.gain.kinetics` averaged without Poisson tails. In layers and in a blend the equations
are the same; the transfer time, the fast fraction and the ratio differ.

Without Auger recombination and blocking the emitter follows two exponentials,

$$ N_E = \left(N_E^0 + A\right) e^{-t/\tau_E} - A\,e^{-t/\tau_f}, \quad
   A = \frac{\rho N_f^0/\tau_{CT}}{1/\tau_f - 1/\tau_E}, \quad
   1/\tau_f = 1/\tau_{CT} + 1/\tau_D . $$

What each exciton in the donor is worth at the emitter lowers the threshold: with absorption cross
sections $\sigma$ a fluence of $F$ photons per area makes
$N_E = (\sigma_E + \rho\,\eta\,\sigma_D) F$, with the efficiency $\eta = f\,\tau_f/\tau_{CT}$.
Donors that absorb the pump but hand nothing on raise nothing; without donors $\rho = 0$.
"""

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive, within
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.pump import unsaturated_excitons

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Cascade:
    """A film of donors and emitters."""

    transfer_time: float
    """Time constant of the transfer from a donor within reach of an emitter [ps]."""
    fast_fraction: float = 1.0
    """Part of the donor excitons that are within reach of an emitter."""
    donors_per_emitter: float = 1.0
    """Number ratio of the dots."""
    donor_lifetime: float = inf
    """Lifetime of an exciton in a donor without transfer [ps]."""
    emitter_lifetime: float = inf
    """Lifetime of a single exciton in an emitter [ps]."""
    biexciton_lifetime: float = inf
    """Auger lifetime of the emitter's biexciton [ps]."""
    blocking: bool = False
    """Whether filled levels of the emitter slow the transfer."""
    degeneracy: int = 8
    """Electron levels, and hole levels, at the band edge of an emitter."""

    def __post_init__(self) -> None:
        positive("transfer_time (in ps)", self.transfer_time)
        within("fast_fraction", self.fast_fraction, 0, 1)
        if not (isfinite(self.donors_per_emitter) and self.donors_per_emitter >= 0):
            raise InputError(
                "donors_per_emitter must be zero or a positive number, "
                f"got {self.donors_per_emitter}."
            )
        for name in ("donor_lifetime", "emitter_lifetime", "biexciton_lifetime"):
            if getattr(self, name) != inf:
                positive(f"{name} (in ps)", getattr(self, name))
        positive("degeneracy", self.degeneracy)

    @property
    def efficiency(self) -> float:
        """Part of the donor excitons that reach an emitter, blocking apart."""
        return self.fast_fraction / (1 + self.transfer_time / self.donor_lifetime)


@dataclass(frozen=True, eq=False)
class Transfer:
    """Mean excitons per dot in the course of time, shape (..., time)."""

    times: Real
    """Times, shape (time) [ps]."""
    donor: Real
    """Per donor: what the bleach at the donor's band edge shows."""
    emitter: Real
    """Per emitter: what the bleach at the emitter's band edge shows."""


def transfer(film: Cascade, donor: ArrayLike, emitter: ArrayLike, times: ArrayLike) -> Transfer:
    """Excitons in donors and emitters after a pulse much shorter than the transfer.

    Args:
        film: The film.
        donor: Mean excitons per donor right after the pulse, any shape.
        emitter: Mean excitons per emitter right after the pulse; broadcasts against the donor.
        times: Ascending times from zero on, shape (time) [ps].

    Returns:
        The excitons at these times.

    Raises:
        InputError: If a number of excitons is negative, or the times do not ascend from zero.
        PhysicsError: If the integration fails.

    Examples:
        >>> film = Cascade(transfer_time=1.6, donor_lifetime=5.4 * ns)
        >>> transfer(film, 1.0, 0.0, [0.0, 1.6, 40.0]).emitter.round(4)
        array([0.    , 0.632 , 0.9997])
    """
    from scipy.integrate import solve_ivp

    t = np.atleast_1d(np.asarray(times, float))
    if t.ndim != 1 or not np.all(np.isfinite(t)) or t[0] < 0 or np.any(np.diff(t) < 0):
        raise InputError("times (in ps) must be one ascending list from zero on.")
    donors, emitters = np.broadcast_arrays(np.asarray(donor, float), np.asarray(emitter, float))
    for values in (donors, emitters):
        if not np.all((values >= 0) & np.isfinite(values)):
            raise InputError("excitons per dot must be zero or positive numbers.")
    shape = (2, *donors.shape)
    fast = film.fast_fraction * donors
    decay, rise = 1 / film.donor_lifetime, 1 / film.transfer_time
    slow = (donors - fast)[..., None] * np.exp(-decay * t)

    def change(_: float, y: Real) -> Real:
        reach, filled = y.reshape(shape)
        free = np.clip(1 - filled / film.degeneracy, 0, 1) if film.blocking else 1.0
        moved = rise * free * reach
        loss = filled / film.emitter_lifetime + filled**2 / (4 * film.biexciton_lifetime)
        return np.stack([-moved - decay * reach, film.donors_per_emitter * moved - loss]).ravel()

    start = np.stack([fast, emitters]).ravel()
    smallest = 1e-12 * (float(start.max(initial=0.0)) or 1.0)
    end = t[-1] + film.transfer_time
    found = solve_ivp(change, (0, end), start, "LSODA", t_eval=t, rtol=1e-9, atol=smallest)
    if not found.success:
        raise PhysicsError(f"the transfer kinetics did not converge: {found.message}")
    reach, filled = found.y.reshape(*shape, len(t))
    return Transfer(times=t, donor=reach + slow, emitter=filled)


def emitter_excitons(
    film: Cascade, fluence: ArrayLike, emitter_cross_section: float, donor_cross_section: float
) -> Real:
    """Excitons an emitter gets from a pulse, its own and those the donors hand on.

    Args:
        film: The film.
        fluence: Incident photons per area, any shape [1/µm²].
        emitter_cross_section: Absorption cross section of an emitter at the pump [µm²].
        donor_cross_section: Absorption cross section of a donor at the pump [µm²].

    Returns:
        Mean excitons per emitter, of the shape of the fluence.

    Raises:
        InputError: If a cross section is negative.

    Examples:
        >>> film = Cascade(transfer_time=1.6, donors_per_emitter=2.0)
        >>> float(emitter_excitons(film, 1e7, 1e-7, 5e-8))
        2.0
    """
    return np.asarray(fluence, float) * _worth(film, emitter_cross_section, donor_cross_section)


def threshold_photons(
    film: Cascade,
    excitons: float,
    emitter_cross_section: float,
    donor_cross_section: float,
    *,
    resonant: bool = False,
) -> float:
    """Pump photons per area that bring the emitters to a number of excitons.

    Args:
        film: The film.
        excitons: Mean excitons per emitter at threshold.
        emitter_cross_section: Absorption cross section of an emitter at the pump [µm²].
        donor_cross_section: Absorption cross section of a donor at the pump [µm²].
        resonant: Whether the pump is at the band edge of the emitter, which it then bleaches; the
            donors must be transparent to it.

    Returns:
        Incident photons per area [1/µm²].

    Raises:
        InputError: If a cross section is negative, both are zero, or donors absorb a resonant pump.
        PhysicsError: If a resonant pump is bleached before the threshold.

    Examples:
        >>> film = Cascade(transfer_time=1.6)
        >>> direct = threshold_photons(film, 3.8, 1e-7, 0.0)
        >>> round(threshold_photons(film, 3.8, 1e-7, 0.0, resonant=True) / direct, 2)
        3.15
    """
    worth = _worth(film, emitter_cross_section, donor_cross_section)
    if worth == 0:
        raise InputError("nothing absorbs the pump: give a cross section above zero.")
    if not resonant:
        return excitons / worth
    if donor_cross_section > 0:
        raise InputError("a pump at the emitter's band edge is not absorbed by donors: give 0.")
    return float(unsaturated_excitons(excitons, film.degeneracy)) / worth


def _worth(film: Cascade, emitter: float, donor: float) -> float:
    """Excitons per emitter and incident photon per area [µm²]."""
    for name, value in (("emitter_cross_section", emitter), ("donor_cross_section", donor)):
        if not (isfinite(value) and value >= 0):
            raise InputError(f"{name} (in um^2) must be zero or a positive number, got {value:g}.")
    return emitter + film.donors_per_emitter * film.efficiency * donor
