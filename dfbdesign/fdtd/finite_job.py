r"""From a finite device to one time-domain run in plain numbers, and from its record to results.

The device is laid out by `finite_cell` and run by `finite_worker`. One kind of run lets a mode ring
down (or up) after a pulse and watches the field above; the other sends the guided wave in and takes
what comes back and what comes through.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil, pi, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.fdtd import finite_worker
from dfbdesign.fdtd.finite_cell import BEYOND, Cell, Region, Stretch, slab_mode
from dfbdesign.fdtd.ringdown import ringdown
from dfbdesign.fdtd.store import Recording
from dfbdesign.units import um

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Mirror = Literal[-1, 0, 1]

VERSION = "1"
"""Raise it with every change of `finite_worker` that moves a result."""
HEIGHTS = (0.5 * um, 0.8 * um)
"""Above the layers, where the radiated field is recorded."""
MODE_BANDWIDTH, SPECTRUM_BANDWIDTH = 0.2, 0.15
"""Of the pulse, relative to the frequency."""
BANDS = 0.025, 0.06
"""Half widths of the band in which oscillations are looked for, relative."""
RESIDUAL = 1e-4
"""What a few oscillations may leave of the signal."""
LASTING = 1e-3
"""Amplitude at the end of the record, over the largest, of what counts."""


@dataclass(frozen=True)
class PulseSource:
    """Where the pulse enters."""

    column: int
    row: int
    """From the substrate's surface; of the lowest node of the profile, if there is one."""
    bandwidth: float
    """Relative to the frequency."""
    profile: tuple[float, ...] = ()
    """Along the column; none for a point."""


@dataclass(frozen=True)
class FiniteJob:
    """Everything one time-domain run of a whole grating needs; lengths in pixels if not said."""

    wavelength: float
    """Of the pulse, and at which gain is a conductivity, in vacuum [µm]."""
    pixel: float
    """[µm]"""
    cells: tuple[int, int]
    """Columns and rows, both even."""
    surface: int
    """Row of the substrate's surface, from the middle."""
    faces: tuple[float, ...]
    """Between the regions, from the substrate's surface."""
    regions: tuple[Region, ...]
    """From the substrate to the superstrate."""
    absorber: tuple[int, int, int]
    """At either side, below, above."""
    length: float
    """Of the grating."""
    mirror: Mirror
    """Symmetry of the field about the middle that is calculated alone; 0 for all."""
    source: PulseSource
    points: tuple[tuple[int, int], ...]
    """Where the field is watched: column, row from the surface."""
    lines: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    """Ends of lines on which the field is recorded at the frequencies."""
    frequencies: tuple[float, ...]
    """1 / vacuum wavelength [1/µm]."""
    windowed: bool
    """Whether lines are recorded after the pulse in a smooth window, or all the time."""
    cycles: int
    """Optical cycles recorded after the pulse."""
    wait: int = 0
    """Optical cycles between pulse and record."""
    kind: str = "finite"
    version: str = VERSION

    @property
    def size(self) -> int:
        """Number of pixels that are calculated."""
        return self.cells[0] * self.cells[1] // (2 if self.mirror else 1)

    @property
    def steps(self) -> int:
        """Number of time steps."""
        cycles = 8 / self.source.bandwidth + self.wait + self.cycles
        return ceil(cycles * self.wavelength / self.pixel / finite_worker.COURANT)

    def text(self) -> str:
        """The job as JSON, always the same text for the same job."""
        return json.dumps(asdict(self), sort_keys=True)


