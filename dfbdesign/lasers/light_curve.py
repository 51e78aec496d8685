"""Light of a device against its pump, simulated: pulses and continuous light.

What is read off the curves is in `dfbdesign.lasers.light_reading`.
"""

from math import isinf, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.gain.film import Film
from dfbdesign.gain.rates import Rates
from dfbdesign.gain.spectrum import Line, gain_spectrum, index_change
from dfbdesign.lasers.envelope import Envelope, GaussianPulse, Steady
from dfbdesign.lasers.light_model import EMISSION_WIDTH, LightModel, light_model
from dfbdesign.lasers.light_reading import LightCurve as LightCurve
from dfbdesign.lasers.rate_equations import simulate
from dfbdesign.units import PLANCK, SPEED_OF_LIGHT, meV, ns, photon_energy, ps

Real = NDArray[np.float64]

WINDOW = 1 * ns
"""How long light is collected: gain is over long before."""
TOLERANCE = 5e-3
"""Of the integration: light to 1e-3, the threshold to 1e-3."""
LEVELS = np.concatenate(
    [np.linspace(0.7, 0.95, 5), np.linspace(1, 1.5, 23), np.linspace(1.55, 3, 12)]
)
"""Pump over the static threshold of a whole curve, densest where light sets in."""
FEW_LEVELS = np.concatenate([[0.9, 0.95], np.linspace(1, 1.5, 26), [1.65, 1.8, 2.0]])
"""The same for a threshold alone."""
RED_SHIFT = 32 * meV
"""Measured distance of amplified emission from the first absorption peak (the same)."""


def light(
    device: Device,
    rates: Rates,
    fluence: ArrayLike | None = None,
    *,
    loss: float = 0.0,
    envelope: Envelope | None = None,
    linewidth_enhancement: float | None = None,
    window: float = WINDOW,
    tolerance: float = TOLERANCE,
) -> LightCurve:
    """Light of a device against the fluence of its pump pulses.

    Args:
        device: Needs a grating with length and width, a target, a film and a pump.
        rates: How excitons recombine.
        fluence: Incident fluences at the pump's peak, ascending, shape (level) [pJ/µm²]; 40 from
            0.7 to 3 times the static threshold if left out.
        loss: Loss of the guided light in the film beside the dots' absorption, as by scattering; a
            power coefficient of the mode [1/µm].
        envelope: Course of a pulse; Gaussian, as long as the pump says, if left out.
        linewidth_enhancement: Change of the film's index over that of its extinction; by Kramers
            and Kronig from the band edge (`film_enhancement`) if left out.
        window: How long light is collected [ps].
        tolerance: Of the integration, as in `simulate`.

    Returns:
        The curve.

    Raises:
        InputError: If something is missing, or the fluences do not ascend.
        PhysicsError: If nothing lases.

    Examples:
        >>> from dfbdesign import load_device
        >>> from dfbdesign.gain.published import SHELL
        >>> found = light(load_device("examples/reference.toml"), SHELL)
        >>> f"{found.threshold / (uJ / cm**2):.0f} µJ/cm², {found.static_threshold:.3f} pJ/µm²"
        '145 µJ/cm², 1.210 pJ/µm²'
    """
    model, alpha, static = _prepared(device, rates, loss, linewidth_enhancement)
    levels = LEVELS * static if fluence is None else _ascending(fluence)
    return _curve(model, alpha, static, levels, envelope, window, tolerance)


def _curve(
    model: LightModel,
    alpha: float,
    static: float,
    levels: Real,
    envelope: Envelope | None = None,
    window: float = WINDOW,
    tolerance: float = TOLERANCE,
) -> LightCurve:
    excitons = levels / model.fluence
    model = model.with_room(float(excitons.max()))
    pulse = envelope or GaussianPulse(model.pump.duration)
    found = simulate(model.rates, pulse, excitons, pulse.end + window, tolerance)
    return LightCurve(
        model=model,
        simulation=found,
        pump=levels,
        light=(found.lost * model.energies) @ model.shares,
        absorbed=found.pumped * photon_energy(model.pump.wavelength),
        linewidth_enhancement=alpha,
        static_threshold=static,
    )


