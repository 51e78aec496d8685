"""Light against pump as plain numbers."""

from dfbdesign.lasers.light_reading import LightCurve
from dfbdesign.lasers.published_lasers import ThresholdRange
from dfbdesign.reports.numbers import Numbers
from dfbdesign.units import cm, nJ, nm, uJ, um

_SHARES = ("up", "down", "sideways", "absorbed")


def light_numbers(found: LightCurve) -> Numbers:
    """Light of a device against the fluence of its pump pulses.

    Args:
        found: The curve.

    Returns:
        Fluences in µJ/cm², energies in nJ, times in ps, widths in nm; the reading off the curve
        is `None` where the fluences hold no kink.
    """
    fluence = uJ / cm**2
    books = found.simulation
    rows = [
        {
            "fluence_uj_per_cm2": float(pump) / fluence,
            **{
                f"{name}_nj": float(energy) / nJ
                for name, energy in zip(_SHARES, found.light[level], strict=True)
            },
            "build_up_ps": float(found.build_up[level]),
            "pulse_width_ps": float(found.width[level]),
            "peak_photons": float(found.peak_photons[level]),
            "strongest_mode_share": float(found.strongest_share[level]),
            **_line(found, level),
        }
        for level, pump in enumerate(found.pump)
    ]
    return {
        "measured_light": found.side,
        **_reading(found, fluence),
        "static_threshold_uj_per_cm2": found.static_threshold / fluence,
        "linewidth_enhancement": found.linewidth_enhancement,
        "modes": _modes(found),
        "light": rows,
        "largest_gap_of_the_books": float(
            max(abs(books.exciton_gap).max(), abs(books.photon_gap).max())
        ),
    }


def continuous_numbers(found: LightCurve) -> Numbers:
    """Light of a device against the intensity of continuous pump light.

    Args:
        found: The curve.

    Returns:
        Intensities in W/cm², powers in W.
    """
    rows = [
        {
            "intensity_w_per_cm2": float(pump) * cm**2,
            **{
                f"{name}_w": float(power)
                for name, power in zip(_SHARES, found.light[level], strict=True)
            },
        }
        for level, pump in enumerate(found.pump)
    ]
    return {
        "static_threshold_w_per_cm2": found.static_threshold * cm**2,
        "linewidth_enhancement": found.linewidth_enhancement,
        "modes": _modes(found, continuous=True),
        "light": rows,
    }


def _modes(found: LightCurve, continuous: bool = False) -> list[Numbers]:
    model = found.model
    name = "static_threshold_" + ("w_per_cm2" if continuous else "uj_per_cm2")
    unit = model.fluence * (cm**2 if continuous else cm**2 / uJ)
    return [
        {
            "origin": mode.origin,
            "wavelength_nm": mode.wavelength / nm,
            name: model.static_threshold(number, continuous) * unit,
            "spontaneous_factor": float(factor),
            "excess_factor": float(excess),
            **{f"share_{name}": float(one) for name, one in zip(_SHARES, shares, strict=True)},
        }
        for number, (mode, factor, excess, shares) in enumerate(
            zip(
                model.modes, model.spontaneous_factor, model.rates.excess, model.shares, strict=True
            )
        )
    ]


def _reading(found: LightCurve, unit: float) -> Numbers:
    if not found.has_kink:
        return {"threshold_uj_per_cm2": None, "slope_efficiency": None, "saturation": None}
    return {
        "threshold_uj_per_cm2": found.threshold / unit,
        "light_sets_in_uj_per_cm2": [found.fit.dark / unit, found.fit.lit / unit],
        "slope_efficiency": found.slope_efficiency,
        "saturation": found.saturation,
    }


def _line(found: LightCurve, level: int) -> Numbers:
    """Spectrum of a level that lases."""
    if not (found.has_kink and found.pump[level] >= found.fit.lit):
        return {"wavelength_nm": None, "linewidth_nm": None, "schawlow_townes_nm": None}
    spectrum = found.spectrum(level)
    return {
        "wavelength_nm": spectrum.peak / nm,
        "linewidth_nm": spectrum.width / nm,
        "schawlow_townes_nm": float(found.schawlow_townes[level]) / nm,
    }


def published_numbers(found: ThresholdRange) -> Numbers:
    """Thresholds of a published laser over the duty and length that are not published.

    Args:
        found: The thresholds.

    Returns:
        Fluences in µJ/cm², one row for each length.
    """
    fluence = uJ / cm**2
    return {
        "measured_uj_per_cm2": found.measured / fluence,
        "duty": found.duty.tolist(),
        "thresholds": [
            {"length_um": float(length) / um, "threshold_uj_per_cm2": (row / fluence).tolist()}
            for length, row in zip(found.length, found.threshold, strict=True)
        ],
    }
