r"""From a device to the plain numbers of one time-domain run: one grating period.

The cell holds one period along x between absorbing layers, on a grid that fits the geometry (see
`dfbdesign.fdtd.nodes`): every wall and every interface lies on a grid line. All refinements of the
grid divide the same coarse pixels, so that the error is a series in the square of the pixel.

With the Bloch wavevector q the waves of the period have the lateral wavenumbers
$\beta = 2\pi (q + m) / \Lambda$. The guided ones decay outside as
$\exp(-\sqrt{\beta^2 - n^2k^2}\,|z|)$; the absorbing layers start where the slowest is small enough
not to be absorbed there.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import accumulate, pairwise
from math import ceil, inf, pi, sqrt
from typing import Literal, NamedTuple

from dfbdesign.checks import positive, within
from dfbdesign.device import Device, Grating, without_dispersion
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.fdtd.slabs import ROUNDING, Slab, period_slabs, symmetric
from dfbdesign.units import nm, um

Parity = Literal["even", "odd"]

VERSION = "2"
"""Raise it with every change that moves a result: stored results of other versions are not used."""
COARSE = 8
"""Pixels per half wavelength in the guide before refinement."""
SHORTEST = 0.2
"""Least distance of fitted grid lines, over a coarse pixel; time steps shrink with it."""
SMALLEST_BUFFER = 1.5 * um
"""Least distance between the layers and an absorbing layer."""
DECAY = 7.0
"""Decay lengths of the guided wave before an absorbing layer starts: exp(-2·7) of its power."""
ABSORBER_REFLECTION = 1e-15
"""Nominal power reflection of an absorbing layer for the most oblique radiated wave."""
CYCLES = 280
"""Optical cycles recorded after the source has died away."""
SOURCE_CYCLES = 50
"""Optical cycles until the source has died away."""
COURANT, SAFE = 0.5, 0.9
"""Time step over pixel, and over the largest stable one, at most."""
LARGEST_CELL = 400_000
"""Pixels of the largest cell that is worth starting on one machine."""

Segments = tuple[tuple[float, int], ...]
"""Lengths [µm], each with its number of pixels."""


@dataclass(frozen=True)
class UnitCellJob:
    """Everything one time-domain run of one period needs, and nothing else."""

    polarization: Literal["TE", "TM"]
    """E, or H, along y."""
    wavelength: float
    """Modes are looked for around this vacuum wavelength, where conductivities are exact [µm]."""
    wavevector: float
    """Bloch wavevector [2π/period]."""
    pixel: float
    """Nominal size [µm]."""
    columns: Segments
    """The period from left to right."""
    rows: Segments
    """From the lower to the upper end of the cell."""
    bottom: float
    """Height of the lower end of the cell above the substrate's surface [µm]."""
    slabs: tuple[Slab, ...]
    """From the substrate to the superstrate."""
    absorber: tuple[int, int]
    """Pixels of the lower and the upper absorbing layer."""
    absorber_reflection: tuple[float, float]
    """Their nominal power reflection at normal incidence."""
    probe: tuple[int, int]
    """Column from the period's middle, and row from the substrate's surface, of source and watch
    point; the other one is its mirror image."""
    courant: float
    """Time step over pixel, the same for all refinements."""
    cycles: int
    """Optical cycles recorded after the source has died away."""
    kind: str = "unit-cell"
    version: str = VERSION

    @property
    def pixels(self) -> int:
        """Number of pixels per period."""
        return sum(count for _, count in self.columns)

    @property
    def size(self) -> int:
        """Number of pixels of the cell."""
        return self.pixels * sum(count for _, count in self.rows)

    @property
    def steps(self) -> int:
        """Number of time steps."""
        return ceil((SOURCE_CYCLES + self.cycles) * self.wavelength / self.pixel / self.courant)

    def text(self) -> str:
        """The job as JSON, always the same text for the same job."""
        return json.dumps(asdict(self), sort_keys=True)


