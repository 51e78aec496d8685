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
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from math import ceil, inf, pi, sqrt
from typing import Literal, NamedTuple

import numpy as np

from dfbdesign.checks import positive, within
from dfbdesign.device import Device, Grating
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.fdtd.dispersion import STEP, Complex, Poles, best_poles, fit, slope
from dfbdesign.fdtd.grids import (
    Segments,
    courant,
    fitted_columns,
    fitted_layers,
    nearest_line,
    refined,
)
from dfbdesign.fdtd.slabs import Slab, spectral_slabs
from dfbdesign.units import nm, um

Parity = Literal["even", "odd"]

VERSION = "2"
"""Raise it with every change that moves a result: stored results of other versions are not used."""
COARSE = 8
"""Pixels per half wavelength in the guide before refinement."""
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
LARGEST_CELL = 400_000
"""Pixels of the largest cell that is worth starting on one machine."""


@dataclass(frozen=True)
class Dispersive:
    """What a run must know besides the permittivities at one frequency."""

    poles: Poles
    """See `dispersion`."""
    slower: tuple[Slab, ...]
    """The slabs at a frequency lower by `dispersion.STEP`."""
    faster: tuple[Slab, ...]
    """The same at a higher one."""

    def raised(self, height: float) -> "Dispersive":
        """With a superstrate of a certain height [µm]."""
        return Dispersive(self.poles, _raised(self.slower, height), _raised(self.faster, height))


@dataclass(frozen=True)
class UnitCellJob:
    """Everything one time-domain run of one period needs, and nothing else."""

    polarization: Literal["TE", "TM"]
    """E, or H, along y."""
    wavelength: float
    """Modes are looked for around this vacuum wavelength, where materials are exact [µm]."""
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
    dispersive: Dispersive | None = None
    """For materials whose permittivity depends on frequency."""
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
        content = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(content, sort_keys=True)


def unit_cell_job(
    device: Device,
    wavelength: float,
    refinement: int,
    wavevector: float | None = None,
    margin: float = 1.0,
) -> UnitCellJob:
    """The time-domain run that gives the modes of one period.

    Permittivities that depend on frequency are fitted at `wavelength`, see `dispersion`.

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
    slabs, dispersive = _materials(device, wavelength)
    coarse = grating.period / (COARSE * grating.order)
    ends = [_margin(grating, wavevector, wavelength, slabs[place], margin) for place in (0, -1)]
    buffer = [ceil(end.buffer / coarse) for end in ends]
    absorber = [ceil(end.absorber / coarse) for end in ends]
    columns = fitted_columns(slabs, grating.period, coarse)
    layers = fitted_layers((layer.thickness for layer in device.layers), coarse)
    column, row = _probe(slabs, columns, layers, grating)
    outer = [buffer[place] + absorber[place] for place in (0, 1)]
    if (sum(outer) + sum(count for _, count in layers)) % 2:
        outer[1] += 1  # the cell's centre is a corner of pixels then
    slabs = _raised(slabs, outer[1] * coarse)
    rows = ((outer[0] * coarse, outer[0]), *layers, (outer[1] * coarse, outer[1]))
    job = UnitCellJob(
        polarization=device.polarization,
        wavelength=wavelength,
        wavevector=wavevector,
        pixel=coarse / refinement,
        columns=refined(columns, refinement),
        rows=refined(rows, refinement),
        bottom=-outer[0] * coarse,
        slabs=slabs,
        absorber=(absorber[0] * refinement, absorber[1] * refinement),
        absorber_reflection=(ends[0].reflection, ends[1].reflection),
        courant=courant(_limits(slabs, dispersive), columns, layers, coarse),
        probe=(column * refinement, row * refinement),
        cycles=CYCLES,
        dispersive=dispersive and dispersive.raised(outer[1] * coarse),
    )
    if job.size > LARGEST_CELL:
        raise InputError(
            f"one period would need {job.size} pixels, {LARGEST_CELL} is the limit of the "
            "time-domain check: the layers are too thick, or the grating radiates along them. "
            "Make them thinner or lower the grating's order."
        )
    return job


# The materials


def _materials(device: Device, wavelength: float) -> tuple[tuple[Slab, ...], Dispersive | None]:
    """The slabs, and what is needed of them besides if any index depends on frequency or absorbs.

    An absorption that does not depend on frequency needs poles in the time domain, too.
    """
    for material in device.materials():  # complain of the wavelength that was asked for
        material.check_range(wavelength)
    near = [wavelength / (1 + turn) for turn in (-STEP, 0.0, STEP)]
    slower, slabs, faster = spectral_slabs(device, near)
    three = [_complex(*one).ravel() for one in (slower, slabs, faster)]
    if np.ptp(three, axis=0).any() or (three[1].imag > 0).any():
        return slabs, Dispersive(best_poles(*three), slower, faster)
    return slabs, None


def _limits(slabs: tuple[Slab, ...], dispersive: Dispersive | None) -> tuple[Slab, ...]:
    """The slabs at frequencies so high that they bound the time step."""
    if dispersive is None:
        return slabs
    found = []
    for three in zip(slabs, dispersive.slower, dispersive.faster, strict=True):
        here, slower, faster = (_complex(slab) for slab in three)
        limit = fit(here, slope(slower, faster), dispersive.poles).limit
        values = tuple((plane, 0.0, normal, 0.0) for plane, normal in limit.tolist())
        found.append(replace(three[0], permittivity=values))
    return tuple(found)


def _complex(*slabs: Slab) -> Complex:
    """Permittivities of all regions, in the plane and along z, shape (region, 2)."""
    parts = np.array([value for slab in slabs for value in slab.permittivity])
    return np.asarray(parts[:, ::2] + 1j * parts[:, 1::2])


def _raised(slabs: tuple[Slab, ...], height: float) -> tuple[Slab, ...]:
    """The same slabs with a superstrate of a certain height [µm]."""
    return (*slabs[:-1], replace(slabs[-1], top=slabs[-1].top + height))


# The grid


def _probe(
    slabs: tuple[Slab, ...], columns: Segments, layers: Segments, grating: Grating
) -> tuple[int, int]:
    """Column and row, in coarse pixels, between node and antinode of both modes and high index."""
    column = nearest_line(columns, grating.period / 2 + grating.period / (4 * grating.order))
    middle = sum(count for _, count in columns) // 2
    between = list(pairwise(slabs[:-1]))
    below, best = max(
        between,
        key=lambda pair: (max(v[0] for v in pair[1].permittivity), pair[1].top - pair[0].top),
    )
    return max(1, column - middle), nearest_line(layers, (below.top + best.top) / 2)


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
