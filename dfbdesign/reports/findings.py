"""Everything a report tells about a device, computed in one go, and the same as plain numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from math import pi
from pathlib import Path
from typing import TypeVar

from dfbdesign.designs.design import Calibration, calibration
from dfbdesign.designs.spread import Spread
from dfbdesign.designs.tolerance import Tolerance, tolerance
from dfbdesign.device import Device, device_tables
from dfbdesign.errors import InputError
from dfbdesign.gain.film import resolve_film
from dfbdesign.lasers.laser import Laser, laser
from dfbdesign.lasers.light_curve import light
from dfbdesign.lasers.light_reading import LightCurve
from dfbdesign.lasers.published_lasers import MEASURED, ThresholdRange, kinetics, threshold_range
from dfbdesign.layout.chip import device_layout
from dfbdesign.layout.manifest import Layout
from dfbdesign.reports.cell_numbers import cell_numbers
from dfbdesign.reports.design_numbers import calibration_numbers, tolerance_numbers
from dfbdesign.reports.laser_numbers import laser_numbers
from dfbdesign.reports.layout_numbers import written_numbers
from dfbdesign.reports.light_numbers import light_numbers, published_numbers
from dfbdesign.reports.numbers import Numbers
from dfbdesign.reports.verification_numbers import verification_numbers
from dfbdesign.solvers.unit_cell import CellModes, modes
from dfbdesign.units import nm
from dfbdesign.verification.verify import Verification, verify

Progress = Callable[[str, float | None], None]
"""Called with what is being done, and the done fraction of it where that is known."""

METHODS = (
    "Unit cell: Fourier modal method with the factorisation rules of L. Li, J. Opt. Soc. Am. A 13, "
    "1870 (1996); modes found by the contour integral of W.-J. Beyn, Linear Algebra Appl. 436, "
    "3839 (2012).",
    "Finite grating: coupled waves with gain, H. Kogelnik and C. V. Shank, J. Appl. Phys. 43, 2327 "
    "(1972), doi:10.1063/1.1661499; second order with radiation, R. F. Kazarinov and C. H. Henry, "
    "IEEE J. Quantum Electron. 21, 144 (1985).",
)
MEEP = (
    "Time domain: MEEP, A. F. Oskooi et al., Comput. Phys. Commun. 181, 687 (2010), "
    "doi:10.1016/j.cpc.2009.11.008."
)
Result = TypeVar("Result")

_SAMPLES = 300
"""Devices of the tolerance: percentiles to a tenth of the spread, in a second."""

_NOT_ASKED = "The comparison was left out on request."


@dataclass(frozen=True)
class Findings:
    """Everything a page tells."""

    device: Device
    cell: CellModes
    """The band edges."""
    bands: tuple[CellModes, ...]
    """The same cell next to them, for the band structure."""
    laser: Laser | None
    spread: Spread
    """What is not known of the device before it is made."""
    tolerance: Tolerance | None
    """What comes of it."""
    light: LightCurve | None
    """Light against pump, where the film's lifetimes are published."""
    published: ThresholdRange | None
    """Thresholds of the published laser with this film, over what is not published of it."""
    calibration: Calibration | None
    verification: Verification | None
    layout: Layout | None
    left_out: dict[str, str]
    """Why a part is `None`, in the words of the error."""


def findings(
    device: Device, gds_path: Path, verification: bool, spread: Spread, tell: Progress
) -> Findings:
    """Compute everything a page tells, and write the layout.

    Args:
        device: Needs a grating and a target.
        gds_path: Where to write the layout.
        verification: Whether to compare with MEEP.
        spread: What is not known of the device before it is made.
        tell: Called whenever something begins or goes on.

    Returns:
        All results.
    """
    left_out = {} if verification else {"verification": _NOT_ASKED}

    def part(name: str, step: str, compute: Callable[[], Result]) -> Result | None:
        tell(step, None)
        try:
            return compute()
        except InputError as error:
            left_out[name] = str(error)
            return None

    def compare() -> Verification:
        return verify(device, progress=lambda done, _: tell("comparison with MEEP", done))

    tell("band structure", None)
    cell = modes(device)
    bands = tuple(modes(device, q) for q in _wavevectors(cell))
    measured = bool(device.measured)
    finite = part("laser", "finite laser", lambda: laser(device))
    return Findings(
        device,
        cell,
        bands,
        finite,
        spread,
        part("tolerance", "tolerance", lambda: tolerance(device, spread, _SAMPLES))
        if finite
        else None,
        part("light", "light against pump", lambda: _light(device)) if device.film else None,
        _published(device, tell),
        part("calibration", "calibration", lambda: calibration(device)) if measured else None,
        part("verification", "comparison with MEEP", compare) if verification else None,
        part("layout", "layout", lambda: device_layout(device, gds_path)),
        left_out,
    )


def _light(device: Device) -> LightCurve:
    rates, loss = kinetics(device, (None, None))
    return light(device, rates, loss=loss)


def _published(device: Device, tell: Progress) -> ThresholdRange | None:
    for kind in MEASURED:
        if device.film is not None and device.film.preset == f"taghipour2023-{kind}":
            tell("thresholds of the published laser", None)
            return threshold_range(kind)
    return None


def _wavevectors(edges: CellModes) -> list[float]:
    """Wavevectors from the band edges to where the coupling hardly matters [2π/period]."""
    if edges.kappa is None:
        return []
    period = edges.modes[0].device.need_grating().period
    reach = min(4 * abs(edges.kappa) * period / (2 * pi), 0.1)
    return [edges.wavevector - reach * step / 6 for step in range(1, 7)]


def report_numbers(found: Findings) -> Numbers:
    """Every number of a page.

    Args:
        found: What was computed.

    Returns:
        Numbers with the unit in the key; parts that were left out are `None`.
    """
    device = found.device
    numbers: Numbers = {
        "version": version("dfbdesign"),
        "name": device.name,
        "device": device_tables(device),
        "spread": found.spread.model_dump(mode="json"),
        "target_wavelength_nm": device.need_target().wavelength / nm,
        "cell": cell_numbers(found.cell),
        "laser": found.laser and laser_numbers(found.laser),
        "tolerance": found.tolerance and tolerance_numbers(found.tolerance),
        "light": found.light and light_numbers(found.light),
        "published": found.published and published_numbers(found.published),
        "calibration": found.calibration and calibration_numbers(found.calibration),
        "verification": found.verification and verification_numbers(found.verification),
        "layout": None,
        "left_out": found.left_out,
    }
    if found.layout is not None:
        numbers["layout"] = {
            "files": [file.name for file in found.layout.files],
            **written_numbers(found.layout.devices[0].written),
        }
    return numbers


def references(device: Device) -> tuple[str, ...]:
    """What to cite for the results about a device.

    Args:
        device: The device.

    Returns:
        Sources of its index data and gain film, and of the methods.
    """
    sources = [f"Index of {one.name}: {one.source}" for one in device.materials() if one.source]
    if device.film is not None:
        film = resolve_film(device.film)
        sources += [f"Gain film: {film.source}"] if film.source else []
    return (*dict.fromkeys(sources), *METHODS)
