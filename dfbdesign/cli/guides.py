"""Verbs of index data, slabs and waveguides."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfbdesign.cli.shown import show
from dfbdesign.cli.words import AsJson, DeviceFile
from dfbdesign.errors import NoGuidedMode, PhysicsError
from dfbdesign.units import cm, deg, km, nm, ps

if TYPE_CHECKING:
    from dfbdesign.verification.certificate import Comparison


def materials(as_json: AsJson = False) -> None:
    """Index data that come with the package, their ranges and sources."""
    from dfbdesign.materials import material, names

    rows = [
        {
            "name": name,
            "wavelength_range_nm": [end / nm for end in material(name).wavelength_range],
            "description": material(name).description,
            "source": material(name).source,
        }
        for name in names()
    ]
    show({"materials": rows}, as_json)


def slab(
    file: DeviceFile,
    check: Annotated[
        bool, typer.Option("--verify", help="Compare the fundamental modes with MEEP's (minutes).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Modes of the layers; patterned layers are averaged."""
    from dfbdesign.device import load_device
    from dfbdesign.solvers.slab import chromatic_dispersion
    from dfbdesign.solvers.slab import slab as solve

    device = load_device(file)
    found = solve(device)
    rows = []
    for mode in found.modes:
        row: dict[str, Any] = {
            "polarization": mode.polarization,
            "order": mode.order,
            "kind": mode.kind,
            "n_eff": complex(mode.n_eff),
            "n_group": mode.n_group,
            "dispersion_ps_per_nm_km": None,
            "far_field_width_deg": None,
            "confinement": mode.confinement.tolist(),
        }
        if mode.kind == "guided":
            with suppress(NoGuidedMode):  # a mode at its very cut-off has no dispersion
                dispersion = chromatic_dispersion(device, mode)
                row["dispersion_ps_per_nm_km"] = dispersion / (ps / (nm * km))
            row["far_field_width_deg"] = mode.profile.far_field_width / deg
        rows.append(row)
    result = {
        "wavelength_nm": found.wavelength / nm,
        "averaged_layers": list(found.averaged_layers),
        "modes": rows,
    }
    comparisons: list[Comparison] = []
    if check:
        from dfbdesign.reports.verification_numbers import certificates
        from dfbdesign.verification.slab import verify_slab

        guided = {mode.polarization for mode in found.modes if mode.kind == "guided"}
        for polarization in sorted(guided):
            comparisons += verify_slab(device, polarization)
        result |= certificates(comparisons)
    show(result, as_json)
    if any(one.verdict != "agrees" for one in comparisons):
        raise PhysicsError("the solver and MEEP do not agree; see the verdicts.")


def ridge(
    file: Annotated[Path, typer.Argument(metavar="WAVEGUIDE.toml", help="Waveguide file.")],
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Picture of the fields to write (PNG).")
    ] = None,
    dispersion: Annotated[
        bool, typer.Option("--dispersion", help="Chromatic dispersion, too; takes twice as long.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--verify", help="Compare the first mode with MEEP's (minutes).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Modes of a channel waveguide, straight or bent."""
    from dfbdesign.files import writing
    from dfbdesign.waveguides.waveguide import chromatic_dispersion, load_waveguide
    from dfbdesign.waveguides.waveguide import ridge as solve

    waveguide = load_waveguide(file)
    found = solve(waveguide)
    rows = [
        {
            "n_eff": complex(mode.n_eff),
            "n_eff_error": mode.n_eff_error,
            "n_group": mode.n_group,
            "te_fraction": mode.te_fraction,
            "effective_area_um2": mode.effective_area,
            "loss_per_cm": mode.loss * cm,
            "loss_error_per_cm": mode.loss_error * cm,
            "confinement": mode.confinement.tolist(),
        }
        for mode in found.modes
    ]
    if dispersion:
        slopes = chromatic_dispersion(waveguide)
        for row, slope in zip(rows, slopes, strict=True):
            row["dispersion_ps_per_nm_km"] = slope / (ps / (nm * km))
    result: dict[str, Any] = {"wavelength_nm": found.wavelength / nm, "modes": rows}
    comparisons: tuple[Comparison, ...] = ()
    if check:
        from dfbdesign.reports.verification_numbers import certificates
        from dfbdesign.waveguides.waveguide_verify import verify_ridge

        comparisons = verify_ridge(waveguide)
        unit = {"n_eff": 1.0, "loss": 1 / cm}
        names = {"n_eff": "n_eff", "loss": "loss_per_cm"}
        result["fdtd"] = {
            names[one.quantity] + ending: value / unit[one.quantity]
            for one in comparisons
            for ending, value in (("", one.fdtd), ("_error", one.fdtd_uncertainty))
        }
        result |= certificates(comparisons)
    if plot is not None:
        from dfbdesign.plots.figure import picture
        from dfbdesign.plots.guides import channel_modes

        with writing(plot) as temporary:
            height = 1.2 + 1.6 * ((len(rows) + 1) // 2)
            image = picture(lambda axes: channel_modes(axes, found), width=6.4, height=height)
            temporary.write_bytes(image)
        result["file"] = plot
    show(result, as_json)
    if any(one.verdict != "agrees" for one in comparisons):
        raise PhysicsError("the solver and MEEP do not agree; see the verdicts.")


def film(
    file: DeviceFile,
    thinnest: Annotated[float, typer.Option("--from", help="Thinnest [nm].")] = 50.0,
    thickest: Annotated[float, typer.Option("--to", help="Thickest [nm].")] = 500.0,
    points: Annotated[int, typer.Option(min=2, help="How many thicknesses.")] = 10,
    layer: Annotated[
        int | None, typer.Option(help="Which layer; the thickest with gain if left out.")
    ] = None,
    confinement: Annotated[
        float | None, typer.Option(help="Find the thickness that confines this share.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A film for ASE or variable-stripe measurements: modes and pump by its thickness."""
    from dfbdesign.device import load_device
    from dfbdesign.waveguides.film_guide import film_guide, thickness_for_confinement

    device = load_device(file)
    step = (thickest - thinnest) / (points - 1)
    found = film_guide(device, [(thinnest + i * step) * nm for i in range(points)], layer)
    rows = [
        {
            "thickness_nm": float(one) / nm,
            "te_modes": int(found.modes["TE"][i]),
            "tm_modes": int(found.modes["TM"][i]),
            "confinement": float(found.confinement[i]),
            "pump_absorbed": None if found.pump_absorbed is None else float(found.pump_absorbed[i]),
        }
        for i, one in enumerate(found.thickness)
    ]
    result: dict[str, Any] = {
        "layer": found.layer,
        "cut_off_nm": {name: value / nm for name, value in found.cut_offs.items()},
        "films": rows,
    }
    if confinement is not None:
        wanted = thickness_for_confinement(device, confinement, layer)
        result["thickness_for_confinement_nm"] = wanted / nm
    show(result, as_json)
