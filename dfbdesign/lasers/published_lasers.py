"""The two published lasers, as far as they are published: a device for every duty and length.

Taghipour et al., 'Colloidal quantum dot infrared lasers featuring sub-single-exciton threshold and
very high gain' (2023). Printed: 50 nm of TiO2 lines on sapphire, 160 nm of dots, periods of 860 nm
(neutral film) and 870 nm (doped film), pump of 1030 nm and 300 fs. Not printed: duty, length, pump
spot.
"""

from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device, GainFilm, Grating, Layer, Lines, Pump, Target
from dfbdesign.errors import InputError
from dfbdesign.gain.published import CORE, SHELL
from dfbdesign.gain.rates import AugerLaw, Rates
from dfbdesign.lasers.light_curve import LightCurve, light, pulse_threshold
from dfbdesign.units import cm, nm, uJ, um

Real = NDArray[np.float64]
Kind = Literal["neutral", "doped"]

MEASURED: dict[Kind, float] = {"neutral": 430 * uJ / cm**2, "doped": 160 * uJ / cm**2}
"""Threshold fluences that were measured [pJ/µm²]."""
DUTY, LENGTH = 0.35, 500 * um
"""Assumed for both lasers where one device must stand for them."""
CALIBRATED = -0.1143
"""Index of the film over its shipped estimate that makes 860 nm lase at 1660 nm."""
RECOMBINATION: dict[str, Rates] = {
    "taghipour2023-core": CORE,
    "taghipour2023-neutral": SHELL,
    "taghipour2023-doped": SHELL,
    "cascade-emitter": SHELL,
}
"""Measured lifetimes of published films, by preset."""
LOSS: dict[str, float] = {
    "taghipour2023-core": 103 / cm,
    "taghipour2023-neutral": 103 / cm,
    "taghipour2023-doped": 34 / cm,
    "cascade-emitter": 103 / cm,
    "cascade-mix": 53 / cm,
    "cascade-layers": 34 / cm,
}
"""Measured losses of guided light in such films, by preset: those of the emitter, the mixed and the
layered film; assumed for the others, as for their amplified emission."""


def kinetics(
    device: Device,
    lifetimes: tuple[float | None, float | None],
    auger: AugerLaw = "pair",
    loss: float | None = None,
) -> tuple[Rates, float]:
    """Recombination and loss in a device: as given, else those of its film, if it is published.

    Args:
        device: The device.
        lifetimes: Of the biexciton by Auger recombination, and of a single exciton [ps].
        auger: Auger law.
        loss: Loss of the guided light [1/µm].

    Returns:
        Rates, and loss [1/µm].

    Raises:
        InputError: If no lifetime is given nor published.
    """
    preset = device.film.preset if device.film is not None and device.film.preset else ""
    known = RECOMBINATION.get(preset)
    lost = LOSS.get(preset, 0.0) if loss is None else loss
    if known is None and lifetimes == (None, None):
        raise InputError(
            "gain would never end: give a biexciton lifetime, a trapping lifetime or both."
        )
    biexciton, single = (
        own if own is not None else (getattr(known, name) if known is not None else inf)
        for own, name in zip(lifetimes, ("biexciton_lifetime", "trapping_lifetime"), strict=True)
    )
    return Rates(biexciton, auger, single), lost


def published_laser(
    kind: Kind, duty: float = DUTY, length: float = LENGTH, index_offset: float = CALIBRATED
) -> Device:
    """One of the two lasers, with a duty and a length that are not published.

    Args:
        kind: Its film.
        duty: Line width over period.
        length: Length along x; all of it is pumped [µm].
        index_offset: What the film's index is above its shipped estimate.

    Returns:
        The device.

    Examples:
        >>> published_laser("neutral").grating.period
        0.86
    """
    film = {"name": "cqd-film", "index_offset": index_offset}
    lines = Lines(material="tio2-ald", duty=duty)
    period, wavelength = {"neutral": (860, 1660), "doped": (870, 1670)}[kind]
    return Device(
        name=f"{kind} laser",
        substrate="sapphire-c",
        superstrate="air",
        layers=[
            Layer(thickness=50 * nm, material=film, lines=lines, gain=True),
            Layer(thickness=160 * nm, material=film, gain=True),
        ],
        grating=Grating(period=period * nm, length=length, width=500 * um),
        target=Target(wavelength=wavelength * nm),
        film=GainFilm(preset=f"taghipour2023-{kind}"),
        pump=Pump(wavelength=1030 * nm),
    )


def published_threshold(kind: Kind, duty: float = DUTY, length: float = LENGTH) -> float:
    """Threshold fluence of one of the two lasers, with the measured lifetimes and losses.

    Args:
        kind: Its film.
        duty: Line width over period.
        length: Length along x [µm].

    Returns:
        Threshold of pulses [pJ/µm²].
    """
    name = f"taghipour2023-{kind}"
    return pulse_threshold(published_laser(kind, duty, length), RECOMBINATION[name], LOSS[name])


@dataclass(frozen=True, eq=False)
class ThresholdRange:
    """Thresholds of one of the two lasers over what is not published of it."""

    measured: float
    """What was measured [pJ/µm²]."""
    duty: Real
    """Shape (duty,)."""
    length: Real
    """Shape (length,) [µm]."""
    threshold: Real
    """Shape (length, duty) [pJ/µm²]."""


@cache
def threshold_range(kind: Kind) -> ThresholdRange:
    """Thresholds of one of the two lasers for duties of 0.25 to 0.75 and lengths of 0.2 to 2 mm.

    Args:
        kind: Its film.

    Returns:
        The thresholds, as `published_threshold` finds them, one by one.
    """
    duty = np.array([0.25, 0.35, 0.46, 0.502, 0.6, 0.75])  # the feedback vanishes near 0.5
    length = np.array([200.0, 500.0, 2000.0]) * um
    found = [[published_threshold(kind, d, x) for d in duty.tolist()] for x in length.tolist()]
    return ThresholdRange(MEASURED[kind], duty, length, np.array(found))


@cache
def published_curve(kind: Kind, index_offset: float = CALIBRATED) -> LightCurve:
    """Light of one of the two lasers against fluence.

    Args:
        kind: Its film.
        index_offset: As for `published_laser`.

    Returns:
        The curve.
    """
    name = f"taghipour2023-{kind}"
    device = published_laser(kind, index_offset=index_offset)
    return light(device, RECOMBINATION[name], loss=LOSS[name])
