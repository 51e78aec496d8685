"""The two papers as scoreboard: each number the gain models speak to, measured and ours.

A row is "fitted" if its measured number set a parameter of the model of its film, else "predicted".
`FITS` names the parameters, at most three per film. A predicted row that is off by more than 1.5
times says why; the tests check that reason. Amplified emission and lasing are taken to start where
the modal gain of the film balances its loss: what the mirrors of a laser let out comes on top.

Sources: A is Taghipour et al., 'Colloidal quantum dot infrared lasers featuring sub-single-exciton
threshold and very high gain' (2023); B is Taghipour et al., 'Ultrafast cascade charge transfer in
multi bandgap colloidal quantum dot solids enables threshold reduction for optical gain and
stimulated emission'. Dots of a diameter absorb at the energy of Moreels et al., ACS Nano 3, 3023
(2009).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import GainFilm
from dfbdesign.gain.cascade import Cascade, transfer
from dfbdesign.gain.dots import Dots, emission_and_absorption, transparency_threshold
from dfbdesign.gain.film import (
    Film,
    excitons_at_fluence,
    excitons_for_gain,
    material_gain,
    resolve_film,
    threshold_fluence,
)
from dfbdesign.gain.kinetics import Pulse, Rates, evolve, gain_lifetime
from dfbdesign.gain.pump import dots_per_area, unsaturated_excitons
from dfbdesign.gain.stripe import full_width, stripe_emission
from dfbdesign.units import PLANCK, SPEED_OF_LIGHT, cm, eV, meV, nm, ns, photon_energy, ps, uJ, um

PUMP = 1030 * nm
FLUENCE = uJ / cm**2
# Modal over material gain of 160 nm of index 2.6 on sapphire: slope of the slab mode's index
CONFINEMENT = 0.552
CORE = Rates(biexciton_lifetime=230 * ps, trapping_lifetime=3.2 * ns)
SHELL = Rates(biexciton_lifetime=485 * ps, trapping_lifetime=3.2 * ns)
LAYERS = Cascade(1.6 * ps, donor_lifetime=5.4 * ns, emitter_lifetime=3.2 * ns)
MIX = replace(LAYERS, transfer_time=9 * ps)
SLOW_LAYERS = 1900 * ps

FITS: dict[str, tuple[str, ...]] = {
    "core": ("excitons at the start of the gain-lifetime measurement",),
    "neutral": ("absorption over emission", "dot diameter"),
    "doped": (
        "dot diameter",
        "band-edge absorption",
        "excitons at the start of the gain-lifetime measurement",
    ),
    "emitter": (),
    "mix": (),
    "layers": ("band-edge absorption", "fraction of the bleach that transfers fast"),
}
"""Fitted parameters by film; all else is measured, or taken over from another film."""


@dataclass(frozen=True)
class Row:
    """One published number beside ours."""

    quantity: str
    """What was measured."""
    film: str
    """On which film."""
    measured: float
    """Published number."""
    model: float
    """Our number."""
    unit: str
    """Unit of both; empty for a pure number."""
    kind: Literal["fitted", "predicted"]
    """Whether the number set a parameter of the model."""
    source: str
    """Paper and place."""
    explanation: str = ""
    """Why the two differ, where they do by more than 1.5 times."""

    @property
    def deviation(self) -> float:
        """Relative deviation of ours from the published number."""
        return self.model / self.measured - 1


def reproduce() -> tuple[Row, ...]:
    """Every published number the gain models speak to, film by film.

    Returns:
        The rows.

    Examples:
        >>> row = reproduce()[0]
        >>> row.quantity, row.measured, round(row.model, 2), row.kind
        ('transparency (transient absorption)', 4.4, 4.04, 'predicted')
    """
    return (*_core(), *_neutral(), *_doped(), *_emitter(), *_mix(), *_layers())


def median_deviation(rows: tuple[Row, ...]) -> float:
    """Median of the size of the relative deviations of the predicted rows.

    Args:
        rows: The scoreboard.

    Returns:
        The median.
    """
    return float(np.median([abs(row.deviation) for row in rows if row.kind == "predicted"]))


def exciton_energy(diameter: float) -> float:
    """Energy of the first absorption peak of PbS dots (Moreels et al. 2009).

    Args:
        diameter: Diameter of the dots [µm].

    Returns:
        Energy [pJ].

    Examples:
        >>> round(exciton_energy(5.95 * nm) / eV, 4)
        0.7982
    """
    d = diameter / nm
    return (0.41 + 1 / (0.0252 * d**2 + 0.283 * d)) * eV


def neutral_film() -> Film:
    """The neutral core/shell film with its two fitted numbers.

    Returns:
        The film: absorption over emission from the measured transparency, dot diameter from the
        excitons printed beside the threshold fluence.
    """
    film = _film("taghipour2023-neutral")
    weight = _solve(
        lambda rho: float(transparency_threshold(Dots(absorption_over_emission=rho))), 3.80, 0.5, 1
    )
    per_dot = float(excitons_at_fluence(film, 300 * FLUENCE, PUMP))
    diameter = film.dot_diameter * (3.80 / per_dot) ** (1 / 3)  # excitons go with the volume
    return replace(film, absorption_over_emission=weight, dot_diameter=diameter)


def layers_film() -> Film:
    """The layered film with its one fitted number of the gain, from 1900/cm at 1100 µJ/cm².

    Returns:
        The film.
    """
    film = _film("cascade-layers")
    excitons = excitons_at_fluence(film, 1100 * FLUENCE, PUMP)
    needed = (1900 + 34) / cm / CONFINEMENT
    share = needed / float(material_gain(film, excitons))
    return replace(film, band_edge_absorption=film.band_edge_absorption * share)


def start_of_gain_decay(dots: Dots, rates: Rates, lifetime: float) -> float:
    """Excitons per dot from which gain lasts for a time.

    Args:
        dots: The dots.
        rates: How excitons recombine.
        lifetime: Gain lifetime [ps].

    Returns:
        Mean excitons per dot right after the pump pulse.
    """

    def inversion(excitons: float) -> float:
        return float(evolve(dots, rates, Pulse(excitons), [lifetime]).inversion[0])

    return _solve(inversion, 0.0, 0.0, 20.0)


def fast_bleach_fraction() -> float:
    """Part of the donor bleach of the layered film that decays with the transfer time.

    Returns:
        The fraction that makes the bleach fall by 16 % between 1 and 10 ps.
    """
    return _solve(lambda f: float(-np.diff(_bleach(f, [1.0, 10.0]))[0]), 0.16, 0.0, 1.0)


def _slow_lifetime(film: Cascade) -> float:
    """Lifetime of what is left long after the transfer, at low excitation [ps]."""
    times = [200.0, 2000.0]
    left = transfer(film, 1e-3, 1e-3, times)
    both = left.donor + left.emitter
    return float((times[1] - times[0]) / np.log(both[0] / both[1]))


def stripe_light(
    film: Film, loss: float, fluence: NDArray[np.float64], saturation: float = 1e4
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Light of a stripe of 500 µm right after the pulse, and its width.

    The gain has the measured width of the photoluminescence, 85 nm about 1660 nm.

    Args:
        film: The film.
        loss: Loss of the guided light [1/µm].
        fluence: Pump fluences, shape (fluence) [pJ/µm²].
        saturation: Light that halves the inversion, over spontaneous emission per wavelength [µm].

    Returns:
        Intensity in units of the spontaneous light, and full width at half maximum [µm], each of
        shape (fluence).
    """
    wavelength = np.linspace(1450, 1870, 421) * nm
    line = np.exp(-4 * np.log(2) * ((wavelength - 1660 * nm) / (85 * nm)) ** 2)
    excitons = excitons_at_fluence(film, fluence, PUMP)
    emitting, _ = emission_and_absorption(excitons, film.dots)
    net_gain = CONFINEMENT * material_gain(film, excitons)[:, None] * line - loss
    source = CONFINEMENT * film.largest_gain * emitting[:, None] * line
    light = stripe_emission(wavelength, net_gain, source, 500 * um, saturation)
    total = np.asarray(np.trapezoid(light, wavelength, axis=-1))
    return total, full_width(wavelength, light)