def unit_cell_job(
    device: Device,
    wavelength: float,
    refinement: int,
    wavevector: float | None = None,
    margin: float = 1.0,
) -> UnitCellJob:
    """The time-domain run that gives the modes of one period.

    The indices are frozen at `wavelength`.

    Args:
        device: Needs a grating; any number of lines, straight or oblique, absorption, gain and
            uniaxial materials.
        wavelength: Vacuum wavelength the modes are looked for around [µm].
        refinement: Into how many pixels each coarse one is divided along either axis.
        wavevector: Bloch wavevector in units of 2π/period from the zone centre; `None` for the
            band edges of the grating's order.
        margin: Times more room for decaying waves and absorbing layers than usual.

    Returns:
        The job.

    Raises:
        InputError: If a line is wider than the period, or the device too thick for a cell.
        NoGuidedMode: If the wave would leak sideways into the substrate or the superstrate.

    Examples:
        >>> from dfbdesign.device import Lines
        >>> device = Device(
        ...     substrate=1.744, superstrate=1.0, grating=Grating(period=870 * nm),
        ...     layers=[Layer(thickness=160 * nm, material=2.53,
        ...                   lines=Lines(material=2.28, duty=0.35))],
        ... )
        >>> job = unit_cell_job(device, wavelength=1670 * nm, refinement=2)
        >>> [(round(length, 4), pixels) for length, pixels in job.columns]
        [(0.2828, 10), (0.1522, 6), (0.1522, 6), (0.2828, 10)]
    """
    grating = device.need_grating()
    positive("wavelength (in um)", wavelength)
    within("refinement", refinement, 1, 64)
    if wavevector is None:
        wavevector = 0.5 * (grating.order % 2)
    within("wavevector", wavevector, -0.5, 0.5)
    slabs = period_slabs(without_dispersion(device, wavelength), wavelength)
    coarse = grating.period / (COARSE * grating.order)
    ends = [_margin(grating, wavevector, wavelength, slabs[place], margin) for place in (0, -1)]
    buffer = [ceil(end.buffer / coarse) for end in ends]
    absorber = [ceil(end.absorber / coarse) for end in ends]
    columns, layers = _columns(slabs, grating.period, coarse), _layers(device, coarse)
    column, row = _probe(slabs, columns, layers, grating)
    outer = [buffer[place] + absorber[place] for place in (0, 1)]
    if (sum(outer) + sum(count for _, count in layers)) % 2:
        outer[1] += 1  # the cell's centre is a corner of pixels then
    slabs = (*slabs[:-1], replace(slabs[-1], top=slabs[-1].top + outer[1] * coarse))
    rows = ((outer[0] * coarse, outer[0]), *layers, (outer[1] * coarse, outer[1]))
    job = UnitCellJob(
        polarization=device.polarization,
        wavelength=wavelength,
        wavevector=wavevector,
        pixel=coarse / refinement,
        columns=_refined(columns, refinement),
        rows=_refined(rows, refinement),
        bottom=-outer[0] * coarse,
        slabs=slabs,
        absorber=(absorber[0] * refinement, absorber[1] * refinement),
        absorber_reflection=(ends[0].reflection, ends[1].reflection),
        courant=min(COURANT, SAFE * _stable(slabs, columns, layers, coarse)),
        probe=(column * refinement, row * refinement),
        cycles=CYCLES,
    )
    if job.size > LARGEST_CELL:
        raise InputError(
            f"one period would need {job.size} pixels, {LARGEST_CELL} is the limit of the "
            "time-domain check: the layers are too thick, or the grating radiates along them. "
            "Make them thinner or lower the grating's order."
        )
    return job


# The grid


def _columns(slabs: tuple[Slab, ...], period: float, coarse: float) -> Segments:
    """Pixels between upright walls; mirrored where the walls are."""
    upright = {foot for slab in slabs for foot, head in slab.walls if foot == head}
    if symmetric(slabs):
        right = _segments([0.0, *(x for x in upright if x > 0), period / 2], coarse)
        return (*right[::-1], *right)
    found = list(_segments([-period / 2, *upright, period / 2], coarse))
    if sum(count for _, count in found) % 2:
        widest = max(range(len(found)), key=lambda i: found[i][0] / found[i][1])
        found[widest] = found[widest][0], found[widest][1] + 1
    return tuple(found)


def _layers(device: Device, coarse: float) -> Segments:
    """Pixels of the layers, from the substrate up."""
    faces = [0.0, *accumulate(layer.thickness for layer in device.layers)]
    return _segments(faces, coarse)


