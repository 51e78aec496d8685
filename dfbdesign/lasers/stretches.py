"""A finite grating cut where its pump, its lines or their phase change.

Where pump or lines change smoothly, each piece takes what holds on its mean or in its middle: the
error falls as the square of its length.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device, Facet, FacetReflection, Grating
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.gain.film import Film, unpumped_absorption
from dfbdesign.lasers.waves import Waves, waves_from
from dfbdesign.solvers.facet import facet_reflection
from dfbdesign.solvers.unit_cell import band_edges

Real = NDArray[np.float64]

SPOT_STEPS = 40
"""Pieces that a smooth pump spot is cut into."""
LINE_STEPS = 64
"""Pieces that a grating of changing lines is cut into."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of grating under one pump fluence."""

    length: float
    """[µm]"""
    fluence: float
    """Pump fluence over its peak value."""
    filling: float
    """Part of the width of the lines that the pump covers."""
    phase: float
    """Phase of a line-free stretch in front [rad]."""
    waves: Waves
    """The coupled waves of its lines."""


def stretches_of(device: Device, film: Film | None, waves: Waves) -> tuple[Stretch, ...]:
    """The grating cut at phase shifts and where the pump or the lines change.

    Args:
        device: Needs a grating with a length.
        film: The film, for how far light reaches into an unpumped continuation.
        waves: The coupled waves in the middle of the grating.

    Returns:
        Stretches from left to right, "unpumped" continuations included.

    Raises:
        InputError: If the pump spot does not fit the grating, or a continuation does not absorb.
        NoGuidedMode: If the changing lines guide no mode somewhere.
    """
    grating = device.need_grating()
    length = grating.periods * grating.period
    if device.pump is not None:
        device.pump.spot.need_within(length)
        size = device.pump.spot.length
        if size is not None and size < grating.period:
            raise InputError(
                f"pump spot length ({size:g} um) must not be below one period of the grating "
                f"({grating.period:g} um)."
            )
    jumps = _jumps(grating)
    cells = np.linspace(0, length, LINE_STEPS + 1).tolist() if grating.varies else []
    edges = np.array(sorted({0.0, length, *_spot_edges(device, length), *jumps, *cells}))
    middles = (edges[1:] + edges[:-1]) / 2
    along = _waves_along(device, waves, grating.share(np.r_[0.0, middles, length]))
    fluence, filling = _spot(device, length, edges)
    pieces = [
        Stretch(float(end - begin), float(one), float(part), jumps.get(float(begin), 0.0), own)
        for (begin, end), one, part, own in zip(
            pairwise(edges), fluence, filling, along[1:-1], strict=True
        )
    ]
    left, right = (facet == "unpumped" for facet in (grating.facets.left, grating.facets.right))
    before, behind = (
        [Stretch(unpumped_length(film, own, length), 1.0, 0.0, jump, own)] if wanted else []
        for wanted, own, jump in (
            (left, along[0], 0.0),
            (right, along[-1], jumps.get(length, 0.0)),
        )
    )
    return (*before, *pieces, *behind)


def _jumps(grating: Grating) -> dict[float, float]:
    """One-way phase of phase shifts and slips, by their place in the grating [rad]."""
    inserted = [(one.position, one.shift) for one in grating.phase_shifts]
    inserted += [(one.position, one.slip) for one in grating.slips]
    found: dict[float, float] = {}
    for position, extra in inserted:
        place = float(grating.place(round(position * grating.periods) / grating.periods))
        found[place] = found.get(place, 0.0) + pi * grating.order / grating.period * extra
    return found


