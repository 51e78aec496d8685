"""The page of a report: what it shows of the findings, as rows, pictures and HTML.

Every text of the user's is escaped by the template; pictures are carried inside the page.
"""

from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from dfbdesign import plots
from dfbdesign.device import Device, Facet, FacetReflection, Layer, Lines, device_tables
from dfbdesign.files import to_toml
from dfbdesign.gain.film import resolve_film
from dfbdesign.materials import Material
from dfbdesign.plots.figure import Draw
from dfbdesign.reports.compare import Comparison
from dfbdesign.reports.digits import exact, figures, fixed, uncertain
from dfbdesign.reports.findings import MEEP, Findings, references
from dfbdesign.reports.numbers import Numbers
from dfbdesign.units import deg, fs, nm


def html(found: Findings, numbers: Numbers, compared: Comparison | None) -> str:
    """The page about some findings.

    Args:
        found: What was computed.
        numbers: The same as numbers.
        compared: What changed since a previous report.

    Returns:
        HTML that needs nothing from elsewhere.
    """
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
        compared=compared,
        inputs=list(_inputs(found.device)),
        materials=list(_materials(found.device)),
        known=list(_known(found, numbers)),
        spread=list(_spread(found)),
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
    if found.light is not None and found.light.has_kink:
        pulses, pumped = found.light, found.light.pump / found.light.threshold
        levels = [int(abs(pumped - times).argmin()) for times in (1.2, 1.5, 2.0)]
        draw["light"] = (partial(plots.light_curve, curves=[pulses]), 4.6, 3.0)
        draw["pulse"] = (partial(plots.light_pulse, curve=pulses, levels=levels), 4.6, 3.0)
        draw["spectrum"] = (partial(plots.light_spectrum, curve=pulses, level=levels[0]), 4.6, 3.0)
    if found.published is not None:
        draw["published"] = (partial(plots.threshold_ranges, found=found.published), 4.6, 3.1)
    if found.verification is not None:
        comparisons = found.verification.comparisons
        draw["agreement"] = (partial(plots.agreement, comparisons=comparisons), 4.6, 2.6)
    if found.tolerance is not None:
        draw["spread"] = (partial(plots.wavelength_spread, found=found.tolerance), 4.6, 3.1)
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


def _spread(found: Findings) -> Iterator[tuple[str, str, str, str]]:
    """Every cause that can be off: one standard deviation, and what it does to the wavelength."""
    if found.tolerance is None:
        return
    given = found.spread.model_dump(mode="json")
    shift = found.tolerance.quantity("wavelength")
    for place in shift.shares.argsort()[::-1]:
        name = found.tolerance.causes[place].name
        value = given[name.replace("side wall", "sidewall").replace(" ", "_")]
        move, share = fixed(shift.slopes[place] / nm, 2, True), 100 * shift.shares[place]
        yield name, str(value), move, figures(share, 2)


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
