"""One page about a device: inputs, modes, thresholds, pictures, the check against MEEP, the layout.

The page is a single HTML file that needs no network; every number in it also stands, unrounded, in
a JSON file beside it and inside the page. The same device gives the same page.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from math import pi
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, StrictUndefined

from dfbdesign import plots
from dfbdesign.designs.design import Calibration, calibration
from dfbdesign.device import Device, Facet, FacetReflection, Layer, Lines, device_tables
from dfbdesign.errors import InputError
from dfbdesign.fdtd import find_meep
from dfbdesign.files import to_toml, writing
from dfbdesign.gain.film import resolve_film
from dfbdesign.lasers.laser import Laser, laser
from dfbdesign.layout.chip import device_layout
from dfbdesign.layout.manifest import Layout
from dfbdesign.materials import Material
from dfbdesign.plots.figure import Draw
from dfbdesign.reports.numbers import (
    Numbers,
    calibration_numbers,
    cell_numbers,
    exact,
    figures,
    fixed,
    laser_numbers,
    plain,
    uncertain,
    verification_numbers,
    written_numbers,
)
from dfbdesign.solvers.unit_cell import CellModes, modes
from dfbdesign.units import deg, fs, nm
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
    calibration: Calibration | None
    verification: Verification | None
    layout: Layout | None
    left_out: dict[str, str]
    """Why a part is `None`, in the words of the error."""


def report(
    device: Device,
    path: str | Path,
    verification: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Compute everything about a device and write the page, its numbers and its layout.

    Parts that the device lacks the input for (a length, lines, ...) are left out, and the page says
    which and why.

    Args:
        device: Needs a grating and a target.
        path: The page, ending in ".html"; the layout (".gds" and what belongs to it) and the
            numbers (".json") are written beside it.
        verification: Whether to compare with MEEP.
        progress: Called whenever something begins or goes on.

    Returns:
        The path of the page.

    Raises:
        InputError: If the device has no grating or target, data do not reach the wavelengths, or
            the page cannot be written.
        PhysicsError: If there is no mode, a solve does not converge, or the film cannot reach the
            threshold.
        MeepMissing: If MEEP is to be run and was not found; nothing has been written then.
    """
    path, tell = Path(path), progress or (lambda step, fraction: None)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f'the page must be a file that ends in ".html", got "{path.name}".')
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}.")
    if verification:
        find_meep()
    found = findings(device, path.with_suffix(".gds"), verification, tell)
    tell("pictures and page", None)
    numbers = plain(report_numbers(found))
    text = _page(found, numbers)
    with writing(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(numbers, indent=1, allow_nan=False) + "\n", "utf-8")
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def findings(device: Device, gds_path: Path, verification: bool, tell: Progress) -> Findings:
    """Compute everything a page tells, and write the layout.

    Args:
        device: Needs a grating and a target.
        gds_path: Where to write the layout.
        verification: Whether to compare with MEEP.
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
    return Findings(
        device,
        cell,
        bands,
        part("laser", "finite laser", lambda: laser(device)),
        part("calibration", "calibration", lambda: calibration(device)) if measured else None,
        part("verification", "comparison with MEEP", compare) if verification else None,
        part("layout", "layout", lambda: device_layout(device, gds_path)),
        left_out,
    )


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
        "target_wavelength_nm": device.need_target().wavelength / nm,
        "cell": cell_numbers(found.cell),
        "laser": found.laser and laser_numbers(found.laser),
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


def _page(found: Findings, numbers: Numbers) -> str:
    """The HTML page; every text of the user's is escaped by the template."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False}
    environment.filters |= {one.__name__: one for one in (exact, figures, fixed, uncertain)}
    template = environment.from_string(
        (files("dfbdesign.reports") / "report.html").read_text("utf-8")
    )
    return template.render(
        device=found.device,
        numbers=numbers,
        inputs=list(_inputs(found.device)),
        materials=list(_materials(found.device)),
        known=list(_known(found, numbers)),
        pictures=dict(_pictures(found)),
        references=references(found.device) + ((MEEP,) if found.verification else ()),
        device_file=to_toml(device_tables(found.device)),
    )


def _pictures(found: Findings) -> Iterator[tuple[str, str]]:
    """Name and data address of every picture there is something to show for."""
    device, shown = found.device, found.cell.modes[0]
    first = None if found.laser is None else found.laser.modes[0]
    if first is not None:
        edges = found.cell.band_edges
        shown = next((edge for edge in edges if edge.label == first.origin), edges[0])
    draw: dict[str, tuple[Draw, float, float]] = {
        "stack": (partial(plots.stack, mode=shown), 5.2, 2.8)
    }
    if found.bands:
        cells, target = (found.cell, *found.bands), device.need_target().wavelength
        draw["bands"] = (partial(plots.bands, cells=cells, target=target), 4.6, 3.3)
    if found.laser is not None and first is not None:
        draw["modes"] = (partial(plots.threshold_modes, modes=found.laser.modes), 4.6, 3.0)
        draw["cavity"] = (partial(plots.cavity, mode=first), 4.6, 3.0)
        if found.laser.film and device.pump and first.threshold_fluence is not None:
            threshold, wavelength = first.threshold_fluence, device.pump.wavelength
            curve = partial(
                plots.gain_curve,
                film=found.laser.film,
                pump_wavelength=wavelength,
                threshold=threshold,
            )
            draw["gain"] = (curve, 4.6, 3.0)
    if found.verification is not None:
        comparisons = found.verification.comparisons
        draw["agreement"] = (partial(plots.agreement, comparisons=comparisons), 4.6, 2.6)
    if found.layout is not None:
        gds = found.layout.files[0]
        draw["overview"] = (partial(plots.layout_overview, gds_path=gds), 4.6, 4.4)
        draw["lines"] = (partial(plots.layout_lines, gds_path=gds), 4.6, 2.5)
    for name, (function, width, height) in draw.items():
        content = b64encode(plots.picture(function, width, height)).decode("ascii")
        yield name, f"data:image/png;base64,{content}"


