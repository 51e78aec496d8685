"""Threshold modes of the finite device as plain numbers, the unit at the end of each key."""

from dfbdesign.device import Device
from dfbdesign.lasers.finite_laser import RigorousMode
from dfbdesign.lasers.laser import Laser, LasingMode
from dfbdesign.reports.numbers import Numbers, per_cm
from dfbdesign.units import cm, nm, uJ


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
        "gain_margin_per_cm": None if laser.gain_margin is None else per_cm(laser.gain_margin),
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
        "threshold_material_gain_per_cm": per_cm(mode.threshold_material_gain),
        "threshold_modal_gain_per_cm": per_cm(mode.threshold_modal_gain),
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
            "threshold_material_gain_per_cm": per_cm(mode.threshold_material_gain),
            "threshold_modal_gain_per_cm": per_cm(mode.threshold_modal_gain),
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
