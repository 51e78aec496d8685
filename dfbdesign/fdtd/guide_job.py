r"""Effective index and loss of a channel guide in the time domain, extrapolated to fine grids.

The wavenumber β along the guide is given and MEEP finds the frequency that belongs to it. Where it
misses the expected one by δω, its effective index at the wanted frequency differs by

$$ \delta n = -n_g\,\delta\omega / \omega , $$

and a decay in time is a power loss of $-2 n_g\,\mathrm{Im}\,\omega/c$ along the way.

The error of a run falls as the square of its pixel, with a smaller share of a lower power from the
corners of the guide; see `edges` for the extrapolation and its uncertainty.
"""

import json
from dataclasses import asdict, dataclass
from math import ceil, pi
from typing import Literal

from dfbdesign.checks import positive
from dfbdesign.errors import InputError
from dfbdesign.fdtd import guide
from dfbdesign.fdtd.extrapolation import Extrapolated, extrapolated
from dfbdesign.fdtd.launch import run_all
from dfbdesign.fdtd.ringdown import ringdown
from dfbdesign.fdtd.store import Recording
from dfbdesign.units import nm

VERSION = "3"
"""Raise it with every change of `guide` that moves a result: stored results are not used then."""
BAND = 0.02
"""Relative half width of the band in which the mode is looked for."""
CYCLES = 240
"""Optical cycles recorded after the sources have died away."""
MORE_ROOM, SHORTER = 1.3, 0.9
"""Factors on margin and record that show what the neighbours and the length of the record do."""


Permittivity = complex | tuple[complex, complex]
"""For all fields; or for those in the plane of the substrate, and those upwards."""


@dataclass(frozen=True)
class GuideRectangle:
    """One painted rectangle of a cross-section."""

    y: tuple[float, float]
    """Its ends across the guide [µm]."""
    z: tuple[float, float]
    """Its ends upwards [µm]."""
    permittivity: Permittivity


@dataclass(frozen=True)
class GuideJob:
    """Everything one time-domain run of a cross-section needs, in pixels where not said."""

    wavelength: float
    """Modes are looked for around this vacuum wavelength [µm]."""
    wavenumber: float
    """Along the guide [rad/µm]."""
    pixel: float
    """[µm]"""
    cells: tuple[int, int]
    """Pixels of the cell across and upwards."""
    background: tuple[float, ...]
    """Permittivity outside all rectangles: real and imaginary, then both for fields upwards."""
    rectangles: tuple[tuple[int | float, ...], ...]
    """Ends across, ends upwards, and four such numbers, in painting order."""
    point: tuple[float, float]
    """Where the sources are and the field is watched."""
    cycles: int = CYCLES
    kind: str = "guide"
    version: str = VERSION

    @property
    def size(self) -> int:
        """Number of pixels of the cell."""
        return self.cells[0] * self.cells[1]

    @property
    def steps(self) -> int:
        """Number of time steps."""
        cycles = 10 / guide.BANDWIDTH + self.cycles
        return ceil(cycles * self.wavelength / self.pixel / guide.COURANT)

    def text(self) -> str:
        """The job as JSON, always the same text for the same job."""
        return json.dumps(asdict(self), sort_keys=True)


