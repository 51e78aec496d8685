"""Results as plain numbers, the unit at the end of each key, and how a page writes a number."""

from collections.abc import Iterator, Sequence
from math import isfinite, isinf, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfbdesign.designs.design import Calibration
from dfbdesign.device import Device
from dfbdesign.lasers.finite_laser import RigorousMode
from dfbdesign.lasers.laser import Laser, LasingMode
from dfbdesign.lasers.pumping import PumpedGain, Pumping
from dfbdesign.solvers.unit_cell import CellModes
from dfbdesign.units import cm, deg, nm, pm, uJ
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.verify import Verification

if TYPE_CHECKING:  # loads KLayout, which most verbs do without
    from dfbdesign.layout import WrittenPattern

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
        Wavelengths in nm, coefficients in 1/cm; shares of the energy from the substrate up.
    """
    modes = [
        {
            "label": mode.label,
            "wavelength_nm": mode.wavelength / nm,
            "quality_factor": mode.quality_factor,
            "threshold_gain_per_cm": _per_cm(mode.threshold_gain),
            "confinement": mode.confinement,
            "wavelength_error_nm": mode.wavelength_error / nm,
            "emitted_up": emission.up.sum() if (emission := mode.emission()) else None,
            "energy_share": mode.layer_shares().tolist(),
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


def sensitivity_numbers(cell: CellModes) -> Numbers:
    """How far every dimension and index of the device moves the modes, by exact derivatives.

    Args:
        cell: The modes.

    Returns:
        Per value of the device: a small change of it, and the shift of each mode [pm].
    """
    device = cell.modes[0].device
    rows = []
    for path, step, unit in _dimensions(device):
        shifts = [mode.wavelength_sensitivity(path) * step / pm for mode in cell.modes]
        rows.append({"value": path, "change": unit, "shift_pm": shifts})
    return {"sensitivities": rows}


def _dimensions(device: Device) -> Iterator[tuple[str, float, str]]:
    """Paths of the dimensions and indices of one period, and a change of each that labs know."""
    yield "grating.period", 1 * nm, "1 nm"
    yield "substrate.material", 0.001, "0.001 in index"
    for number, layer in enumerate(device.layers):
        yield f"layers.{number}.thickness", 1 * nm, "1 nm"
        yield f"layers.{number}.material", 0.001, "0.001 in index"
        lines = [f"further_lines.{i}" for i in range(len(layer.further_lines))]
        for name, line in zip([*lines, "lines"], layer.painted(), strict=False):
            path = f"layers.{number}.{name}"
            if 0 < line.duty < 1:
                yield f"{path}.duty", 0.01, "0.01"
            if abs(line.sidewall - pi / 2) > 1e-9:
                yield f"{path}.sidewall", 1 * deg, "1 deg"
            yield f"{path}.material", 0.001, "0.001 in index"
    yield "superstrate.material", 0.001, "0.001 in index"


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
        "gain_margin_per_cm": None if laser.gain_margin is None else _per_cm(laser.gain_margin),
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
        "hole_burning": mode.hole_burning,
        "excitons_per_dot": mode.excitons_per_dot,
        "threshold_fluence_uj_per_cm2": None if fluence is None else fluence / (uJ / cm**2),
    }


def rigorous_numbers(device: Device, modes: tuple[RigorousMode, ...]) -> Numbers:
    """Threshold modes of the finite device by the rigorous solver.

    Args:
        device: The device.
        modes: Its modes.

    Returns:
        Wavelengths in nm, gains in 1/cm, fluences in µJ/cm², lowest threshold first.
    """
    grating = device.need_grating()
    rows = [
        {
            "wavelength_nm": mode.wavelength / nm,
            "cold_quality_factor": mode.cold_quality_factor,
            "threshold_material_gain_per_cm": _per_cm(mode.threshold_material_gain),
            "threshold_modal_gain_per_cm": _per_cm(mode.threshold_modal_gain),
            "excitons_per_dot": mode.excitons_per_dot,
            "threshold_fluence_uj_per_cm2": None
            if mode.threshold_fluence is None
            else mode.threshold_fluence / (uJ / cm**2),
            "wavelength_error_nm": mode.mode.error * mode.wavelength / nm,
        }
        for mode in modes
    ]
    return {
        "periods": grating.periods,
        "length_um": grating.periods * grating.period,
        "modes": rows,
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
            }
            | _certificate(one)
        )
    return {
        "wavelength_of_indices_nm": verification.wavelength / nm,
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
    causes = [
        {
            f"from_{cause.replace(' ', '_')}": part / _scale(one)
            for cause, part in one.time_domain.causes.items()
        }
        for one in comparisons
    ]
    return {
        "agreement": [
            name | _certificate(one) for name, one in zip(names, comparisons, strict=True)
        ],
        "uncertainties": [name | parts for name, parts in zip(names, causes, strict=True) if parts],
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
    return fixed(value, max(0, digits - 1 - decade(value))) if value else "0"


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
    decimals = max(0, 1 - decade(uncertainty))
    return f"{fixed(value, decimals)} ± {fixed(uncertainty, decimals)}"


def decade(value: float) -> int:
    """Power of ten of the first figure of a number.

    Args:
        value: The number.

    Returns:
        0 for 1 to 9.9, -1 for 0.1 to 0.99, ...
    """
    return int(f"{value:e}".partition("e")[2])


def _per_cm(value: complex | None) -> complex | None:
    return None if value is None else value * cm


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
