"""The beam of a laser mode as plain numbers, the unit at the end of each key."""

from dfbdesign.lasers.beam import Beam, Side, far_field
from dfbdesign.lasers.laser import LasingMode
from dfbdesign.lasers.lobes import lobes, polarization_ratio
from dfbdesign.reports.numbers import Numbers
from dfbdesign.units import deg, nm

SIDES: tuple[Side, ...] = ("up", "down", "below")


def beam_numbers(mode: LasingMode, beam: Beam, aperture: float = 1.0) -> Numbers:
    """Where the photons of a mode go, and its lobes on each side.

    Args:
        mode: The mode.
        beam: Its beam.
        aperture: Numerical aperture of the lens before the polariser.

    Returns:
        Shares of the photons generated; angles and full widths at half maximum in degrees, powers
        per steradian (per radian for a beam without width) of one photon generated. "up" is into
        the superstrate, "down" in the substrate, "below" in air behind it.
    """
    shares, per = beam.output, "per_rad" if beam.across is None else "per_sr"
    return {
        "origin": mode.origin,
        "wavelength_nm": mode.wavelength / nm,
        "photons": {
            "up": shares.up,
            "down": shares.down,
            "left": shares.left,
            "right": shares.right,
            "film": shares.film,
            "materials": shares.materials,
            "total": shares.total,
        },
        "sides": [
            {
                "side": side,
                "polarization_ratio": polarization_ratio(beam, side, aperture),
                f"on_axis_{per}": float(far_field(beam, side, 0.0).intensity),
            }
            for side in SIDES
        ],
        "lobes": [
            {
                "side": side,
                "angle_deg": lobe.angle / deg,
                "fwhm_deg": lobe.width / deg,
                "fwhm_y_deg": None if lobe.width_y is None else lobe.width_y / deg,
                f"intensity_{per}": lobe.intensity,
            }
            for side in SIDES
            for lobe in lobes(beam, side)
        ],
    }