def _waves_along(device: Device, waves: Waves, share: Real) -> list[Waves]:
    """The coupled waves at shares of the grating.

    Unit cells are solved at a few places and interpolated by polynomials: between the points of an
    apodisation they change smoothly.
    """
    grating = device.need_grating()
    if not grating.varies:
        return [waves] * len(share)
    points = np.array([0.0, 1.0])
    if grating.apodisation is not None:
        points = grating.apodisation.places
    pieces = len(points) - 1
    count = 4 + ceil(8 / pieces)
    inside = (1 - np.cos(pi * (np.arange(count) + 0.5) / count)) / 2
    nodes = (points[:-1, None] + np.diff(points)[:, None] * inside).ravel()
    rows, own = np.unique(_changes(device, nodes), axis=1, return_inverse=True)
    found = band_edges(device, dict(zip(_paths(device), rows, strict=True)))
    if found.missing:
        number, why = next(iter(found.missing.items()))
        place = nodes[own.ravel() == number][0]
        raise NoGuidedMode(f"no mode at {place:.0%} of the length of the grating: {why}")
    table = np.column_stack([found.wavenumber, found.gain_slope, found.n_group])[own.ravel()]
    piece = np.clip(np.searchsorted(points, share, side="right") - 1, 0, pieces - 1)
    local = (share - points[piece]) / np.diff(points)[piece]
    weights = np.array([_lagrange(inside, at) for at in local])
    values = np.einsum("sn,snv->sv", weights, table.reshape(pieces, count, -1)[piece])
    return [
        waves_from((row[0], row[1]), (row[2], row[3]), row[4].real, waves.radiates)
        for row in values.tolist()
    ]


def _lagrange(nodes: Real, place: float) -> Real:
    """Weights of the values at the nodes in the polynomial through them, shape (node,)."""
    apart = nodes[:, None] - nodes + np.eye(len(nodes))
    steps = np.where(np.eye(len(nodes), dtype=bool), 1.0, (place - nodes) / apart)
    return np.asarray(steps.prod(axis=1))


def _changing_layer(device: Device) -> int:
    """The one layer whose lines an apodisation changes."""
    lined = [number for number, layer in enumerate(device.layers) if layer.lines is not None]
    if len(lined) != 1 or device.layers[lined[0]].further_lines:
        raise InputError(
            "grating apodisation needs one layer with lines, without further_lines, got "
            f"{len(lined)} with lines."
        )
    return lined[0]


def _goes_on(device: Device, number: int) -> bool:
    """Whether the film between the lines goes on in the layer above."""
    layers = device.layers
    return (
        number + 1 < len(layers)
        and layers[number + 1].lines is None
        and layers[number + 1].material == layers[number].material
    )


def _paths(device: Device) -> list[str]:
    """What changes along the grating."""
    apodisation, found = device.need_grating().apodisation, ["grating.period"]
    if apodisation is not None:
        number = _changing_layer(device)
        found += [f"layers.{number}.lines.duty"] if apodisation.duty else []
        if apodisation.height:
            found.append(f"layers.{number}.thickness")
            found += [f"layers.{number + 1}.thickness"] if _goes_on(device, number) else []
    return found


def _changes(device: Device, share: Real) -> Real:
    """Values of `_paths` at shares of the grating, shape (path, share)."""
    grating = device.need_grating()
    apodisation = grating.apodisation
    found = [grating.period + grating.chirp * (share - 0.5)]
    if apodisation is not None:
        number = _changing_layer(device)
        if apodisation.duty:
            found.append(apodisation.at(apodisation.duty, share))
        if apodisation.height:
            height = apodisation.at(apodisation.height, share)
            found.append(height)
            if _goes_on(device, number):
                both = sum(layer.thickness for layer in device.layers[number : number + 2])
                if height.max() >= both:
                    raise InputError(
                        f"grating apodisation height must stay below the film, {both:g} um thick, "
                        f"got {height.max():g} um."
                    )
                found.append(both - height)
    return np.round(found, 12)  # what is equal by symmetry is solved once


