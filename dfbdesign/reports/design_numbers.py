"""Designs, tolerances, ladders, calibrations as plain numbers, the unit at the end of each key."""

from collections.abc import Sequence
from math import isfinite

from dfbdesign.designs.calibration import Posterior, Value
from dfbdesign.designs.design import Calibration
from dfbdesign.designs.goals import AIMS, Best
from dfbdesign.designs.ladder import Ladder, Rung
from dfbdesign.designs.readings import Reading
from dfbdesign.designs.tolerance import Quantity, Tolerance
from dfbdesign.reports.numbers import Numbers
from dfbdesign.units import cm, deg, nm, uJ


def best_numbers(found: Best) -> Numbers:
    """A design that is best at something, and the Pareto front.

    Args:
        found: The design.

    Returns:
        Wavelength spreads in nm, gains in 1/cm.
    """
    many = found.candidates
    front = []
    for row in many.pareto.nonzero()[0]:
        scores = dict(zip(AIMS, map(float, many.scores[row]), strict=True))
        values = zip(found.paths, map(float, many.variables[row]), strict=True)
        front.append(
            {
                **{_named(path): _of_path(path, value) for path, value in values},
                "period_nm": float(many.period[row]) / nm,
                "threshold_material_gain_per_cm": scores["threshold"] * cm,
                "light_through_surface": -scores["output"],
                "gain_over_that_of_other_edge": scores["margin"],
                "wavelength_spread_nm": scores["tolerance"] / nm,
            }
        )
    values = zip(found.paths, found.values, strict=True)
    return {
        "aim": found.aim,
        "values": {_named(path): _of_path(path, value) for path, value in values},
        "pareto": front,
        "warnings": list(found.warnings),
    }


def tolerance_numbers(found: Tolerance) -> Numbers:
    """The spread of a device.

    Args:
        found: The spread.

    Returns:
        Wavelengths in nm, gains in 1/cm, fluences in µJ/cm².
    """
    wavelength = found.quantity("wavelength")
    order = wavelength.shares.argsort()[::-1]
    return {
        "samples": found.samples,
        "unsolved": found.unsolved,
        "quantities": [_quantity(one) for one in found.quantities],
        "causes_of_wavelength": [
            {
                "cause": found.causes[place].name,
                "shift_nm": float(wavelength.slopes[place]) / nm,
                "share_of_variance": float(wavelength.shares[place]),
            }
            for place in order
        ],
        "lasing_mode": [
            {"origin": name, "probability": share} for name, share in found.origins.items()
        ],
        "warnings": [
            f"{one.name}: first order gives a spread {one.linear / one.exact - 1:+.0%} off the "
            f"exact one (known to {one.exact_error / one.exact:.0%}); trust the exact one."
            for one in found.quantities
            if not one.is_linear
        ],
    }


_UNITS = {
    "threshold gain": (1 / cm, " [1/cm]"),
    "threshold fluence": (uJ / cm**2, " [µJ/cm²]"),
    "quality factor": (1.0, ""),
}


def _quantity(one: Quantity) -> Numbers:
    unit, text = _UNITS.get(one.name, (nm, " [nm]"))
    return {
        "quantity": one.name + text,
        "nominal": one.nominal / unit,
        "spread_by_sensitivities": one.linear / unit,
        "spread_exact": one.exact / unit,
        "spread_exact_error": one.exact_error / unit,
        "equal_within_5_percent": one.is_linear,
        "low_5_percent": one.low / unit,
        "median": one.median / unit,
        "high_95_percent": one.high / unit,
    }


def ladder_numbers(found: Ladder) -> Numbers:
    """A planned ladder.

    Args:
        found: The plan.

    Returns:
        Periods in nm.
    """
    fitted = found.response
    return {
        "probability": found.probability,
        "probability_error": found.probability_error,
        "evenly_spaced_probability": found.even_probability,
        "rungs": [_rung(one) for one in found.rungs],
        "evenly_spaced": [_rung(one) for one in found.even],
        "fit_error_nm": fitted.wavelength_error / nm,
    }


def _rung(one: Rung) -> Numbers:
    return {
        "period_nm": one.period / nm,
        "duty": one.duty,
        "dose": one.dose,
        "probability_alone": one.probability,
    }


def calibration_numbers(calibration: Calibration) -> Numbers:
    """A calibrated film index and the wavelengths it predicts.

    Args:
        calibration: The calibration.

    Returns:
        Periods and wavelengths in nm.
    """
    reference = calibration.reference
    return {
        "period_nm": reference.period / nm,
        "wavelength_nm": reference.wavelength / nm,
        "note": reference.note,
        "index_offset": calibration.index_offset,
        "film_index": calibration.film_index,
        "predictions": [
            {
                "period_nm": measured.period / nm,
                "measured_wavelength_nm": measured.wavelength / nm,
                "predicted_wavelength_nm": predicted / nm,
                "difference_nm": (predicted - measured.wavelength) / nm,
                "note": measured.note,
            }
            for measured, predicted in calibration.predictions
        ],
    }


def calibrated_numbers(found: Posterior, readings: Sequence[Reading]) -> Numbers:
    """What is known after a measurement.

    Args:
        found: The posterior.
        readings: What was measured.

    Returns:
        Lengths in nm, indices as numbers.
    """
    return {
        "values": [_value(one) for one in found.values],
        "directions": [
            {
                "remaining": one.remaining,
                "told": "yes" if one.remaining < 0.5 else "partly" if one.remaining < 0.9 else "no",
                "combination": " ".join(
                    f"{weight:+.2f} {name}"
                    for weight, name in sorted(
                        zip(one.weights, found.causes, strict=True), key=lambda pair: -abs(pair[0])
                    )
                    if abs(weight) > 0.15
                ),
            }
            for one in found.directions
        ],
        "readings": [
            {
                "device": one.name,
                "measured_as": one.kind,
                "wavelength_nm": one.wavelength / nm,
                "outlier_probability": float(wrong),
                "odd_edge_probability": float(odd),
            }
            for one, wrong, odd in zip(readings, found.outlier, found.odd, strict=True)
        ],
        "effective_draws": found.effective_draws,
    }


def _value(one: Value) -> Numbers:
    numbers = {
        "value": one.path + _unit_of(one.path)[1],
        "nominal": one.nominal,
        "error_before": one.prior,
        "mean": one.mean,
        "error_after": one.error,
        "low_5_percent": one.low,
        "high_95_percent": one.high,
    }
    unit = _unit_of(one.path)[0]
    return {
        key: value / unit if isinstance(value, float) and isfinite(value) else value
        for key, value in numbers.items()
    }


def _unit_of(path: str) -> tuple[float, str]:
    if path.endswith(("thickness", "period")):
        return nm, " [nm]"
    return (deg, " [deg]") if path.endswith("sidewall") else (1.0, "")


def _named(path: str) -> str:
    return path + ("_nm" if _unit_of(path)[0] == nm else "")


def _of_path(path: str, value: float) -> float:
    return value / _unit_of(path)[0]