def _segments(places: Iterable[float], coarse: float) -> Segments:
    """Whole pixels between places; those hardly apart from one before are left inside a pixel."""
    first, *between, last = sorted(places)
    kept = [first]
    for place in between:
        if place - kept[-1] > SHORTEST * coarse and last - place > SHORTEST * coarse:
            kept.append(place)
    kept.append(last)
    return tuple((b - a, max(1, round((b - a) / coarse))) for a, b in pairwise(kept))


def _refined(segments: Segments, refinement: int) -> Segments:
    return tuple((length, count * refinement) for length, count in segments)


def _stable(slabs: tuple[Slab, ...], columns: Segments, layers: Segments, coarse: float) -> float:
    """Largest stable time step over pixel; a stretched pixel counts with its true size."""
    across = min(length / count for length, count in columns)
    found, bottom = [], 0.0
    for height, top in ((coarse, 0.0), *_heights(layers), (coarse, slabs[-1].top)):
        least = min(
            min(value[0], value[2])
            for below, slab in pairwise((Slab(-inf, (), ()), *slabs))
            if below.top < max(top, ROUNDING) - ROUNDING / 2 and slab.top >= bottom
            for value in slab.permittivity
        )
        found.append(sqrt(least / (across**-2 + height**-2)) / coarse)
        bottom = top
    return min(found)


def _heights(layers: Segments) -> list[tuple[float, float]]:
    """Pixel and upper face of every fitted layer."""
    tops = accumulate(length for length, _ in layers)
    return [(length / count, top) for (length, count), top in zip(layers, tops, strict=True)]


def _probe(
    slabs: tuple[Slab, ...], columns: Segments, layers: Segments, grating: Grating
) -> tuple[int, int]:
    """Column and row, in coarse pixels, between node and antinode of both modes and high index."""
    column = _node(columns, grating.period / 2 + grating.period / (4 * grating.order))
    middle = sum(count for _, count in columns) // 2
    between = list(pairwise(slabs[:-1]))
    below, best = max(
        between,
        key=lambda pair: (max(v[0] for v in pair[1].permittivity), pair[1].top - pair[0].top),
    )
    return max(1, column - middle), _node(layers, (below.top + best.top) / 2)


def _node(segments: Segments, place: float) -> int:
    """Number of the grid line nearest to a place, from the first one."""
    lines = [0.0]
    for length, count in segments:
        lines += [lines[-1] + length * (part + 1) / count for part in range(count)]
    return min(range(len(lines)), key=lambda i: abs(lines[i] - place))


# The room above and below


class _Margin(NamedTuple):
    """What stands between the layers and the end of the cell."""

    buffer: float
    absorber: float
    reflection: float


def _margin(
    grating: Grating, wavevector: float, wavelength: float, end: Slab, more: float
) -> _Margin:
    """Enough buffer for the guided waves, and an absorber for the most oblique radiated one.

    An absorber's reflection is R at normal incidence and R to the power cos θ at the angle θ.
    """
    permittivity = min(end.permittivity[0][0], end.permittivity[0][2])
    square = end.permittivity[0][0] * (2 * pi / wavelength) ** 2
    guided = 2 * pi * (grating.order / 2 - _folded(grating, wavevector)) / grating.period
    decay = guided**2 - square
    tail = DECAY / sqrt(decay) if decay > 0 else inf
    if tail > 10 * wavelength:
        name = "substrate" if end.top == 0 else "superstrate"
        raise NoGuidedMode(
            f"at {wavelength / nm:g} nm a period of {grating.period / nm:g} nm guides no wave, or "
            f"hardly any, against an index of {sqrt(permittivity):.4g} in the {name}. "
            "Choose a shorter period or a longer wavelength."
        )
    laterals = [2 * pi * (wavevector + m) / grating.period for m in range(-4, 5)]
    slowest = min((s for q in laterals if (s := square - q**2) > 0), default=square)
    return _Margin(
        more * max(SMALLEST_BUFFER, tail),
        more * 2 * pi / sqrt(slowest),
        ABSORBER_REFLECTION ** sqrt(square / slowest),
    )


def _folded(grating: Grating, wavevector: float) -> float:
    """Distance of the Bloch wavevector from the band edges of the grating's order."""
    edge = 0.5 * (grating.order % 2)
    away = abs(abs(wavevector) - edge)
    return min(away, 1 - away)
