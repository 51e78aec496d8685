r"""What a written chip will do: wavelength, coupling, threshold of every device as it was written.

A laser is solved for the design, and again for what was read back from the file: the mean period,
the mean error of the line widths, and the place of every line. What is left of the places after the
mean period, and the slips of write fields, turn the phase between stretches of the grating,

$$ \varphi(x) = \pi m\, u(x) / \Lambda $$

one way, with the displacement u of the lines; the threshold mode of the design is followed there.
Devices of the same design, width and displacements are solved once. Where mean period and width are
as designed, the coupled waves of the design serve again.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dfbdesign.device import Device, changed
from dfbdesign.errors import InputError, NotConverged, PhysicsError
from dfbdesign.gain.film import excitons_for_gain, threshold_fluence
from dfbdesign.lasers.cavity import FilmCavity, Stretch
from dfbdesign.lasers.laser import LasingMode, laser
from dfbdesign.layout.cells import exposed_lines
from dfbdesign.layout.check import WrittenPattern
from dfbdesign.layout.chip import write_layout
from dfbdesign.layout.chip_file import Chip
from dfbdesign.layout.manifest import Layout, PlacedDevice, Prediction
from dfbdesign.solvers.slab import slab
from dfbdesign.solvers.transfer_matrix import CavityMode, threshold_mode_near
from dfbdesign.units import cm, nm, pm

LINES_PER_STRETCH = 16
"""Lines whose displacements are taken together."""
_SAME = 1e-3 * pm  # a mean period or width this near to the design is the design's
_SLIP = 1 * nm  # small enough for a slope
_STEPS = 20
_SETTLED = 1e-9


@dataclass(frozen=True)
class WrittenLaser:
    """One device as written beside its design."""

    name: str
    """The device."""
    design: Prediction
    """What was asked for."""
    written: Prediction
    """What the file will give."""
    slips: float
    """Standard deviation of its wavelength from slips between its write fields [µm]."""

    @property
    def wavelength_error(self) -> float:
        """Wavelength as written minus that of the design [µm]."""
        return self.written.wavelength - self.design.wavelength


@dataclass(frozen=True)
class WrittenChip:
    """A chip that was written, read back and recomputed."""

    layout: Layout
    lasers: tuple[WrittenLaser, ...]
    """Every device that the model speaks to."""
    left_out: dict[str, str]
    """Why the others have no prediction, by device."""

    @property
    def largest_wavelength_error(self) -> float | None:
        """Of all devices, signed [µm]; `None` if none was predicted."""
        return max((one.wavelength_error for one in self.lasers), key=abs, default=None)


@dataclass
class _Solved:
    """Lasers that were solved already, and why some were not."""

    modes: dict[Any, LasingMode | str] = field(default_factory=dict)

    def mode(self, device: Device) -> LasingMode | str:
        """The mode that lases first, or why there is none."""
        key = _key(device)
        if key not in self.modes:
            try:
                self.modes[key] = laser(_aimed(device)).modes[0]
            except (InputError, PhysicsError) as error:
                self.modes[key] = str(error)
        return self.modes[key]

    def predict(self, device: Device) -> Prediction | None:
        """What a device will do, if the model says."""
        mode = self.mode(device)
        return None if isinstance(mode, str) else _prediction(mode)


def written_chip(chip: Chip, gds_path: str | Path) -> WrittenChip:
    """Write a chip with predictions in its manifest, and recompute every device as written.

    Args:
        chip: The chip.
        gds_path: Where to write; the other files stand beside it.

    Returns:
        The layout, and design against written for every device.

    Raises:
        InputError: If the chip cannot be drawn or a file cannot be written.
    """
    solved = _Solved()
    layout = write_layout(chip, gds_path, solved.predict)
    stitching = chip.process.field.stitching if chip.process.field is not None else 0.0
    lasers, left_out = [], {}
    again: dict[Any, tuple[Prediction, float] | str] = {}
    for one in layout.devices:
        mode = solved.mode(one.device)
        if isinstance(mode, str):
            left_out[one.name] = mode
            continue
        key = _key(one.device), one.written.checksum
        if key not in again:
            again[key] = _recomputed(one, mode, stitching)
        if isinstance(found := again[key], str):
            left_out[one.name] = f"as written: {found}"
        else:
            lasers.append(WrittenLaser(one.name, _prediction(mode), *found))
    return WrittenChip(layout, tuple(lasers), left_out)


def _recomputed(
    one: PlacedDevice, mode: LasingMode, stitching: float
) -> tuple[Prediction, float] | str:
    """A device as written, and what slips do to its wavelength; or why there is none."""
    try:
        found = as_written(one.device, mode, one.written)
        return _prediction(found), slip_spread(one, found, stitching)
    except (InputError, PhysicsError) as error:
        return str(error)


def _key(device: Device) -> Any:
    grating = device.need_grating()
    duty = exposed_lines(device)[1].duty
    return id(device.layers[-1].material), device.name, grating, duty, device.polarization


def _aimed(device: Device) -> Device:
    """The device with its target where its period puts the Bragg wavelength of the averaged stack.

    The devices of a ladder share a target, and far from it no mode is found.
    """
    order, period = device.need_grating().order, device.need_grating().period
    target = device.need_target().wavelength
    for _ in range(3):
        mode = slab(changed(device, {"target.wavelength": target})).fundamental(device.polarization)
        n_eff, n_group = mode.n_eff.real, mode.n_group
        # Newton on 2 n_eff period = order x wavelength, with n_eff - n_group as its slope.
        target += (2 * n_eff * period / order - target) * n_eff / n_group
    return changed(device, {"target.wavelength": target})


def _prediction(mode: LasingMode) -> Prediction:
    waves = mode.pumped.waves
    return Prediction(
        mode.wavelength,
        mode.origin,
        mode.threshold_material_gain,
        mode.threshold_fluence,
        waves.n_group * waves.half_split,
    )


def as_written(device: Device, design: LasingMode, written: WrittenPattern) -> LasingMode:
    """The mode of a design in the pattern that was written.

    Args:
        device: The design.
        design: Its mode.
        written: What was read back.

    Returns:
        The same mode of the written pattern.

    Raises:
        InputError: If the written pattern cannot be solved.
        PhysicsError: If the mode is lost.
    """
    grating = device.need_grating()
    wider, period = written.mean_width_error, written.mean_period
    mode = design
    if abs(wider) > _SAME or abs(period - grating.period) > _SAME:
        length = (grating.periods + 0.01) * period  # as many lines, whatever the rounding
        changes = {"grating.period": period, "grating.length": length}
        opened = changed(device, changes | _duties(device, wider, period))
        mode = _same_mode(laser(_aimed(opened)).modes, design)
    number = np.arange(len(written.displacements))
    slope = written.mean_period_error
    left = written.displacements - slope * (number - number.mean())
    return displaced(device, mode, left)


def _duties(device: Device, wider: float, period: float) -> dict[str, Any]:
    """Duties of lines that are wider by a length, where they stand in a device [µm]."""
    grating, (number, lines) = device.need_grating(), exposed_lines(device)
    if grating.apodisation is not None and grating.apodisation.duty:
        widths = np.array(grating.apodisation.duty) * grating.period + wider
        return {"grating.apodisation.duty": tuple(np.clip(widths / period, 0, 1).tolist())}
    return {f"layers.{number}.lines.duty": (lines.duty * grating.period + wider) / period}


def _same_mode(modes: tuple[LasingMode, ...], design: LasingMode) -> LasingMode:
    same = [one for one in modes if one.origin == design.origin]
    if not same:
        raise PhysicsError(f"the written pattern has no {design.origin} mode like the design's.")
    return min(same, key=lambda one: abs(one.wavelength - design.wavelength))


def displaced(device: Device, mode: LasingMode, displacements: ArrayLike) -> LasingMode:
    """A mode followed to where lines are displaced.

    Args:
        device: The grating with all lines in their places.
        mode: Its mode.
        displacements: Of each line along x, shape (line,) [µm].

    Returns:
        The mode of the displaced lines.

    Raises:
        NotConverged: If the mode is lost.
    """
    moved, grating = np.asarray(displacements, dtype=float), device.need_grating()
    if np.abs(moved).max() < _SAME:
        return mode
    starts = np.arange(0, len(moved), LINES_PER_STRETCH)
    means = np.add.reduceat(moved, starts) / np.diff([*starts, len(moved)])
    turns = np.diff(pi * grating.order / grating.period * means, prepend=0.0)
    begin = mode.pumped.stretches[0].length if grating.facets.left == "unpumped" else 0.0
    begins = begin + grating.place(starts / grating.periods)
    places = dict(zip(begins.tolist(), turns.tolist(), strict=True))
    pumped = replace(mode.pumped, stretches=_cut(mode.pumped.stretches, places))
    gain, found = mode.threshold_material_gain, mode.mode
    for _ in range(_STEPS):
        found = threshold_mode_near(pumped.at(gain), found)
        move = found.gain / pumped.waves.confinement - gain
        gain += move
        if abs(move) * pumped.waves.confinement * pumped.length < _SETTLED:
            return _at(device, mode, pumped, gain, found)
    raise NotConverged(f"the mode of the displaced lines still moves by {move * cm:.1e} 1/cm.")


def _cut(stretches: tuple[Stretch, ...], turns: dict[float, float]) -> tuple[Stretch, ...]:
    """Stretches cut at places [µm], with a phase [rad] added at each."""
    ends = np.cumsum([stretch.length for stretch in stretches])
    pieces = []
    for stretch, end in zip(stretches, ends, strict=True):
        start = end - stretch.length
        # A cut within a nanometre of an edge belongs to the edge.
        inside = [place for place in turns if start + nm < place < end - nm]
        extra = sum(turn for place, turn in turns.items() if abs(place - start) <= nm)
        for begin, stop in pairwise([start, *inside, end]):
            phase = stretch.phase + extra if begin == start else turns[begin]
            pieces.append(replace(stretch, length=float(stop - begin), phase=float(phase)))
    return tuple(pieces)


def _at(
    device: Device, design: LasingMode, pumped: FilmCavity, gain: float, mode: CavityMode
) -> LasingMode:
    """The followed mode, its fluence scaled from the design's by the film model."""
    waves, film, fluence = pumped.waves, pumped.film, design.threshold_fluence
    if film is not None and fluence is not None and device.pump is not None:
        pump = device.pump.wavelength
        old, new = (
            float(threshold_fluence(film, one, pump))
            for one in (design.threshold_material_gain, gain)
        )
        fluence *= new / old
    return replace(
        design,
        wavelength=2 * pi / (waves.centre.real + mode.detuning.real / waves.n_group),
        threshold_material_gain=gain,
        threshold_modal_gain=mode.gain,
        excitons_per_dot=None if film is None else float(excitons_for_gain(film, gain)),
        threshold_fluence=fluence,
        pumped=pumped,
        mode=mode,
    )


def slip_spread(placed: PlacedDevice, mode: LasingMode, stitching: float) -> float:
    """Standard deviation of the wavelength when write fields slip independently.

    Args:
        placed: The device with its write fields.
        mode: Its mode.
        stitching: Standard deviation of the place of a field along x [µm].

    Returns:
        Standard deviation [µm], to first order in the slips.

    Raises:
        NotConverged: If the mode is lost.
    """
    field_of = np.arange(len(placed.written.displacements)) // placed.field_periods
    if field_of[-1] == 0 or stitching == 0:
        return 0.0
    slopes = []
    for number in range(field_of[-1] + 1):
        low, high = (
            displaced(placed.device, mode, sign * _SLIP * (field_of == number)).wavelength
            for sign in (-1, 1)
        )
        slopes.append((high - low) / (2 * _SLIP))
    return stitching * float(np.linalg.norm(slopes))
