"""Verbs of one grating period."""

from math import radians
from typing import Annotated, Literal

import typer

from dfbdesign.cli.shown import show
from dfbdesign.cli.words import AsJson, DeviceFile, Plot, two_of, write_picture
from dfbdesign.units import nm


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
    from dfbdesign.reports.cell_numbers import cell_numbers, sensitivity_numbers
    from dfbdesign.solvers.unit_cell import modes as solve

    found = solve(load_device(file), wavevector)
    numbers = cell_numbers(found)
    show(numbers | sensitivity_numbers(found) if sensitivities else numbers, as_json)


def bands(
    file: DeviceFile,
    wavevectors: Annotated[
        str, typer.Option(help="First and last Bloch wavevector from Gamma [2 pi/period].")
    ] = "0,0.02",
    points: Annotated[int, typer.Option(min=2, help="Wavevectors in all.")] = 11,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Bands of the grating, followed through their crossings."""
    import numpy as np

    from dfbdesign.device import load_device
    from dfbdesign.reports.cell_numbers import bands_numbers
    from dfbdesign.solvers.bands import bands as solve

    first, last = two_of("--wavevectors", wavevectors)
    device = load_device(file)
    found = solve(device, np.linspace(first, last, points))
    result = bands_numbers(found)
    if plot is not None:
        from dfbdesign.plots.cells import band_structure

        result["picture"] = write_picture(plot, lambda axes: band_structure(axes, found))
    show(result, as_json)


def scatter(
    file: DeviceFile,
    wavelengths: Annotated[str, typer.Option(help="First and last wavelength [nm].")],
    points: Annotated[int, typer.Option(min=2, help="Wavelengths in all.")] = 101,
    angle: Annotated[float, typer.Option(help="Angle of incidence [degrees].")] = 0.0,
    side: Annotated[
        Literal["top", "substrate"], typer.Option(help="Where the light comes from.")
    ] = "top",
    polarization: Annotated[
        Literal["TE", "TM"] | None,
        typer.Option(help="E (TE) or H (TM) along the lines; default: that of the device."),
    ] = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Reflectance, transmittance and absorptance of plane light on the infinite grating."""
    import numpy as np

    from dfbdesign.device import load_device
    from dfbdesign.reports.cell_numbers import scattering_numbers
    from dfbdesign.solvers.scattering import scattering

    first, last = two_of("--wavelengths", wavelengths)
    axis = np.linspace(first * nm, last * nm, points)
    found = scattering(load_device(file), axis, radians(angle), side, polarization)
    result = scattering_numbers(found)
    if plot is not None:
        from dfbdesign.plots.cells import scattered

        result["picture"] = write_picture(plot, lambda axes: scattered(axes, found))
    show(result, as_json)
