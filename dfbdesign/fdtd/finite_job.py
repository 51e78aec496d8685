r"""From a finite device to one time-domain run in plain numbers, and from its record to results.

The device is laid out by `finite_cell` and run by `finite_worker`. One kind of run lets a mode ring
down (or up) after a pulse and watches the field above; the other sends the guided wave in and takes
what comes back and what comes through.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil, pi, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.fdtd.finite_cell import (
    BEYOND,
    Grid,
    Stretch,
    brightest,
    column_near,
    finite_grid,
    row_near,
)
from dfbdesign.fdtd.grid_mode import Film, film, guided, off_grid, on_grid
from dfbdesign.fdtd.ringdown import Ringdown, ringdown
from dfbdesign.fdtd.store import Recording
from dfbdesign.units import um

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Mirror = Literal[-1, 0, 1]

VERSION = "2"
"""Raise it with every change of `finite_worker` that moves a result."""
POWERS = 4
"""Of the frequency, in the profile of the guided wave that is launched."""
HEIGHTS = (0.5 * um, 0.8 * um)
"""Above the layers, where the radiated field is recorded."""
MODE_BANDWIDTH = 0.2
"""Of the pulse, relative to the frequency."""
WIDER = 4.5
"""Bandwidth over half the width of a spectrum: at its ends, 40 % of the pulse are left."""
BANDS = 0.025, 0.06
"""Half widths of the band in which oscillations are looked for, relative."""
RESIDUAL = 1e-4
"""What a few oscillations may leave of the signal."""
GOOD = 1e-5
"""From here on no more of them are tried."""
OSCILLATIONS = 6, 9, 12, 16
"""How many there are at most, in turn: long gratings have many modes in the band."""
LASTING = 1e-3
"""Amplitude at the end of the record, over the largest, of what counts."""


@dataclass(frozen=True)
class PulseSource:
    """Where the pulse enters."""

    column: int
    row: int
    """From the substrate's surface; of the lowest node of the profiles, if there are any."""
    bandwidth: float
    """Relative to the frequency."""
    profiles: tuple[tuple[float, ...], ...] = ()
    """Along the column, by power of s = 2π (f - f₀) / bandwidth in the spectrum; none for a point.
    """


@dataclass(frozen=True)
class FiniteJob:
    """Everything one time-domain run of a whole grating needs; places in pixels."""

    grid: Grid
    wavelength: float
    """Of the pulse, in vacuum [µm]."""
    mirror: Mirror
    """Symmetry of the field about the middle that is calculated alone; 0 for all."""
    source: PulseSource
    point: tuple[int, int]
    """Where the field is watched: column from the middle, row from the substrate's surface."""
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
        columns, rows = (sum(n for _, n in one) for one in (self.grid.columns, self.grid.rows))
        return columns * rows // (2 if self.mirror else 1)

    @property
    def steps(self) -> int:
        """Number of time steps."""
        cycles = 8 / self.source.bandwidth + self.wait + self.cycles
        return ceil(cycles * self.wavelength / self.grid.pixel / self.grid.courant)

    def text(self) -> str:
        """The job as JSON, always the same text for the same job."""
        numbers = asdict(self)
        return json.dumps(numbers.pop("grid") | numbers, sort_keys=True)


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
    beam: bool = False,
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
        beam: Whether to record the field above the layers, too.

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
        >>> round(job.grid.length, 9), len(job.grid.slabs[1].walls), job.steps > 10_000
        (7.4, 40, True)
    """
    grid = finite_grid(device, tuple(stretches), wavelength, resolution, absorption, room=room)
    if mirror and not grid.symmetric:
        raise InputError("mirror must be 0 for a device without mirror symmetry along x.")
    frequency, period = float(on_grid(grid, [1 / wavelength])[0]), device.need_grating().period
    place = (round(0.08 * grid.length / period) + 0.25 / device.need_grating().order) * period
    point = column_near(grid, place), row_near(grid, brightest(device))
    reach = column_near(grid, grid.length / 2 + BEYOND)
    heights = [row_near(grid, grid.top + height) for height in HEIGHTS] if beam else []
    return FiniteJob(
        grid=grid,
        wavelength=1 / frequency,
        mirror=mirror,
        source=PulseSource(*point, MODE_BANDWIDTH),
        point=point,
        lines=tuple(((-reach, height), (reach, height)) for height in heights),
        frequencies=(frequency,) if beam else (),
        windowed=beam,
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
    bandwidth = max(MODE_BANDWIDTH, WIDER * float(asked.max() - asked.min()) / 2 / middle)
    quarter = middle / 8  # about a quarter of the guided wave between the two columns
    beyond = BEYOND + 3 * quarter
    grid = finite_grid(device, tuple(stretches), middle, resolution, beyond=beyond, room=room)
    frequency = float(on_grid(grid, [1 / middle])[0])
    profiles = _launched(film(grid), frequency, bandwidth)
    low = grid.absorber[1] + 1 - grid.surface
    high = low + len(profiles[0]) - 1
    near, far = grid.length / 2 + beyond / 2, grid.length / 2 + beyond - quarter / 2
    columns = [column_near(grid, place) for place in (-near - quarter, -near, near)]
    return FiniteJob(
        grid=grid,
        wavelength=1 / frequency,
        mirror=0,
        source=PulseSource(
            column_near(grid, -far),
            low,
            bandwidth,
            profiles,
        ),
        point=(columns[-1], row_near(grid, brightest(device))),
        lines=tuple(((column, low), (column, high)) for column in columns),
        frequencies=tuple(on_grid(grid, 1 / asked).tolist()),
        windowed=False,
        cycles=cycles,
    )


def _launched(part: Film, frequency: float, bandwidth: float) -> tuple[tuple[float, ...], ...]:
    """What radiates the guided wave and nothing else at all frequencies of a spectrum.

    The profile of the wave changes with frequency. That of one frequency alone radiates at others,
    and lines that are near turn some of it into guided light again.
    """
    s = np.cos(pi * (np.arange(2 * POWERS) + 0.5) / (2 * POWERS)) * 2 * pi / WIDER
    there = frequency * (1 + bandwidth * s / (2 * pi))
    shapes = np.array([part.weight * guided(part, float(one))[1] for one in there])
    fitted = np.polynomial.polynomial.polyfit(s, shapes, POWERS - 1)
    return tuple(tuple(row) for row in fitted.round(9).tolist())


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
        Complex frequency, freed from what the grid does to the wave in the film [1/µm]; its
        imaginary part is above 0 if the mode grows.

    Raises:
        NotConverged: If the record is no sum of a few oscillations, or none is near.
    """
    centre = 1 / job.wavelength
    band = band_of(quality_factor)
    found = _fewest(recording, centre, band)
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
    return off_grid(job.grid, mode)


