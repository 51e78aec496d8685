"""Solver against time domain as plain numbers, the unit at the end of each key."""

from collections.abc import Sequence
from math import isfinite

from dfbdesign.reports.numbers import Numbers
from dfbdesign.units import nm
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.verify import Verification


def verification_numbers(verification: Verification) -> Numbers:
    """Solver against time domain, quantity by quantity.

    Args:
        verification: The comparison.

    Returns:
        Wavelengths in nm, differences relative.
    """
    comparisons = []
    for one in verification.comparisons:
        unit, ending = (nm, "_nm") if one.quantity == "wavelength" else (1.0, "")
        comparisons.append(
            {
                "label": one.label,
                "quantity": one.quantity,
                f"solver{ending}": one.solver / unit,
                f"solver_uncertainty{ending}": one.solver_uncertainty / unit,
                f"fdtd{ending}": one.fdtd / unit,
                f"fdtd_uncertainty{ending}": one.fdtd_uncertainty / unit,
            }
            | _certificate(one)
        )
    return {
        "wavelength_of_fits_nm": verification.wavelength / nm,
        "error_of_fitted_permittivities": verification.fit_error,
        "comparisons": comparisons,
        "passed": verification.passed,
    }


def certificates(comparisons: Sequence[Comparison]) -> Numbers:
    """Verdict on every quantity, and what it rests on.

    Args:
        comparisons: Solver against time domain.

    Returns:
        Differences and uncertainties relative to the time domain's value. "tolerance" is the
        largest uncertainty with which agreement is a statement, "power" that of the pixel in the
        error of the runs (2 is expected); "uncertainties" has the parts of the time domain's.
    """
    names = [{"label": one.label, "quantity": one.quantity} for one in comparisons]
    causes = dict.fromkeys(cause for one in comparisons for cause in one.time_domain.causes)
    return {
        "agreement": [
            name | _certificate(one) for name, one in zip(names, comparisons, strict=True)
        ],
        "uncertainties": [
            name | {f"from_{cause.replace(' ', '_')}": _part(one, cause) for cause in causes}
            for name, one in zip(names, comparisons, strict=True)
            if one.time_domain.causes
        ],
    }


def _certificate(one: Comparison) -> Numbers:
    return {
        "relative_difference": one.difference,
        "relative_uncertainty": one.uncertainty / _scale(one),
        "tolerance": one.sharpness / _scale(one) if isfinite(one.sharpness) else None,
        "power": one.time_domain.power,
        "verdict": one.verdict,
    }


def _scale(one: Comparison) -> float:
    return abs(one.fdtd) if one.fdtd and isfinite(one.fdtd) else 1.0


def _part(one: Comparison, cause: str) -> float | None:
    part = one.time_domain.causes.get(cause)
    return None if part is None else part / _scale(one)
