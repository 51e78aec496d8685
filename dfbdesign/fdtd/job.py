r"""From a device to the plain numbers of one time-domain run: one grating period, both band edges.

The cell holds one period along x (gap/2, line, gap/2; x = 0 at the line's centre) between absorbing
layers, and a whole number of square pixels per period whatever the period is: the resolution is a
whole number over the period. The substrate's surface lies on a row of nodes; all other interfaces
may fall inside pixels, see `dfbdesign.fdtd.worker` for how they are averaged.

A guided wave of Bragg order m has the lateral wavenumber $\beta = m\pi/\Lambda$ and decays outside
as $\exp(-\sqrt{\beta^2 - n^2k^2}\,|z|)$; the absorbing layers start where it is small enough not to
be absorbed there.
"""

import json
from dataclasses import asdict, dataclass
from math import ceil, inf, pi, sqrt, tan
from typing import Literal, NamedTuple

from dfbdesign.checks import positive
from dfbdesign.device import Device, Grating, Layer, Lines, without_dispersion
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.materials import Material
from dfbdesign.units import nm, um

Parity = Literal["even", "odd"]

SMALLEST_BUFFER = 1.5 * um
"""Least distance between the layers and an absorbing layer."""
DECAY = 7.0
"""Decay lengths of the guided wave before an absorbing layer starts: exp(-2·7) of its power."""
ABSORBER_REFLECTION = 1e-15
"""Nominal power reflection of an absorbing layer for the most oblique radiated wave."""
LARGEST_CELL = 400_000
"""Pixels of the largest cell that is worth starting on one machine."""


@dataclass(frozen=True)
class Strip:
    """One layer of the period."""

    thickness: float
    """[µm]"""
    permittivity: float
    """Of the layer, or of what fills the space between its lines."""
    line_permittivity: float
    line_width: tuple[float, float]
    """Width of the line at the layer's lower and upper face; 0 without lines [µm]."""


@dataclass(frozen=True)
class UnitCellJob:
    """Everything one time-domain run of one period needs, and nothing else."""

    polarization: Literal["TE"]
    """E along y."""
    period: float
    """[µm]"""
    pixels: int
    """Pixels per period."""
    order: int
    """Bragg order; modes are periodic for an even order and change sign for an odd one."""
    wavelength: float
    """Modes are looked for around this vacuum wavelength [µm]."""
    substrate: float
    """Permittivity below."""
    superstrate: float
    """Permittivity above."""
    layers: tuple[Strip, ...]
    """From the substrate up."""
    buffer: tuple[int, int]
    """Pixels between the layers and the lower, the upper absorbing layer."""
    absorber: tuple[int, int]
    """Pixels of the lower and the upper absorbing layer."""
    absorber_reflection: tuple[float, float]
    """Their nominal power reflection at normal incidence."""

    @property
    def size(self) -> int:
        """Number of pixels of the cell."""
        height = sum(strip.thickness for strip in self.layers) * self.pixels / self.period
        return self.pixels * ceil(height + sum(self.buffer) + sum(self.absorber))

    def text(self) -> str:
        """The job as JSON, always the same text for the same job."""
        return json.dumps(asdict(self), sort_keys=True)