def _bleach(fraction: float, times: list[float]) -> NDArray[np.float64]:
    """Bleach at the donor's band edge in the layered film at low excitation, one at the start."""
    film = replace(LAYERS, fast_fraction=fraction, donor_lifetime=SLOW_LAYERS)
    return transfer(film, 1e-3, 0.0, times).donor / 1e-3


def _film(preset: str) -> Film:
    return resolve_film(GainFilm(preset=preset))


def _solve(rising: Callable[[float], float], target: float, low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda x: rising(x) - target, low, high, xtol=1e-9))


def _balance(film: Film, loss: float) -> tuple[float, float]:
    """Excitons per dot, and fluence in µJ/cm², where modal gain balances a loss [1/µm]."""
    gain = loss / CONFINEMENT
    return (
        float(excitons_for_gain(film, gain)),
        float(threshold_fluence(film, gain, PUMP)) / FLUENCE,
    )


def _ase_wavelength(diameter: float) -> float:
    """Wavelength 32 meV to the red of the first absorption peak, in nm."""
    return PLANCK * SPEED_OF_LIGHT / (exciton_energy(diameter) - 32 * meV) / nm


def _core() -> list[Row]:
    film = _film("taghipour2023-core")
    row = partial(Row, film="core", kind="predicted")
    _, fluence = _balance(film, 103 / cm)
    start = start_of_gain_decay(film.dots, CORE, 40 * ps)
    lifetime = float(gain_lifetime(film.dots, CORE, start))
    threshold = float(transparency_threshold(film.dots))
    return [
        row("transparency (transient absorption)", measured=4.40, model=threshold, unit="",
            source="A, fig. 2a"),
        row("transparency (theory of the paper)", measured=4.04, model=threshold, unit="",
            source="A, supporting note 1"),
        row("onset of amplified emission", measured=500, model=fluence, unit="µJ/cm²",
            source="A, fig. 3a",
            explanation="the dots of this film are counted as 5 nm wide, like the doped ones; "
            "their own diameter is not printed, and 5.8 nm would do"),
        row("onset of amplified emission, earlier films", measured=750, model=fluence,
            unit="µJ/cm²", source="B, text: 700 to 800"),
        row("gain lifetime", measured=40, model=lifetime, unit="ps", source="A, fig. 2e",
            kind="fitted"),
    ]  # fmt: skip


