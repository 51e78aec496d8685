"""Gain of a film in time: what pulses of given fluences leave, and what continuous light sustains.

The exciton numbers follow the master equation of `dfbdesign.gain.kinetics`, through a pulse of the
pump's own duration; times count from its centre.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Pump
from dfbdesign.errors import PhysicsError
from dfbdesign.gain.dots import transparency_threshold
from dfbdesign.gain.film import Film, excitons_at_fluence, threshold_fluence
from dfbdesign.gain.kinetics import Pulse, evolve, gain_lifetime, steady_state
from dfbdesign.gain.rates import Rates

Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class History:
    """Gain of a film after pulses, and where gain starts."""

    fluence: Real
    """Pump fluences, shape (fluence) [pJ/µm²]."""
    times: Real
    """Times, shape (time) [ps]."""
    made: Real
    """Mean excitons per dot that a pulse makes in all, shape (fluence)."""
    excitons: Real
    """Mean excitons per dot, shape (fluence, time)."""
    gain: Real
    """Material gain, shape (fluence, time) [1/µm]."""
    lifetime: Real
    """Time for which a much shorter pulse leaves gain, shape (fluence) [ps]."""
    transparency_excitons: float
    """Mean excitons per dot at which gain starts."""
    transparency_fluence: float
    """Fluence of a short pulse at which gain starts [pJ/µm²]."""


def gain_history(
    film: Film, pump: Pump, rates: Rates, fluence: ArrayLike, times: ArrayLike
) -> History:
    """Gain of a film after pulses of the pump.

    Args:
        film: The film.
        pump: The pump; wavelength and duration are used.
        rates: How excitons recombine.
        fluence: Fluences, shape (fluence) [pJ/µm²].
        times: Ascending times from the centre of the pulse, shape (time) [ps].

    Returns:
        Excitons and gain.

    Raises:
        InputError: If a fluence is negative, the times do not ascend, or the film's absorbed
            fraction belongs to another pump wavelength.
        PhysicsError: If a pulse makes more excitons than dots hold.

    Examples:
        >>> from dfbdesign.device import GainFilm
        >>> from dfbdesign.gain.film import resolve_film
        >>> film = resolve_film(GainFilm(preset="taghipour2023-doped"))
        >>> rates = Rates(biexciton_lifetime=485 * ps, trapping_lifetime=3.2 * ns)
        >>> pump = Pump(wavelength=1030 * nm, duration=300 * fs)
        >>> found = gain_history(film, pump, rates, [200 * uJ / cm**2], [1.0, 100.0])
        >>> (found.gain * cm).round(0)
        array([[382.,  87.]])
    """
    across = np.atleast_1d(np.asarray(fluence, dtype=float))
    made = excitons_at_fluence(film, across, pump.wavelength)
    left = evolve(film.dots, rates, Pulse(made, pump.duration), times)
    return History(
        fluence=across,
        times=left.times,
        made=made,
        excitons=left.excitons,
        gain=film.band_edge_absorption * left.inversion,
        lifetime=gain_lifetime(film.dots, rates, made),
        transparency_excitons=float(transparency_threshold(film.dots)),
        transparency_fluence=float(threshold_fluence(film, 0.0, pump.wavelength)),
    )


def continuous_threshold(film: Film, rates: Rates) -> float:
    """Rate of continuous pump light at which gain starts.

    Args:
        film: The film.
        rates: How excitons recombine; every number of them must.

    Returns:
        Mean excitons per dot and time that the light makes [1/ps].

    Raises:
        PhysicsError: If the excitons do not recombine, or no light is strong enough.

    Examples:
        Excitons that leave one by one keep a Poisson distribution.

        >>> from dfbdesign.device import GainFilm
        >>> from dfbdesign.gain.film import resolve_film
        >>> film = resolve_film(GainFilm(preset="taghipour2023-doped"))
        >>> rate = continuous_threshold(film, Rates(trapping_lifetime=100 * ps))
        >>> round(rate * 100, 4)
        0.5671
    """
    from scipy.optimize import brentq

    def inversion(log_rate: float) -> float:
        return float(steady_state(film.dots, rates, np.exp(log_rate)).inversion[0])

    low = high = float(np.log(1e-9))
    while inversion(high) < 0:
        low, high = high, high + 1.0
        if high > np.log(1e3):
            raise PhysicsError("no continuous light gives gain: the excitons leave too fast.")
    return float(np.exp(brentq(inversion, low, high, xtol=1e-12))) if low < high else 0.0
