"""Verbs of one grating period."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfbdesign.cli.shown import progress, show
from dfbdesign.cli.words import AsJson, DeviceFile
from dfbdesign.errors import PhysicsError
from dfbdesign.units import nm

if TYPE_CHECKING:
    from dfbdesign.verification.verify import Comparison


def modes(
    file: DeviceFile,
    wavevector: Annotated[
        float | None,
        typer.Option(help="Bloch wavevector from Gamma [2 pi/period]; default: the band edges."),
    ] = None,
    sensitivities: Annotated[
        bool, typer.Option("--sensitivities", help="Shift of each mode with every dimension.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Band-edge modes of the infinite grating."""
    from dfbdesign.device import load_device
    from dfbdesign.reports.numbers import cell_numbers, sensitivity_numbers
    from dfbdesign.solvers.unit_cell import modes as solve

    found = solve(load_device(file), wavevector)
    numbers = cell_numbers(found)
    show(numbers | sensitivity_numbers(found) if sensitivities else numbers, as_json)


def verify(
    file: DeviceFile,
    level: Annotated[str, typer.Option(help="What to compare: unit-cell.")] = "unit-cell",
    as_json: AsJson = False,
) -> None:
    """Compare the band edges with MEEP, an independent time-domain program."""
    from dfbdesign.device import load_device
    from dfbdesign.verification.verify import TOLERANCE
    from dfbdesign.verification.verify import verify as compare

    device = load_device(file)
    with progress() as tell:
        found = compare(device, level, lambda done, _: tell("comparison with MEEP", done))
    agreement = [
        {
            "label": compared.label,
            "quantity": compared.quantity,
            "relative_difference": compared.difference,
            "tolerance": TOLERANCE[compared.quantity],
            "verdict": compared.verdict,
        }
        for compared in found.comparisons
    ]
    result = {
        "wavelength_of_indices_nm": found.wavelength / nm,
        "solver": _witness(found.comparisons, "solver"),
        "fdtd": _witness(found.comparisons, "fdtd"),
        "agreement": agreement,
        "passed": found.passed,
    }
    show(result, as_json)
    if not found.passed:
        raise PhysicsError("the solver and MEEP do not agree to the tolerance; see the verdicts.")


def _witness(comparisons: "tuple[Comparison, ...]", name: str) -> list[dict[str, Any]]:
    """One row per band edge of what one of the two methods found."""
    rows: list[dict[str, Any]] = []
    for compared in comparisons:
        value, error = getattr(compared, name), getattr(compared, f"{name}_uncertainty")
        if compared.quantity == "wavelength":  # always a mode's first
            rows.append({"label": compared.label, "wavelength_nm": value / nm})
            rows[-1] |= {"wavelength_uncertainty_nm": error / nm}
            rows[-1] |= {"quality_factor": None, "quality_factor_uncertainty": None}
        else:
            rows[-1] |= {"quality_factor": value, "quality_factor_uncertainty": error}
    return rows
