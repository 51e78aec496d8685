"""Results as plain numbers, the unit at the end of each key, and how a page writes a number."""

from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfbdesign.design import Calibration
from dfbdesign.laser import Laser, LasingMode
from dfbdesign.solvers.slab import slab
from dfbdesign.solvers.unit_cell import CellModes
from dfbdesign.units import cm, nm, pm, uJ
from dfbdesign.verify import TOLERANCE, Verification

if TYPE_CHECKING:  # both load KLayout, which most verbs do without
    from dfbdesign.layout import Layout, Violation, WrittenPattern

Numbers = dict[str, Any]


def plain(value: Any) -> Any:
    """What JSON can hold: complex numbers as [re, im], infinity as null, paths as text.

    Args:
        value: Numbers, texts, and lists and dictionaries of them.

    Returns:
        The same without anything JSON does not know.

    Examples:
        >>> plain({"kappa_per_cm": 188 - 3.3j, "quality_factor": float("inf")})
        {'kappa_per_cm': [188.0, -3.3], 'quality_factor': None}
    """
    match value:
        case dict():
            return {key: plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plain(entry) for entry in value]
        case complex():
            return [value.real, value.imag]
        case float():
            return None if isinf(value) else float(value)
        case Path():
            return str(value)
    return value


def cell_numbers(cell: CellModes) -> Numbers:
    """Bloch modes of the infinite grating.

    Args:
        cell: The modes.

    Returns:
        Wavelengths in nm, coefficients in 1/cm.
    """
    modes = [
        {
            "label": mode.label,
            "wavelength_nm": mode.wavelength / nm,
            "quality_factor": mode.quality_factor,
            "threshold_gain_per_cm": _per_cm(mode.threshold_gain),
            "confinement": mode.confinement,
            "wavelength_error_nm": mode.wavelength_error / nm,
        }
        for mode in cell.modes
    ]
    return {
        "polarization": cell.polarization,
        "wavevector": cell.wavevector,
        "modes": modes,
        "kappa_per_cm": _per_cm(cell.kappa),
        "group_index": cell.n_group,
        "radiation_loss_per_cm": _per_cm(cell.radiation_loss),
    }


def laser_numbers(laser: Laser) -> Numbers:
    """Threshold modes of the finite device.

    Args:
        laser: The device, solved.

    Returns:
        Wavelengths in nm, gains in 1/cm, fluences in µJ/cm², lowest threshold first.
    """
    return {
        "periods": laser.periods,
        "length_um": laser.length,
        "modes": [lasing_mode_numbers(mode) for mode in laser.modes],
    }


def lasing_mode_numbers(mode: LasingMode) -> Numbers:
    """One threshold mode of the finite device.

    Args:
        mode: The mode.

    Returns:
        Wavelength in nm, gains in 1/cm, fluence in µJ/cm².
    """
    fluence = mode.threshold_fluence
    return {
        "origin": mode.origin,
        "wavelength_nm": mode.wavelength / nm,
        "cold_quality_factor": mode.cold_quality_factor,
        "threshold_material_gain_per_cm": _per_cm(mode.threshold_material_gain),
        "threshold_modal_gain_per_cm": _per_cm(mode.threshold_modal_gain),
        "excitons_per_dot": mode.excitons_per_dot,
        "threshold_fluence_uj_per_cm2": None if fluence is None else fluence / (uJ / cm**2),
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
                "relative_difference": one.difference,
                "tolerance": TOLERANCE[one.quantity],
                "verdict": one.verdict,
            }
        )
    return {
        "wavelength_of_indices_nm": verification.wavelength / nm,
        "comparisons": comparisons,
        "passed": verification.passed,
    }


def written_numbers(written: "WrittenPattern") -> Numbers:
    """A grating as read back from its file.

    Args:
        written: What was found.

    Returns:
        Lengths in nm, errors of the mean period in pm.
    """
    return {
        "lines": written.lines,
        "line_width_nm": [width / nm for width in written.widths],
        "line_width_error_nm": written.width_error / nm,
        "largest_edge_error_nm": written.largest_edge_error / nm,
        "mean_period_nm": written.mean_period / nm,
        "mean_period_error_pm": written.mean_period_error / pm,
        "off_grid_vertices": written.off_grid_vertices,
    }