def guide_job(
    rectangles: tuple[GuideRectangle, ...],
    background: Permittivity,
    wavelength: float,
    n_eff: float,
    pixel: float,
    margin: float,
) -> GuideJob:
    """The time-domain run of one cross-section on one grid.

    Args:
        rectangles: In painting order; the last one is the core, where the field is watched.
        background: Permittivity outside.
        wavelength: Vacuum wavelength [µm].
        n_eff: Effective index that fixes the wavenumber.
        pixel: Pixel size, a whole fraction of the distances between walls [µm].
        margin: Least distance of the core from the cell's ends [µm].

    Returns:
        The job.

    Raises:
        InputError: If a wall lies inside a pixel.
    """
    for name, value in (("pixel", pixel), ("margin", margin), ("wavelength", wavelength)):
        positive(f"{name} (in um)", value)
    core = rectangles[-1]
    size = [_whole(side, side[0], pixel)[1] for side in (core.y, core.z)]
    across, upwards = (2 * round(margin / pixel) + wide + wide % 2 for wide in size)
    painted = tuple(
        (
            *(end - size[0] // 2 for end in _whole(one.y, core.y[0], pixel)),
            *(end - size[1] // 2 for end in _whole(one.z, core.z[0], pixel)),
            *_numbers(one.permittivity),
        )
        for one in rectangles
    )
    left, right, low, high, *_ = painted[-1]
    return GuideJob(
        wavelength=wavelength,
        wavenumber=2 * pi * n_eff / wavelength,
        pixel=pixel,
        cells=(across, upwards),  # even: the cell's middle is a corner of pixels
        background=_numbers(background),
        rectangles=painted,
        point=(left + (right - left) * 0.4, low + (high - low) * 0.4),
    )


def _numbers(permittivity: Permittivity) -> tuple[float, ...]:
    """Real and imaginary part in the plane of the substrate, and the same upwards."""
    both = permittivity if isinstance(permittivity, tuple) else (permittivity, permittivity)
    return tuple(part for one in map(complex, both) for part in (one.real, one.imag))


def _whole(ends: tuple[float, float], origin: float, pixel: float) -> tuple[int, int]:
    """Places of two walls in pixels from an origin."""
    found = [(end - origin) / pixel for end in ends]
    if any(abs(end - round(end)) > 1e-6 for end in found):
        raise InputError(
            f"pixel must fit a whole number of times between all walls, got {pixel / nm:g} nm for "
            f"walls at {ends[0] / nm:g} and {ends[1] / nm:g} nm."
        )
    return round(found[0]), round(found[1])


def guide_index(
    rectangles: tuple[GuideRectangle, ...],
    background: Permittivity,
    wavelength: float,
    expected: float,
    n_group: float,
    pixels: tuple[float, float, float],
    margin: float,
    polarization: Literal["TE", "TM"] = "TE",
) -> tuple[Extrapolated, Extrapolated]:
    """Effective index and loss of a guided mode by time-domain simulation.

    Args:
        rectangles: In painting order; the last one is the core.
        background: Permittivity outside.
        wavelength: Vacuum wavelength [µm].
        expected: Effective index near which it is looked for.
        n_group: Group index, to turn a frequency at this wavenumber into an index at this
            frequency; its error counts by the relative difference alone.
        pixels: Pixel sizes of three runs, largest first [µm].
        margin: Least distance of the core from the cell's ends [µm].
        polarization: Which field component is watched.

    Returns:
        The index, and the power loss [1/µm], at vanishing pixels.

    Raises:
        InputError: If a wall lies inside a pixel.
        NotConverged: If no mode is found near the expected index.
        PhysicsError: If MEEP fails.
        MeepMissing: If no interpreter can import MEEP.
    """
    jobs = [
        guide_job(rectangles, background, wavelength, expected, pixel, room * margin)
        for pixel, room in ((pixels[0], MORE_ROOM), *((pixel, 1.0) for pixel in pixels))
    ]

    def mode(recording: Recording, share: float = 1.0) -> tuple[float, float]:
        signal = recording.signals[0 if polarization == "TE" else 1]
        part = signal[: int(share * signal.size)]
        found = ringdown(part, recording.interval, 1 / wavelength, BAND).nearest(1 / wavelength)
        index = expected - n_group * (found.real * wavelength - 1)
        return index, -4 * pi * n_group * found.imag

    roomy, *runs = run_all(jobs)
    values = [mode(one) for one in runs]
    neighbours, shorter = mode(roomy), mode(runs[-1], SHORTER)
    resolutions = [wavelength / expected / 2 / pixel for pixel in pixels]
    # a conductivity stands for a loss at the wavelength of the job alone
    off = abs(values[-1][0] / expected - 1) * values[-1][1]
    index, loss = (
        extrapolated(
            [one[number] for one in values],
            resolutions,
            {
                "neighbours": neighbours[number] - values[0][number],
                "run length": shorter[number] - values[-1][number],
                **({"conductivity": off} if number else {}),
            },
        )
        for number in (0, 1)
    )
    return index, loss