def _neutral() -> list[Row]:
    film = neutral_film()
    row = partial(Row, film="neutral", kind="predicted")
    excitons, fluence = _balance(film, 103 / cm)
    start = start_of_gain_decay(Dots(), CORE, 40 * ps)
    lifetime = float(gain_lifetime(film.dots, SHELL, start))
    counted = float(excitons_at_fluence(film, 300 * FLUENCE, PUMP))
    threshold = float(transparency_threshold(film.dots))
    return [
        row("transparency (transient absorption)", measured=3.80, model=threshold, unit="",
            source="A, fig. 2b", kind="fitted"),
        row("excitons at 300 µJ/cm²", measured=3.80, model=counted, unit="",
            source="A, text on amplified emission", kind="fitted"),
        row("excitons at the onset of amplified emission", measured=3.80, model=excitons, unit="",
            source="A, text on amplified emission"),
        row("laser threshold", measured=430, model=fluence, unit="µJ/cm²",
            source="A, fig. 4a (the text prints 130)"),
        row("gain lifetime", measured=60, model=lifetime, unit="ps", source="A, fig. 2e",
            explanation="from equal excitons gain lasts in proportion to the biexciton lifetime, "
            "485 / 230 = 2.1 times that of the core, and longer for the lower threshold; the paper "
            "has 1.5 times, so its films were not pumped alike"),
        row("wavelength of amplified emission", measured=1660, model=_ase_wavelength(5.95 * nm),
            unit="nm", source="A, fig. 4b (laser at the emission peak), sizes of fig. 1"),
    ]  # fmt: skip


def _doped() -> list[Row]:
    film = _film("taghipour2023-doped")
    row = partial(Row, film="doped", kind="predicted")
    excitons, fluence = _balance(film, 34 / cm)
    measured = Dots(doping=7.40, distribution="binomial")
    counted = float(excitons_at_fluence(film, 160 * FLUENCE, PUMP))
    strong = excitons_at_fluence(film, 2200 * FLUENCE, PUMP)
    net = CONFINEMENT * float(material_gain(film, strong)) - 34 / cm
    most = CONFINEMENT * film.largest_gain - 34 / cm
    start = start_of_gain_decay(measured, SHELL, 280 * ps)
    lifetime = float(gain_lifetime(measured, SHELL, start))
    return [
        row("transparency (transient absorption, 7.40 electrons)", measured=0.45,
            model=float(transparency_threshold(measured)), unit="", source="A, fig. 2c"),
        row("transparency (theory of the paper)", measured=0.56,
            model=float(transparency_threshold(film.dots)), unit="",
            source="A, supporting note 1"),
        row("excitons at 160 µJ/cm²", measured=0.87, model=counted, unit="",
            source="A, text on lasing", kind="fitted"),
        row("excitons at the onset of amplified emission", measured=0.70, model=excitons, unit="",
            source="A, text on amplified emission"),
        row("onset of amplified emission", measured=90, model=fluence, unit="µJ/cm²",
            source="A, fig. 3a"),
        row("excitons at the laser threshold", measured=0.87, model=excitons, unit="",
            source="A, text on lasing"),
        row("laser threshold", measured=160, model=fluence, unit="µJ/cm²", source="A, fig. 4a"),
        row("net modal gain at 2200 µJ/cm²", measured=2180, model=net * cm, unit="1/cm",
            source="A, fig. 3c", kind="fitted"),
        row("net modal gain where it saturates", measured=2000, model=most * cm, unit="1/cm",
            source="A, fig. 3d"),
        row("gain lifetime", measured=280, model=lifetime, unit="ps", source="A, fig. 2e",
            kind="fitted"),
    ]  # fmt: skip