def mode_job(
    device: Device,
    stretches: Sequence[Stretch],
    wavelength: float,
    resolution: int,
    mirror: Mirror = 0,
    absorption: float = 0.0,
    cycles: int = 300,
    wait: int = 0,
    room: float = 1.0,
) -> FiniteJob:
    """The run in which one mode of the finite device rings down, or up.

    Args:
        device: Needs a grating with lines and a target; TE. Indices are frozen at the target.
        stretches: The grating from left to right.
        wavelength: Where the mode is expected, in vacuum [µm].
        resolution: Pixels per half wavelength in the guide (a period is `order` of them).
        mirror: Symmetry of the mode about the middle, if the device has one; 0 if not.
        absorption: Of the gain layers in an "open" film beyond the grating [1/µm].
        cycles: Optical cycles to record.
        wait: Optical cycles before that, in which what decays faster goes.
        room: Factor on all distances to the absorbing layers, and on these.

    Returns:
        The job.

    Raises:
        InputError: If the device is not one this handles.
        NoGuidedMode: If the film guides no wave at this wavelength.

    Examples:
        >>> from dfbdesign.device import Grating, Target
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0, target=Target(wavelength=1600 * nm),
        ...     layers=[Layer(thickness=210 * nm, material=2.53,
        ...                   lines=Lines(material=2.28, duty=0.5))],
        ...     grating=Grating(period=370 * nm, order=1, length=20 * 370 * nm),
        ... )
        >>> job = mode_job(device, [Stretch(20)], 1600 * nm, resolution=8)
        >>> job.length, len(job.regions[1].walls), job.steps > 10_000
        (160.0, 40, True)
    """
    cell = Cell(device, tuple(stretches), wavelength, resolution, absorption, room=room)
    if mirror and not cell.symmetric:
        raise InputError("mirror must be 0 for a device without mirror symmetry along x.")
    columns = cell.cells[0]
    frequency = float(cell.on_grid([1 / wavelength])[0])
    half_wave = cell.pixels // device.need_grating().order
    column = round(0.08 * cell.length / cell.pixels) * cell.pixels + half_wave // 4
    row, reach = cell.brightest_row(), columns // 2 - cell.absorber[0] - 1
    heights = [ceil(cell.faces[-1] + height / cell.pixel) for height in HEIGHTS]
    return _job(
        cell,
        wavelength=1 / frequency,
        mirror=mirror,
        source=PulseSource(column, row, MODE_BANDWIDTH),
        points=((column, row), (-column - 2 * half_wave, row)),
        lines=tuple(((-reach, height), (reach, height)) for height in heights),
        frequencies=(frequency,),
        windowed=True,
        cycles=cycles,
        wait=wait,
    )


