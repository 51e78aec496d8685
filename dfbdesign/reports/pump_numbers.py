"""Pump light and the gain it makes as plain numbers, the unit at the end of each key."""

from dfbdesign.lasers.pumping import PumpedGain, Pumping
from dfbdesign.reports.numbers import Numbers
from dfbdesign.units import cm, uJ


def pump_numbers(found: Pumping) -> Numbers:
    """Where the pump light of a device goes.

    Args:
        found: Pump light and transparency.

    Returns:
        Fractions of the incident power, fluences in µJ/cm².
    """
    light = found.light
    pulse = found.peak_fluence and {
        "peak_fluence_uj_per_cm2": found.peak_fluence / (uJ / cm**2),
        "excitons_per_dot": found.peak_excitons,
    }
    numbers = {
        "pump": {
            "reflectance": light.reflectance,
            "transmittance": light.transmittance,
            "absorbed_by_film": light.film,
            "absorbed_by_film_over_the_grating": found.exact_absorption,
            "absorbed_by_film_alone": found.film.absorbed_fraction,
            "extinction": found.extinction,
            "most_over_fewest_excitons_per_dot": found.unevenness,
        },
        "layers": [
            {"layer": number, "absorbed": absorbed, "volume_with_gain": fill}
            for number, (absorbed, fill) in enumerate(
                zip(light.layers, light.fill, strict=True), start=1
            )
        ],
        "transparency": [
            {
                "film": "filled as the pump fills it",
                "excitons_per_dot": found.transparency_excitons,
                "fluence_uj_per_cm2": found.transparency_fluence / (uJ / cm**2),
            },
            {
                "film": "filled evenly, absorbing as the film alone",
                "excitons_per_dot": found.even_excitons,
                "fluence_uj_per_cm2": found.film_fluence / (uJ / cm**2),
            },
        ],
    }
    return numbers | {"pulse": pulse} if pulse else numbers


def gain_numbers(found: PumpedGain) -> Numbers:
    """Gain of a film against pump fluence.

    Args:
        found: What pulses and continuous light make of the film.

    Returns:
        Fluences in µJ/cm², gains in 1/cm, times in ps; intensities in W/cm².
    """
    history = found.history
    numbers: Numbers = {
        "gain": [
            {
                "fluence_uj_per_cm2": float(fluence) / (uJ / cm**2),
                "excitons_per_dot": float(excitons),
                "gain_per_cm": float(gain[0]) * cm,
                f"gain_after_{found.after:g}_ps_per_cm": float(gain[1]) * cm,
                "gain_lifetime_ps": float(lifetime),
            }
            for fluence, excitons, gain, lifetime in zip(
                history.fluence, history.made, history.gain, history.lifetime, strict=True
            )
        ],
        "transparency": {
            "excitons_per_dot": history.transparency_excitons,
            "fluence_uj_per_cm2": history.transparency_fluence / (uJ / cm**2),
        },
    }
    if found.continuous_intensity is not None:
        intensity = found.continuous_intensity * cm**2
        numbers["transparency"]["continuous_intensity_w_per_cm2"] = intensity
    return numbers