def _emitter() -> list[Row]:
    row = partial(Row, film="emitter", kind="predicted")
    _, fluence = _balance(_film("cascade-emitter"), 103 / cm)
    return [
        row("onset of amplified emission", measured=315, model=fluence, unit="µJ/cm²",
            source="B, fig. 1e"),
        row("wavelength of amplified emission", measured=1660, model=_ase_wavelength(6 * nm),
            unit="nm", source="B, fig. 1d, sizes in the text"),
    ]  # fmt: skip


def _mix() -> list[Row]:
    row = partial(Row, film="mix", kind="predicted")
    _, fluence = _balance(_film("cascade-mix"), 53 / cm)
    return [
        row("onset of amplified emission", measured=230, model=fluence, unit="µJ/cm²",
            source="B, fig. 1e"),
        row("slow lifetime at the donor's band edge", measured=2200, model=_slow_lifetime(MIX),
            unit="ps", source="B, fig. 2e; emitter alone 3200 ps"),
    ]  # fmt: skip


def _layers() -> list[Row]:
    film = layers_film()
    row = partial(Row, film="layers", kind="predicted")
    _, fluence = _balance(film, 34 / cm)

    def net(pump: float) -> float:
        gain = material_gain(film, excitons_at_fluence(film, pump * FLUENCE, PUMP))
        return (CONFINEMENT * float(gain) - 34 / cm) * cm

    early = -float(np.diff(_bleach(fast_bleach_fraction(), [1.0, 10.0]))[0])
    late = float(_bleach(fast_bleach_fraction(), [100.0])[0])
    short, resonant = band_edge_pumping(film)
    _, width = stripe_light(film, 34 / cm, np.array([2 * fluence]) * FLUENCE)
    return [
        row("onset of amplified emission", measured=110, model=fluence, unit="µJ/cm²",
            source="B, fig. 1e"),
        row("width of amplified emission", measured=22, model=float(width[0]) / nm, unit="nm",
            source="B, fig. 1d; here at twice the onset"),
        row("net modal gain at 1100 µJ/cm²", measured=1900, model=net(1100), unit="1/cm",
            source="B, text", kind="fitted"),
        row("net modal gain at 350 µJ/cm²", measured=1230, model=net(350), unit="1/cm",
            source="B, text",
            explanation="at three times the onset of amplified emission the levels are nearly "
            "full; a gain that still grows by half needs half the excitons per fluence that the "
            "onset needs"),
        row("bleach lost from 1 to 10 ps", measured=0.16, model=early, unit="",
            source="B, text", kind="fitted"),
        row("bleach left after 100 ps", measured=0.66, model=late, unit="", source="B, text"),
        row("transparency, pump at 1500 nm", measured=520, model=resonant, unit="µJ/cm²",
            source="B, fig. 3c"),
        row("transparency, pump at 1160 nm", measured=87, model=short, unit="µJ/cm²",
            source="B, fig. 3b: below 87"),
        row("threshold at 1500 nm over that at 1160 nm", measured=5.98, model=resonant / short,
            unit="", source="B, fig. 3"),
        row("slow lifetime at the donor's band edge", measured=1900, model=_slow_lifetime(LAYERS),
            unit="ps", source="B, fig. 2d; emitter alone 3200 ps",
            explanation="excitons that reached the emitters live 3.2 ns there, and 5.4 ns in "
            "donors out of reach: the paper's own lifetimes leave no state that decays in 1.9 ns"),
    ]  # fmt: skip


def band_edge_pumping(film: Film) -> tuple[float, float]:
    """Fluence for transparency of the layered film, pumped at 1160 nm and at 1500 nm.

    All light absorbed at 1160 nm reaches the emitters. Light of 1500 nm is absorbed by the band
    edge of the emitters, which it bleaches.

    Args:
        film: The layered film.

    Returns:
        Both fluences [µJ/cm²].
    """
    emitters = dots_per_area(film.thickness, film.dot_diameter, film.packing_fraction)
    excitons = float(transparency_threshold(film.dots))
    found = []
    for wavelength, absorbance, needed in (
        (1160 * nm, 0.11, excitons),
        (1500 * nm, 0.036, float(unsaturated_excitons(excitons))),
    ):
        absorbed = 1 - 10**-absorbance
        found.append(needed * emitters * photon_energy(wavelength) / absorbed / FLUENCE)
    return found[0], found[1]
