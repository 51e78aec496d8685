"""Verbs of the pumped, finite device and its film."""

from math import inf, radians
from pathlib import Path
from typing import Annotated, Literal

import typer

from dfbdesign.cli.shown import show
from dfbdesign.cli.words import AsJson, DeviceFile, Plot, numbers_of, write_picture
from dfbdesign.errors import InputError
from dfbdesign.units import cm, meV, nJ, ps, uJ, um


def laser(
    file: DeviceFile,
    solver: Annotated[
        Literal["coupled-mode", "rigorous"],
        typer.Option(help="Coupled waves of the unit cell, or all of Maxwell's equations (TE)."),
    ] = "coupled-mode",
    spectra: Annotated[
        Path | None,
        typer.Option(help="CSV file to write, of reflection, transmission and emission spectra."),
    ] = None,
    share: Annotated[
        float, typer.Option(help="Gain over that of the first threshold, for --spectra.")
    ] = 0.9,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Threshold modes of the finite, pumped device, lowest threshold first."""
    from dfbdesign.device import load_device
    from dfbdesign.lasers.finite_laser import rigorous_laser
    from dfbdesign.lasers.laser import laser as solve
    from dfbdesign.lasers.laser_spectra import laser_spectra, save_spectra
    from dfbdesign.reports.laser_numbers import laser_numbers, rigorous_numbers

    device = load_device(file)
    if solver == "rigorous":
        if spectra is not None or plot is not None:
            raise InputError("--spectra and --plot need --solver coupled-mode.")
        show(rigorous_numbers(device, rigorous_laser(device)), as_json)
        return
    solved = solve(device)
    found = laser_spectra(solved, share) if spectra is not None else None
    if found is not None and spectra is not None:
        save_spectra(found, spectra)
    result = laser_numbers(solved)
    if plot is not None:
        from dfbdesign.plots import lasers as plots

        result["picture"] = write_picture(
            plot,
            lambda axes: (
                plots.threshold_modes(axes, solved.modes)
                if found is None
                else plots.spectra(axes, found)
            ),
        )
    show(result, as_json)


def beam(
    file: DeviceFile,
    mode: Annotated[
        int, typer.Option(min=0, help="Number of the mode; 0 has the lowest threshold.")
    ] = 0,
    aperture: Annotated[
        float, typer.Option(help="Numerical aperture of the lens before the polariser.")
    ] = 1.0,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Where the photons of a mode go, and the lobes and polarisation of its beam."""
    from dfbdesign.device import load_device
    from dfbdesign.lasers.beam import beam as radiated
    from dfbdesign.lasers.laser import laser as solve
    from dfbdesign.reports.beam_numbers import beam_numbers

    solved = solve(load_device(file))
    found = radiated(solved, mode)
    if plot is not None:
        from dfbdesign.plots.lasers import far_field_cut

        write_picture(plot, lambda axes: far_field_cut(axes, found))
    show(beam_numbers(solved.modes[mode], found, aperture), as_json)


def pump(
    file: DeviceFile,
    angle: Annotated[float, typer.Option(help="Angle of incidence [degrees].")] = 0.0,
    polarization: Annotated[
        Literal["TE", "TM"], typer.Option(help="Pump: E (TE) or H (TM) along the lines.")
    ] = "TE",
    orders: Annotated[
        int, typer.Option(help="Diffraction orders on either side; 0 averages over the lines.")
    ] = 0,
    energy: Annotated[float | None, typer.Option(help="Pulse energy in the spot [nJ].")] = None,
    as_json: AsJson = False,
) -> None:
    """Where the pump light goes in the layers, and what its depth profile costs."""
    from dfbdesign.device import load_device
    from dfbdesign.lasers.pumping import pumping
    from dfbdesign.reports.pump_numbers import pump_numbers

    found = pumping(
        load_device(file),
        angle=radians(angle),
        polarization=polarization,
        orders=orders,
        energy=None if energy is None else energy * nJ,
    )
    show(pump_numbers(found), as_json)


def gain(
    file: DeviceFile,
    fluences: Annotated[
        str, typer.Option(help="Pump fluences [µJ/cm²].")
    ] = "20,50,100,200,500,1000,2000",
    after: Annotated[float, typer.Option(help="Time after the pulse to look at [ps].")] = 50.0,
    biexciton_lifetime: Annotated[
        float, typer.Option(help="Auger lifetime of the biexciton [ps].")
    ] = inf,
    trapping_lifetime: Annotated[
        float, typer.Option(help="Lifetime of a single exciton [ps].")
    ] = inf,
    auger: Annotated[
        Literal["pair", "cubic", "bimolecular", "square"], typer.Option(help="Auger law.")
    ] = "pair",
    photon_density: Annotated[
        float, typer.Option(help="Photons in the film at the band edge [1/µm³].")
    ] = 0.0,
    red_shift: Annotated[
        float | None, typer.Option(help="Shift of the gain below absorption [meV], at 300 K.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Gain of the film against pump fluence, right after the pulse and later; how long it lasts."""
    from dfbdesign.device import load_device
    from dfbdesign.gain.rates import Rates
    from dfbdesign.lasers.pumping import pumped_gain
    from dfbdesign.reports.pump_numbers import gain_numbers

    found = pumped_gain(
        load_device(file),
        [fluence * uJ / cm**2 for fluence in numbers_of("--fluences", fluences)],
        Rates(biexciton_lifetime * ps, auger, trapping_lifetime * ps),
        after=after * ps,
        photon_density=photon_density / um**3,
        red_shift=None if red_shift is None else red_shift * meV,
    )
    show(gain_numbers(found), as_json)


def light(
    file: DeviceFile,
    fluences: Annotated[
        str | None,
        typer.Option(help="Pump fluences [µJ/cm²]; 40 around the threshold if left out."),
    ] = None,
    intensities: Annotated[
        str | None, typer.Option(help="Continuous pump light instead: its intensities [W/cm²].")
    ] = None,
    pulse: Annotated[
        Path | None, typer.Option(help="CSV file of a pulse shape: columns time_ps and power.")
    ] = None,
    biexciton_lifetime: Annotated[
        float | None, typer.Option(help="Auger lifetime of the biexciton [ps].")
    ] = None,
    trapping_lifetime: Annotated[
        float | None, typer.Option(help="Lifetime of a single exciton [ps].")
    ] = None,
    auger: Annotated[
        Literal["pair", "cubic", "bimolecular", "square"], typer.Option(help="Auger law.")
    ] = "pair",
    loss: Annotated[
        float | None, typer.Option(help="Loss of the guided light, as by scattering [1/cm].")
    ] = None,
    linewidth_enhancement: Annotated[
        float | None, typer.Option(help="Index over gain; of the band edge if left out.")
    ] = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Light out against pump in, with threshold, pulses and linewidth.

    Lifetimes and loss of a published film are used where none are given.
    """
    from dfbdesign.device import load_device
    from dfbdesign.lasers.envelope import read_pulse
    from dfbdesign.lasers.light_curve import continuous_light
    from dfbdesign.lasers.light_curve import light as simulate
    from dfbdesign.lasers.published_lasers import kinetics
    from dfbdesign.reports.light_numbers import continuous_numbers, light_numbers

    device = load_device(file)
    given = (biexciton_lifetime, trapping_lifetime)
    rates, lost = kinetics(device, given, auger, None if loss is None else loss / cm)
    if intensities is not None:
        if fluences is not None or pulse is not None or plot is not None:
            raise InputError("--intensities goes without --fluences, --pulse and --plot.")
        levels = [one / cm**2 for one in numbers_of("--intensities", intensities)]
        steady = continuous_light(
            device, rates, levels, loss=lost, linewidth_enhancement=linewidth_enhancement
        )
        show(continuous_numbers(steady), as_json)
        return
    wanted = None if fluences is None else numbers_of("--fluences", fluences)
    found = simulate(
        device,
        rates,
        None if wanted is None else [one * uJ / cm**2 for one in wanted],
        loss=lost,
        envelope=None if pulse is None else read_pulse(pulse),
        linewidth_enhancement=linewidth_enhancement,
    )
    if plot is not None:
        from dfbdesign.plots import light_curve

        write_picture(plot, lambda axes: light_curve(axes, [found]))
    show(light_numbers(found), as_json)
