"""Film that is pumped below transparency: what it takes, told from the flow of light alone."""

from itertools import pairwise

import numpy as np
import pytest
from lasers import DOPED, made

from dfbdesign.device import (
    PhaseShift,
    Slip,
    changed,
)
from dfbdesign.errors import InputError
from dfbdesign.lasers.laser import laser
from dfbdesign.lasers.output import output
from dfbdesign.solvers.transfer_matrix import threshold_modes
from dfbdesign.units import nm, um


def in_first_order(spot=None, **grating):
    """Nothing leaves the surface: light is made, absorbed by the film, or leaves by the ends."""
    return made(order=1, film=DOPED, spot=spot, length=300 * um, **grating)


@pytest.mark.parametrize("shift", [(), (PhaseShift(position=0.4, shift=150 * nm),)])
def test_film_pumped_below_transparency_absorbs_what_the_flow_of_light_loses_in_it(shift):
    # The flow |R|² - |S|² rises where film amplifies and falls where it absorbs, so its extremes
    # are where the pump just makes the film transparent.
    shares = []
    for diameter in (300 * um, 100 * um):
        found = laser(in_first_order({"shape": "gaussian", "length": diameter}, phase_shifts=shift))
        mode = found.modes[0]
        edges = np.cumsum([0.0, *(part.length for part in mode.pumped.stretches)])
        forward, backward = mode.waves(np.minimum(edges, mode.cavity.length))
        flow = np.abs(forward) ** 2 - np.abs(backward) ** 2
        made, left = flow.max() - flow.min(), flow[-1] - flow[0]
        books = output(found)
        assert books.up + books.down + books.materials == pytest.approx(0, abs=1e-9)
        assert books.film == pytest.approx(1 - left / made, rel=1e-6, abs=1e-9)
        assert books.left + books.right == pytest.approx(left / made, rel=1e-6)
        shares.append(books.film)
    assert all(0.9 < share < 1 for share in shares)


def modes_below(cavity, peak):
    """How many modes the film carries over their threshold at a peak gain: by turns of the phase.

    At that peak the gain profile is fixed, so that the linearised cavity counts exactly.
    """
    most = cavity.waves.confinement * peak
    return len(threshold_modes(cavity.at(peak), cavity.detunings, (-1e-3, most)))


@pytest.mark.parametrize(
    ("diameter", "length", "film", "count"),
    [
        # The sixth mode of the cavity linearised about the first threshold is none: on the way to
        # its own profile it meets another one, and both vanish.
        (150 * um, 300 * um, "taghipour2023-doped", 5),
        # A spot in two millimetres of absorbing film, through which no search sees its modes.
        (40 * um, 2000 * um, "taghipour2023-neutral", 4),
    ],
)
def test_each_threshold_of_a_spot_is_one_more_mode_by_count(diameter, length, film, count):
    shift = PhaseShift(position=0.4, shift=150 * nm) if length < 1000 else None
    made = in_first_order({"shape": "gaussian", "length": diameter})
    changes = {"grating.length": length, "film.preset": film}
    if shift is not None:
        changes["grating.phase_shifts"] = (shift,)
    found = laser(changed(made, changes))
    peaks = [mode.threshold_material_gain for mode in found.modes]
    assert len(peaks) == count
    between = [0.9 * peaks[0], *(sum(pair) / 2 for pair in pairwise(peaks)), 1.02 * peaks[-1]]
    counted = [modes_below(found.modes[0].pumped.inner, peak) for peak in between]
    assert counted == list(range(count + 1))


def test_a_spot_smaller_than_a_period_is_refused():
    with pytest.raises(InputError, match="must not be below one period"):
        laser(in_first_order({"shape": "gaussian", "length": 1 * nm}))


def test_a_stretch_without_lines_is_shorter_than_a_hundred_periods():
    with pytest.raises(InputError, match="phase_shifts must be shorter than 100 periods"):
        in_first_order(phase_shifts=(PhaseShift(position=0.5, shift=1e6 * um),))
    with pytest.raises(InputError, match="slips must be shorter than 100 periods"):
        in_first_order(slips=(Slip(position=0.5, slip=-1e3 * um),))
