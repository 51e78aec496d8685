"""Runs of a finite device on three grids and with more room, and the numbers they lead to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device, changed
from dfbdesign.fdtd.extrapolation import Extrapolated, extrapolated
from dfbdesign.fdtd.finite_cell import Stretch
from dfbdesign.fdtd.finite_job import FiniteJob, Mirror, band_of, oscillation
from dfbdesign.fdtd.store import Recording
from dfbdesign.gain.film import resolve_film, unpumped_absorption
from dfbdesign.solvers.finite import FiniteMode, sections_of
from dfbdesign.verification.certificate import Comparison, ModelError

RESOLUTIONS = (8, 12, 16)
"""Pixels per half wavelength in the guide."""
ROOM = 1.3
"""Factor on all distances to the absorbing layers in the run that tells their effect."""
RECORDED = 10.0
"""Length of a record, over the inverse of the band that is looked at."""
SHORTER = 0.7
"""Share of the record that tells the effect of its length."""


@dataclass(frozen=True)
class Plan:
    """Runs, and what they are for."""

    jobs: tuple[FiniteJob, ...]
    compare: Callable[[Sequence[Recording]], tuple[Comparison, ...]]
    """From their recordings, in the same order."""
    coupled_waves: Callable[[], tuple[ModelError, ...]] = tuple
    """What the coupled waves say, against the rigorous solver."""


def passive(device: Device) -> Device:
    """The same device without gain and pump: its cold modes."""
    changes: dict[str, object] = {"pump": None, "film": None}
    for number, layer in enumerate(device.layers):
        changes[f"layers.{number}.gain"] = False
        if layer.lines is not None:
            changes[f"layers.{number}.lines.gain"] = False
    return changed(device, changes)


def absorption(device: Device) -> float:
    """Of the gain layers where there is no pump [1/µm]."""
    return unpumped_absorption(resolve_film(device.film)) if device.film is not None else 0.0


def stretches(device: Device, gain: float) -> list[Stretch]:
    """The grating with a material gain where the pump is [1/µm]."""
    return [
        Stretch(section.periods, section.pump * gain + section.gain, section.shift)
        for section in sections_of(device, absorption(device))
    ]


def parity(device: Device, mode: FiniteMode) -> Mirror:
    """Symmetry of a mode about the middle, 0 if the device has none."""
    sections, facets = sections_of(device), device.need_grating().facets
    halves = [(one.periods, one.pump) for one in sections]
    gaps = [one.shift for one in sections[1:]]
    if facets.left != facets.right or halves != halves[::-1] or gaps != gaps[::-1]:
        return 0
    length = mode.solved.chain.length
    x = length * np.array([0.21, 0.33, 0.37, 0.44])
    height = np.array([sum(layer.thickness for layer in device.layers) / 2])
    both = mode.field(np.concatenate([x, length - x]), height)[0]  # one scale for both halves
    product = float((both[: len(x)].conj() * both[len(x) :]).real.sum())
    return 1 if product > 0 else -1


def record_length(quality_factor: float) -> tuple[int, int]:
    """Optical cycles to record, and to wait before: what decays faster shall go."""
    return ceil(RECORDED / band_of(quality_factor)), int(np.clip(quality_factor / 4, 0, 150))


@dataclass(frozen=True)
class Ladder:
    """One quantity's runs on all grids, and on the coarsest with more room."""

    jobs: Sequence[FiniteJob]
    runs: Sequence[Recording]

    def frequencies(self, quality_factor: float, lives: bool = False) -> NDArray[np.complex128]:
        """Of the mode on each grid, with more room, and from a shorter record of the coarsest."""
        pairs = [*zip(self.jobs, self.runs, strict=True)]
        pairs.append((self.jobs[0], self.runs[0].shortened(SHORTER)))
        return np.array([oscillation(job, run, quality_factor, lives) for job, run in pairs])


def ladder(
    make: Callable[[int, float], FiniteJob], resolutions: Sequence[int]
) -> tuple[FiniteJob, ...]:
    """Jobs on all grids, and on the coarsest with more room."""
    return (*(make(one, 1.0) for one in resolutions), make(resolutions[0], ROOM))


def limit(
    values: NDArray[np.float64],
    jobs: Sequence[FiniteJob],
    resolutions: Sequence[int],
    **more: float,
) -> Extrapolated:
    r"""A quantity at vanishing pixels.

    Where walls lie inside pixels (oblique ones, gaps far below a pixel), on every grid elsewhere,
    errors of third order follow no rule that three grids could show. They are as much smaller than
    those of second order as a pixel is than the inverse wavenumber in the guide, $\pi/n$ with n
    pixels per half wave; that share of the last correction is counted.

    Args:
        values: On each grid, and on the coarsest with more room, as in the jobs.
        jobs: From `ladder`.
        resolutions: Of all but the last of them.
        more: Changes with something else, by cause.

    Returns:
        The value, and its uncertainty from all causes.
    """
    found = extrapolated(values[:-1], resolutions)
    causes = {"absorber": float(values[-1] - values[0])} | more
    if not all(job.grid.fits for job in jobs):
        causes["walls"] = pi / resolutions[-1] * (found.value - float(values[-2]))
    return extrapolated(values[:-1], resolutions, causes)