def layout_numbers(layout: "Layout", violations: "tuple[Violation, ...]") -> Numbers:
    """A written chip: its files, its devices, and the worst of what was read back.

    Args:
        layout: The chip.
        violations: The design rules it breaks.

    Returns:
        Lengths in nm and µm, errors of period and wavelength in pm.
    """
    devices = []
    for placed in layout.devices:
        grating = placed.device.need_grating()
        devices.append(
            {
                "name": placed.name,
                "period_nm": grating.period / nm,
                "lines": placed.written.lines,
                "x_um": placed.position[0],
                "y_um": placed.position[1],
            }
        )
    written = layout.written
    return {
        "files": list(layout.files),
        "devices": devices,
        "written": {
            "largest_edge_error_nm": written.largest_edge_error / nm,
            "largest_width_error_nm": written.largest_width_error / nm,
            "mean_period_error_pm": written.mean_period_error / pm,
            "wavelength_shift_pm": _wavelength_shift(layout) / pm,
        },
        "violations": [
            {
                "rule": one.rule,
                "layer": one.layer,
                "count": one.count,
                "x_um": one.position[0],
                "y_um": one.position[1],
            }
            for one in violations
        ],
    }


def _wavelength_shift(layout: "Layout") -> float:
    """Shift of the Bragg wavelength by the largest error of a mean period [µm].

    From order x wavelength = 2 n_eff period: d(wavelength)/d(period) = 2 n_eff² / (order n_group).
    """
    device = layout.written.worst_period.device
    mode = slab(device).fundamental(device.polarization)
    slope = 2 * mode.n_eff.real**2 / (device.need_grating().order * mode.n_group)
    return float(slope * layout.written.mean_period_error)


def fixed(value: float, decimals: int, sign: bool = False) -> str:
    """A number with so many decimals; thousands set apart from five digits on.

    Args:
        value: The number.
        decimals: Digits after the point.
        sign: Whether a positive number gets its sign.

    Returns:
        The text.

    Examples:
        >>> fixed(1675.409, 2), fixed(5.409, 1, sign=True)
        ('1675.41', '+5.4')
    """
    text = f"{value:+,.{decimals}f}" if sign else f"{value:,.{decimals}f}"
    return text.replace(",", "\u202f" if abs(value) >= 9999.5 else "")


def figures(value: float, digits: int = 4) -> str:
    """A number with at least so many figures, never with an exponent.

    Args:
        value: The number.
        digits: Figures, trailing zeros included.

    Returns:
        The text.

    Examples:
        >>> figures(118.04), figures(0.00012, 2), figures(2183.6, 2)
        ('118.0', '0.00012', '2184')
    """
    return fixed(value, max(0, digits - 1 - _decade(value))) if value else "0"


def exact(value: float) -> str:
    """An input as it was given: no trailing zeros, none of the noise of converted units.

    Args:
        value: The number.

    Returns:
        The text.

    Examples:
        >>> exact(1.67 / 0.001)
        '1670'
    """
    return f"{value:.10g}"


def uncertain(value: float | None, uncertainty: float | None) -> str:
    """A value and its uncertainty, both to the second figure of the uncertainty.

    Args:
        value: The value, `None` for infinity.
        uncertainty: What it is known to, 0 or `None` if exactly.

    Returns:
        The text.

    Examples:
        >>> uncertain(1668.15207, 0.0112)
        '1668.152 ± 0.011'
    """
    if value is None:
        return "infinite"
    if not uncertainty:
        return figures(value, 7)
    decimals = max(0, 1 - _decade(uncertainty))
    return f"{fixed(value, decimals)} ± {fixed(uncertainty, decimals)}"


def _decade(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _per_cm(value: complex | None) -> complex | None:
    return None if value is None else value * cm