def spectrum_job(
    device: Device,
    stretches: Sequence[Stretch],
    wavelengths: ArrayLike,
    resolution: int,
    cycles: int = 300,
    room: float = 1.0,
) -> FiniteJob:
    """The run that gives reflection and transmission of the guided wave.

    Args:
        device: As for `mode_job`, with "open" facets.
        stretches: The grating from left to right.
        wavelengths: In vacuum, shape (point,) [µm].
        resolution: Pixels per half wavelength in the guide.
        cycles: Optical cycles after the pulse until all light has left.
        room: Factor on all distances to the absorbing layers, and on these.

    Returns:
        The job; its frequencies are those at which the grid has the wave's wavenumber.

    Raises:
        InputError: If the device is not one this handles.
        NoGuidedMode: If the film guides no wave.
    """
    facets = device.need_grating().facets
    if (facets.left, facets.right) != ("open", "open"):
        raise InputError(
            'a spectrum of the guided wave needs facets = "open": there the waves come and go.'
        )
    asked = np.atleast_1d(np.asarray(wavelengths, dtype=float))
    middle = float(asked.min() + asked.max()) / 2
    quarter = middle / 8  # about a quarter of the guided wave between the two columns
    beyond = BEYOND + 3 * quarter
    cell = Cell(device, tuple(stretches), middle, resolution, 0.0, beyond, room)
    left, right = -cell.length / 2, cell.length / 2
    rows = [cell.absorber[1] - cell.cells[1] // 2 - cell.surface + 1, 0]
    rows[1] = cell.cells[1] // 2 - cell.absorber[2] - cell.surface - 1
    step = round(quarter / cell.pixel)
    starts = [round(left - beyond / 2 / cell.pixel) - step, round(left - beyond / 2 / cell.pixel)]
    columns = [*starts, round(right + beyond / 2 / cell.pixel)]
    frequency = float(cell.on_grid([1 / middle])[0])
    _, profile = cell.guided(frequency, np.arange(rows[0], rows[1] + 1.0))
    return _job(
        cell,
        wavelength=1 / frequency,
        mirror=0,
        source=PulseSource(
            round(left - beyond / cell.pixel) + 2,
            rows[0],
            SPECTRUM_BANDWIDTH,
            tuple(float(value) for value in profile.round(9)),
        ),
        points=((columns[-1], cell.brightest_row()),),
        lines=tuple(((column, rows[0]), (column, rows[1])) for column in columns),
        frequencies=tuple(cell.on_grid(1 / asked).tolist()),
        windowed=False,
        cycles=cycles,
    )


def _job(cell: Cell, **rest: Any) -> FiniteJob:
    return FiniteJob(
        pixel=cell.pixel,
        cells=cell.cells,
        surface=cell.surface,
        faces=cell.faces,
        regions=cell.regions,
        absorber=cell.absorber,
        length=cell.length,
        **rest,
    )


def band_of(quality_factor: float) -> float:
    """Half width of the band in which a mode is looked for, over its frequency.

    Args:
        quality_factor: Of the cold mode: modes that decay slowly have near neighbours.

    Returns:
        The relative half width; a record must hold 4 over it optical cycles.
    """
    return float(np.clip(6 / quality_factor, *BANDS))


def oscillation(
    job: FiniteJob, recording: Recording, quality_factor: float, lives: bool = False
) -> complex:
    """The mode of a `mode_job`.

    Args:
        job: The job.
        recording: What it recorded.
        quality_factor: Of the cold mode, to tell modes apart.
        lives: Whether gain keeps it alive.

    Returns:
        Complex frequency [1/µm]; its imaginary part is above 0 if the mode grows.

    Raises:
        NotConverged: If the record is no sum of a few oscillations, or none is near.
    """
    centre = 1 / job.wavelength
    band = band_of(quality_factor)
    found = ringdown(recording.signals[0], recording.interval, centre, band)
    if not found.residual < RESIDUAL:
        raise NotConverged(
            f"the field of the finite device is no sum of a few oscillations, residual "
            f"{found.residual:.1e}: its modes decay too fast, or are too many."
        )
    lasting = found.frequency[found.final_amplitude > LASTING]
    expected = centre if lives else centre * (1 - 0.5j / quality_factor)
    mode = complex(lasting[np.abs(lasting - expected).argmin()])
    if abs(mode.real - centre) > band * centre:
        raise NotConverged(
            f"the nearest lasting oscillation is {mode.real / centre - 1:+.1%} from where the mode "
            "is expected."
        )
    return mode


def scattered(job: FiniteJob, fields: Complex) -> tuple[Complex, Complex]:
    """Amplitude reflection and transmission from the fields of a `spectrum_job`.

    Args:
        job: The job.
        fields: What it recorded, shape (frequency, line, node).

    Returns:
        Reflection, referred to the left end of the grating, and transmission, from its left to its
        right end, shape (frequency,) each.
    """
    reflection, transmission = [], []
    (_, low), (_, high) = job.lines[0]
    places = np.array([line[0][0] for line in job.lines], dtype=float)
    nodes = np.arange(low, high + 1.0)
    values = _outside(job, nodes)
    for frequency, seen in zip(job.frequencies, fields, strict=True):
        beta, profile = slab_mode(values, frequency * job.pixel)
        here = seen @ profile
        turn = np.exp(1j * beta * (places + job.length / 2))  # from the left end
        forward, backward = np.linalg.solve(np.stack([turn[:2], 1 / turn[:2]], axis=1), here[:2])
        reflection.append(backward / forward)
        transmission.append(here[2] / turn[2] * np.exp(1j * beta * job.length) / forward)
    return np.array(reflection), np.array(transmission)


def far_field(job: FiniteJob, fields: Complex, angles: ArrayLike, height: int = 0) -> Complex:
    r"""Amplitude radiated upwards, $\cos\theta \int E_y\, e^{-i k x \sin\theta} dx$.

    Args:
        job: A `mode_job`.
        fields: What it recorded.
        angles: From the normal, towards +x, shape (angle,) [rad].
        height: Which of the recorded lines; they differ by what the layers between them change.

    Returns:
        Shape (angle,), referred to the top of the layers.
    """
    seen, theta = fields[0, height], np.asarray(angles, dtype=float)
    x = np.arange(len(seen)) - (len(seen) - 1) / 2
    above = sqrt(job.regions[-1].permittivity[0][0])
    k = 2 * pi * job.frequencies[0] * job.pixel * above
    rise = job.lines[height][0][1] - job.faces[-1]
    wave = np.exp(-1j * k * np.multiply.outer(np.sin(theta), x))
    return np.asarray(np.cos(theta) * np.exp(-1j * k * np.cos(theta) * rise) * (wave @ seen))


def _outside(job: FiniteJob, nodes: Real) -> Real:
    """Permittivity at the nodes of a column left of the grating."""
    place = np.array([-job.cells[0] / 2])
    found = finite_worker.permittivity(json.loads(job.text()), place, nodes)
    return np.asarray(found[:, 0].real)