def _fewest(recording: Recording, centre: float, band: float) -> Ringdown:
    """The fewest oscillations that make up a record, or else as many as do it best."""
    tried = []
    for most in OSCILLATIONS:
        tried.append(ringdown(recording.signals[0], recording.interval, centre, band, most))
        if tried[-1].residual < GOOD:
            break
    return min(tried, key=lambda one: one.residual)


def scattered(job: FiniteJob, fields: Complex) -> tuple[Complex, Complex]:
    """Amplitude reflection and transmission from the fields of a `spectrum_job`.

    Args:
        job: The job.
        fields: What it recorded, shape (frequency, line, node).

    Returns:
        Reflection, referred to the left end of the grating, and transmission, from its left to its
        right end, shape (frequency,) each.
    """
    grid, part, reflection, transmission = job.grid, film(job.grid), [], []
    x = grid.x[[line[0][0] + len(grid.x) // 2 for line in job.lines]]
    left, right = x[:2] + grid.length / 2, x[2] - grid.length / 2  # from the grating's ends
    for frequency, seen in zip(job.frequencies, fields, strict=True):
        beta, profile = guided(part, frequency)
        here = seen @ (part.weight * profile)
        waves = np.exp(1j * beta * np.stack([left, -left], axis=1))
        forward, backward = np.linalg.solve(waves, here[:2])
        reflection.append(backward / forward)
        transmission.append(here[2] * np.exp(-1j * beta * right) / forward)
    return np.array(reflection), np.array(transmission)


def far_field(job: FiniteJob, fields: Complex, angles: ArrayLike, height: int = 0) -> Complex:
    r"""Amplitude radiated upwards, $\cos\theta \int E_y\, e^{-i k x \sin\theta} dx$.

    Args:
        job: A `mode_job` with beam.
        fields: What it recorded.
        angles: From the normal, towards +x, shape (angle,) [rad].
        height: Which of the recorded lines; they differ by what the layers between them change.

    Returns:
        Shape (angle,), referred to the top of the layers.
    """
    seen, theta, grid = fields[0, height], np.asarray(angles, dtype=float), job.grid
    (left, row), (right, _) = job.lines[height]
    middle = len(grid.x) // 2
    lines = grid.x[middle + left - 1 : middle + right + 2]  # MEEP gives means over pixels
    x, width = (lines[1:] + lines[:-1]) / 2, np.diff(lines)
    k = 2 * pi * job.frequencies[0] * sqrt(grid.slabs[-1].permittivity[0][0])
    rise = float(grid.z[grid.surface + row]) - grid.top
    wave = np.exp(-1j * k * np.multiply.outer(np.sin(theta), x))
    return np.asarray(
        np.cos(theta) * np.exp(-1j * k * np.cos(theta) * rise) * (wave @ (width * seen))
    )