def _inputs(device: Device) -> Iterator[tuple[str, str]]:
    """What is made, row by row from the substrate up."""
    grating, target = device.need_grating(), device.need_target()
    yield "Target", f"{target.wavelength / nm:.6g} nm, {device.polarization} polarised"
    yield "Substrate", device.substrate.material.name
    for number, layer in enumerate(device.layers, start=1):
        yield f"Layer {number}", _layer(layer)
    yield "Superstrate", device.superstrate.material.name
    yield "Grating", f"period {grating.period / nm:.8g} nm, Bragg order {grating.order}"
    if grating.length is None:
        yield "Length", "infinite"
    else:
        whole = grating.periods * grating.period
        yield "Length", f"{grating.periods} periods, {whole:.8g} µm"
        facets = grating.facets
        yield "Ends", f"{_facet(facets.left)} on the left, {_facet(facets.right)} on the right"
    if grating.width is not None:
        yield "Length of the lines", f"{grating.width:.8g} µm"
    for phase_shift in grating.phase_shifts:
        where = f"inserted at {phase_shift.position:.4g} of the length"
        yield "Phase shift", f"{phase_shift.shift / nm:.6g} nm {where}"
    if device.pump is not None:
        pump = device.pump
        pulse = f"{pump.wavelength / nm:.6g} nm, {pump.duration / fs:.4g} fs, from the {pump.side}"
        size = f", {pump.spot.length:.6g} µm" if pump.spot.length is not None else ""
        yield "Pump", f"{pulse}; spot: {pump.spot.shape}{size}"


def _layer(layer: Layer) -> str:
    text = f"{layer.thickness / nm:.6g} nm {layer.material.name}{' (gain)' if layer.gain else ''}"
    return ", ".join([text, *(_lines(line) for line in layer.painted())])


def _lines(lines: Lines) -> str:
    text = f"lines of {lines.material.name}{' (gain)' if lines.gain else ''}, duty {lines.duty:.4g}"
    upright = abs(lines.sidewall / deg - 90) < 1e-9
    return text if upright else f"{text}, side walls {lines.sidewall / deg:.4g}°"


def _facet(facet: Facet) -> str:
    if isinstance(facet, FacetReflection):
        return f"amplitude reflection {complex(*facet.reflection):.4g}"
    return facet


def _materials(device: Device) -> Iterator[dict[str, str]]:
    """Every material once, with its index at the target."""
    wavelength = device.need_target().wavelength
    for one in {one.name: one for one in device.materials()}.values():
        yield {
            "name": one.name,
            "index": _index(one, wavelength),
            "description": one.description,
            "source": one.source or "the device file",
        }


def _index(material: Material, wavelength: float) -> str:
    ordinary = complex(material.index(wavelength))
    text = f"{ordinary.real:.4f}" + (f" + {ordinary.imag:.2g} i" if ordinary.imag else "")
    if not material.is_uniaxial:
        return text
    along = complex(material.index(wavelength, "extraordinary"))
    return f"{text} in the plane, {along.real:.4f} along z"


def _known(found: Findings, numbers: Numbers) -> Iterator[dict[str, str]]:
    """Every number the threshold rests on, and how it is known; results last."""
    if found.calibration is not None:
        reference = found.calibration.reference
        yield {
            "name": "film index",
            "value": f"{found.calibration.film_index:.4f}",
            "kind": "fitted",
            "source": f"to the {reference.wavelength / nm:.6g} nm of the measured laser with a "
            f"period of {reference.period / nm:.6g} nm",
        }
    if found.device.film is not None:
        for fact in resolve_film(found.device.film).facts:
            name = fact.name.replace("_", " ")
            yield {"name": name, "value": fact.text, "kind": fact.kind, "source": fact.source}
    if found.laser is None:
        return
    first = numbers["laser"]["modes"][0]
    results = (
        (
            "threshold gain",
            "threshold_material_gain_per_cm",
            "1/cm",
            "the unit cell and the finite grating",
        ),
        ("threshold excitons per dot", "excitons_per_dot", "", "the threshold gain and the film"),
        (
            "threshold fluence",
            "threshold_fluence_uj_per_cm2",
            "µJ/cm²",
            "the excitons per dot and the pump",
        ),
    )
    for name, key, unit, source in results:
        if first[key] is not None:
            value = f"{figures(first[key])} {unit}".strip()
            yield {"name": name, "value": value, "kind": "predicted", "source": f"from {source}"}