def unit_cell_job(device: Device, wavelength: float, resolution: int) -> UnitCellJob:
    """The time-domain run that gives both band edges of one period.

    The indices are frozen at `wavelength`.

    Args:
        device: Needs a grating with lines; TE, without absorption or gain.
        wavelength: Vacuum wavelength the modes are looked for around [µm].
        resolution: Pixels per half wavelength in the guide (period = order half wavelengths), a
            multiple of 4 so that the source lies on a node between node and antinode.

    Returns:
        The job.

    Raises:
        InputError: If the device is TM, has no lines, absorbs, or is too thick for a cell.
        NoGuidedMode: If the wave would leak sideways into the substrate or the superstrate.

    Examples:
        >>> lines = Lines(material=2.28, duty=0.35)
        >>> device = Device(
        ...     substrate=1.744, superstrate=1.0, grating=Grating(period=870 * nm),
        ...     layers=[Layer(thickness=160 * nm, material=2.53, lines=lines)],
        ... )
        >>> job = unit_cell_job(device, wavelength=1670 * nm, resolution=16)
        >>> job.pixels, [round(width, 4) for width in job.layers[0].line_width]
        (32, [0.3045, 0.3045])
    """
    grating = device.need_grating()
    positive("wavelength (in um)", wavelength)
    if resolution < 4 or resolution % 4:
        raise InputError(f"resolution must be a positive multiple of 4, got {resolution}.")
    if device.polarization != "TE":
        raise InputError(
            f"the time-domain check handles TE devices only, got {device.polarization}. "
            'Set polarization = "TE".'
        )
    device.need_plain_lines("the time-domain check")
    if not any(layer.lines for layer in device.layers):
        raise InputError("the time-domain check needs a layer with lines: add lines to a layer.")
    frozen = without_dispersion(device, wavelength)
    pixel = grating.period / (resolution * grating.order)
    ends = {
        name: _permittivity(getattr(frozen, name).material, wavelength, f"the {name}")
        for name in ("substrate", "superstrate")
    }
    below, above = (
        _margin(grating, wavelength, permittivity, name) for name, permittivity in ends.items()
    )
    job = UnitCellJob(
        polarization="TE",
        period=grating.period,
        pixels=resolution * grating.order,
        order=grating.order,
        wavelength=wavelength,
        substrate=ends["substrate"],
        superstrate=ends["superstrate"],
        layers=tuple(
            _strip(layer, grating.period, wavelength, f"layer {number}")
            for number, layer in enumerate(frozen.layers, 1)
        ),
        buffer=(ceil(below.buffer / pixel), ceil(above.buffer / pixel)),
        absorber=(ceil(below.absorber / pixel), ceil(above.absorber / pixel)),
        absorber_reflection=(below.reflection, above.reflection),
    )
    if job.size > LARGEST_CELL:
        raise InputError(
            f"one period would need {job.size} pixels, {LARGEST_CELL} is the limit of the "
            "time-domain check: the layers are too thick, or the grating radiates along them. "
            "Make them thinner or lower the grating's order."
        )
    return job


class _Margin(NamedTuple):
    """What stands between the layers and the end of the cell."""

    buffer: float
    absorber: float
    reflection: float


def _margin(grating: Grating, wavelength: float, permittivity: float, end: str) -> _Margin:
    """Enough buffer for the guided wave, and an absorber for the most oblique radiated one.

    An absorber's reflection is R at normal incidence and R to the power cos θ at the angle θ.
    """
    square = permittivity * (2 * pi / wavelength) ** 2
    decay = (grating.order * pi / grating.period) ** 2 - square
    tail = DECAY / sqrt(decay) if decay > 0 else inf
    if tail > 10 * wavelength:
        raise NoGuidedMode(
            f"at {wavelength / nm:g} nm a period of {grating.period / nm:g} nm guides no wave, or "
            f"hardly any, against an index of {sqrt(permittivity):.4g} in the {end}. "
            "Choose a shorter period or a longer wavelength."
        )
    laterals = [(grating.order - 2 * n) * pi / grating.period for n in range(1, grating.order)]
    slowest = min((s for q in laterals if (s := square - q**2) > 0), default=square)
    return _Margin(
        max(SMALLEST_BUFFER, tail),
        2 * pi / sqrt(slowest),
        ABSORBER_REFLECTION ** sqrt(square / slowest),
    )


def _strip(layer: Layer, period: float, wavelength: float, name: str) -> Strip:
    permittivity = _permittivity(layer.material, wavelength, name)
    if layer.lines is None:
        return Strip(layer.thickness, permittivity, permittivity, (0.0, 0.0))
    return Strip(
        layer.thickness,
        permittivity,
        _permittivity(layer.lines.material, wavelength, f"the lines of {name}"),
        _line_width(layer.lines, layer.thickness, period, name),
    )


def _line_width(lines: Lines, thickness: float, period: float, name: str) -> tuple[float, float]:
    middle, slant = lines.duty * period, thickness / tan(lines.sidewall)
    widths = middle + slant, middle - slant
    if not all(0 <= width <= period for width in widths):
        raise InputError(
            f"the lines of {name} are {widths[0] / nm:.4g} nm wide at the bottom and "
            f"{widths[1] / nm:.4g} nm at the top: both must lie between 0 and the period. "
            "Change duty or sidewall."
        )
    return widths


def _permittivity(material: Material, wavelength: float, name: str) -> float:
    value = complex(material.permittivity(wavelength))
    if value.imag != 0:
        raise InputError(
            f"{name} has a complex index ({complex(material.index(wavelength)):.4g}): the "
            "time-domain check handles neither absorption nor gain. Leave the imaginary part out."
        )
    return value.real