def continuous_light(
    device: Device,
    rates: Rates,
    intensity: ArrayLike,
    *,
    loss: float = 0.0,
    linewidth_enhancement: float | None = None,
    settled: float = 50 * ns,
) -> LightCurve:
    """Light of a device against the intensity of continuous pump light.

    Args:
        device: As for `light`.
        rates: How excitons recombine; every number of them must.
        intensity: Incident intensities at the pump's peak, ascending, shape (level) [W/µm²].
        loss: As for `light`.
        linewidth_enhancement: As for `light`.
        settled: How long the pump is on; light is the mean of the second half, as of a slow
            detector: up to tens of per cent above threshold some lasers keep pulsating [ps].

    Returns:
        The curve; its energies are powers.

    Raises:
        InputError: If something is missing, or single excitons never decay.
        PhysicsError: If nothing lases.
    """
    if isinf(rates.trapping_lifetime) and isinf(rates.radiative_lifetime):
        raise InputError(
            "under continuous light single excitons must decay: give a trapping lifetime."
        )
    model, alpha, _ = _prepared(device, rates, loss, linewidth_enhancement)
    static = min(model.static_threshold(number, True) for number in range(len(model.modes)))
    levels = _ascending(intensity)
    made = levels / model.fluence
    slowest = min(rates.trapping_lifetime, rates.radiative_lifetime)
    # never more than a single lifetime would leave: light and Auger only take away
    model = model.with_room(float(made.max()) * slowest)
    found = simulate(model.rates, Steady(), made, settled, 1e-3)
    late = slice(np.searchsorted(found.times, settled / 2, side="right") - 1, None)
    times = found.times[late]
    leaving = np.trapezoid(found.leaving[late], times, axis=0) / (times[-1] - times[0])
    return LightCurve(
        model=model,
        simulation=found,
        pump=levels,
        light=(leaving * model.energies) @ model.shares,
        absorbed=found.pumped / settled * photon_energy(model.pump.wavelength),
        linewidth_enhancement=alpha,
        static_threshold=static * model.fluence,
    )


def pulse_threshold(device: Device, rates: Rates, loss: float = 0.0) -> float:
    """Threshold fluence of a device as an experiment finds it, from 31 fluences.

    Args:
        device: As for `light`.
        rates: How excitons recombine.
        loss: As for `light`.

    Returns:
        Incident fluence at the pump's peak, to a step of the fluences, 2 % [pJ/µm²].

    Raises:
        InputError: If something is missing, or light starts beyond twice the static threshold.
        PhysicsError: If nothing lases.
    """
    model, alpha, static = _prepared(device, rates, loss, None)
    fluence = FEW_LEVELS * static
    return _curve(model, alpha, static, fluence, window=400 * ps, tolerance=1e-2).threshold


def film_enhancement(film: Film, wavelength: float, excitons: float) -> float:
    """Linewidth enhancement of a film at the peak of its emission, by Kramers and Kronig.

    The band-edge line is taken 85 nm wide, a third of it homogeneous, with its absorption 32 meV to
    the blue of the emission: measured, but for the share, on the films of Taghipour et al. (2023).
    Carriers above the band edge are left out.

    Args:
        film: The film.
        wavelength: Peak of the emission, at which the laser works [µm].
        excitons: Mean excitons per dot about which index and gain change.

    Returns:
        Minus the change of the index over that of the extinction.

    Examples:
        >>> from dfbdesign.device import GainFilm
        >>> from dfbdesign.gain.film import resolve_film
        >>> doped = resolve_film(GainFilm(preset="taghipour2023-doped"))
        >>> round(film_enhancement(doped, 1670 * nm, 0.6), 2)
        0.23
    """
    energy = photon_energy(wavelength)
    width = EMISSION_WIDTH / wavelength * energy
    peak = PLANCK * SPEED_OF_LIGHT / (energy + RED_SHIFT)
    line = Line(peak, film.band_edge_absorption, width / 3, width * 2 / 3, RED_SHIFT)
    near = excitons * np.array([0.99, 1.01])
    index = index_change(line, film.dots, [wavelength], near)[:, 0]
    gain = gain_spectrum(line, film.dots, [wavelength], near)[:, 0]
    return float(-4 * pi / wavelength * np.diff(index)[0] / np.diff(gain)[0])


def _prepared(
    device: Device, rates: Rates, loss: float, linewidth_enhancement: float | None
) -> tuple[LightModel, float, float]:
    """Rate equations, linewidth enhancement, and static threshold fluence."""
    model = light_model(device, rates, loss)
    excitons = min(model.static_threshold(number) for number in range(len(model.modes)))
    alpha = linewidth_enhancement
    if alpha is None:
        alpha = film_enhancement(model.film, model.modes[0].wavelength, excitons)
    within("linewidth_enhancement", alpha, -100, 100)
    return model.with_enhancement(alpha), alpha, excitons * model.fluence


def _ascending(levels: ArrayLike) -> Real:
    found = np.atleast_1d(np.asarray(levels, float))
    if not (np.all(np.isfinite(found)) and found[0] > 0 and np.all(np.diff(found) > 0)):
        raise InputError("the levels of the pump must be positive numbers, ascending.")
    return found
