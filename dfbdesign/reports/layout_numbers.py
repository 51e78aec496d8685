"""A written chip as plain numbers, the unit at the end of each key."""

from dfbdesign.layout import Violation, WrittenPattern
from dfbdesign.layout.manifest import PlacedDevice
from dfbdesign.reports.numbers import Numbers
from dfbdesign.solvers.slab import slab
from dfbdesign.units import nm, pm, s
from dfbdesign.verification.written import WrittenChip, WrittenLaser


def layout_numbers(found: WrittenChip, violations: tuple[Violation, ...]) -> Numbers:
    """A written chip: its files, its devices as designed and as written, and the worst of them.

    Args:
        found: The chip.
        violations: The design rules it breaks.

    Returns:
        Lengths in nm and µm, errors of period and wavelength in pm.
    """
    layout, written = found.layout, found.layout.written
    lasers = {one.name: one for one in found.lasers}
    time = layout.write_time
    return {
        "files": list(layout.files),
        "devices": [_device(placed, lasers.get(placed.name)) for placed in layout.devices],
        "cells": [
            {
                "name": one.name,
                "kind": one.record["kind"],
                "x_um": one.position[0],
                "y_um": one.position[1],
            }
            for one in layout.cells
        ],
        "written": written
        and {
            "largest_edge_error_nm": written.largest_edge_error / nm,
            "largest_width_error_nm": written.largest_width_error / nm,
            "mean_period_error_pm": written.mean_period_error / pm,
            "wavelength_shift_pm": _wavelength_shift(found) / pm,
        },
        "left_out": [f"{name}: {why}" for name, why in found.left_out.items()],
        "write_time_min": time and time.total / (60 * s),
        "dies": len(layout.dies),
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


def _device(placed: PlacedDevice, found: WrittenLaser | None) -> Numbers:
    """One device of the chip; the laser as written where it could be solved."""
    row = {
        "name": placed.name,
        "period_nm": placed.device.need_grating().period / nm,
        "lines": placed.written.lines,
        "dose": placed.dose,
        "x_um": placed.position[0],
        "y_um": placed.position[1],
        "wavelength_nm": None,
        "wavelength_error_pm": None,
        "slips_pm": None,
        "threshold_change": None,
        "kappa_change": None,
    }
    if found is not None:
        gains = [each.threshold_material_gain for each in (found.design, found.written)]
        row |= {
            "wavelength_nm": found.design.wavelength / nm,
            "wavelength_error_pm": found.wavelength_error / pm,
            "slips_pm": found.slips / pm,
            "threshold_change": gains[1] / gains[0] - 1,
            "kappa_change": abs(found.written.kappa / found.design.kappa) - 1,
        }
    return row


def written_numbers(written: WrittenPattern) -> Numbers:
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


def _wavelength_shift(found: WrittenChip) -> float:
    """Largest error of a wavelength as written [µm].

    Where no laser can be solved, that of the Bragg wavelength by the largest error of a mean
    period: from order x wavelength = 2 n_eff period, its slope is 2 n_eff² / (order n_group).
    """
    if found.lasers:
        return max((one.wavelength_error for one in found.lasers), key=abs)
    written = found.layout.written
    if written is None:
        return 0.0
    device = written.worst_period.device
    mode = slab(device).fundamental(device.polarization)
    slope = 2 * mode.n_eff.real**2 / (device.need_grating().order * mode.n_group)
    return float(slope * written.mean_period_error)