def unpumped_length(film: Film | None, waves: Waves, length: float) -> float:
    """Length of an unpumped continuation that is shown, until its light has faded [µm].

    Args:
        film: The film.
        waves: The coupled waves of the continuation.
        length: Of the grating [µm].

    Returns:
        The length [µm].

    Raises:
        InputError: If the continuation does not absorb, or next to nothing.
    """
    depth = inf if film is None else unpumped_depth(film, waves)
    if depth > 50 * length:
        raise InputError(
            'facets "unpumped" need a [film] that absorbs without pump: here modes would reach '
            f"further than 50 times the length of the grating, {length:g} um."
        )
    return depth


def unpumped_depth(film: Film, waves: Waves) -> float:
    """Length of unpumped film after which an amplitude, there and back, is exp(-16) [µm]."""
    absorption = waves.confinement * unpumped_absorption(film)
    return 16 / absorption if absorption > 0 else inf


def _spot_edges(device: Device, length: float) -> list[float]:
    """Where the pump fluence changes, within the grating [µm]."""
    spot = device.pump.spot if device.pump is not None else None
    if spot is None or spot.shape == "uniform":
        return []
    if spot.file is not None:
        low, high = spot.file.position[0], spot.file.position[-1]
    else:
        assert spot.length is not None  # so says Spot
        high = spot.length if spot.shape == "gaussian" else spot.length / 2
        low = -high
    low, high = max(low, -length / 2), min(high, length / 2)
    if low >= high:
        return []  # beside the grating
    steps = 1 if spot.shape == "stripe" or spot.across == "alone" else SPOT_STEPS
    even = np.linspace(low, high, steps + 1)
    cuts = even if spot.file is None else spot.file.cuts(steps, low, high)
    return [float(min(max(length / 2 + cut, 0.0), length)) for cut in cuts]


def _spot(device: Device, length: float, edges: Real) -> tuple[Real, Real]:
    """Pump fluence over its peak, and the part of the lines' width that is pumped, by piece."""
    spot = device.pump.spot if device.pump is not None else None
    begin, end = edges[:-1] - length / 2, edges[1:] - length / 2
    everywhere = np.ones_like(begin)
    if spot is None or spot.shape == "uniform":
        return everywhere, everywhere
    if spot.file is not None:
        return spot.file.mean(begin, end), everywhere
    assert spot.length is not None  # so says Spot
    offset, radius = np.abs(begin + end) / 2, spot.length / 2
    if spot.shape == "gaussian":
        return np.exp(-2 * (offset / radius) ** 2), everywhere
    if spot.shape == "stripe" or spot.across == "alone":
        return everywhere, np.where(offset < radius, 1.0, 0.0)
    chord = 2 * np.sqrt(np.maximum(radius**2 - offset**2, 0.0))
    width = device.need_grating().width or spot.length
    return everywhere, np.minimum(chord / width, 1.0)


def facets_of(device: Device) -> tuple[complex, complex]:
    """Amplitude reflections of the ends, referred to the middle of a gap, where a period ends.

    Args:
        device: Needs a grating.

    Returns:
        Of the left and the right end.
    """
    grating = device.need_grating()
    facets = grating.facets
    right = _facet(device, grating, facets.right)
    # A line-free stretch at the right end lies behind the last section: it turns what comes back.
    behind = _jumps(grating).get(float(grating.place(1.0)), 0.0) if grating.length else 0.0
    return _facet(device, grating, facets.left), complex(right * np.exp(2j * behind))


def _facet(device: Device, grating: Grating, facet: Facet) -> complex:
    # Half a period from a line, a wave of odd order has turned by a quarter of its round trip.
    sign = -1 if grating.order % 2 else 1
    if isinstance(facet, FacetReflection):
        return sign * complex(*facet.reflection)
    if facet == "cleaved" and device.polarization == "TE":
        return sign * facet_reflection(device)
    if facet in ("cleaved", "fresnel"):
        n_eff = grating.order * device.need_target().wavelength / (2 * grating.period)
        return complex(sign * (n_eff - 1) / (n_eff + 1))
    return 0j
