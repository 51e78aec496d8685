"""Ladders against wafers that are solved in full."""

import numpy as np
import pytest
from test_tolerance import wanted

from dfbdesign.designs.ladder import Goal, _counts, chip_of, ladder, simulated
from dfbdesign.designs.spread import Spread
from dfbdesign.errors import InputError
from dfbdesign.units import nm

SPREAD = Spread(film_index=0.03)
WINDOW = Goal((1665 * nm, 1675 * nm))


@pytest.fixture(scope="module")
def planned():
    return ladder(wanted(), SPREAD, 5, WINDOW, wafers=2000)


def test_wafers_solved_in_full_hit_as_often_as_promised(planned):
    wafers = 400
    rate = simulated(planned, planned.rungs, wafers).mean()
    error = np.sqrt(planned.probability * (1 - planned.probability) / wafers)
    assert abs(rate - planned.probability) < 3 * np.hypot(error, planned.probability_error)


def test_one_hit_is_surest_with_windows_side_by_side_as_in_an_even_ladder(planned):
    assert planned.probability > planned.even_probability - 2 * planned.probability_error
    own = [rung.probability for rung in planned.rungs]
    assert max(own) < planned.probability <= sum(own)
    for rung in planned.rungs:
        assert rung.period / nm == pytest.approx(round(rung.period / nm), abs=1e-6)


def test_pairs_beat_the_best_even_ladder_on_wafers_solved_in_full_when_two_must_hit():
    found = ladder(wanted(), SPREAD, 6, Goal(WINDOW.window, at_least=2), wafers=3000)
    periods = np.array([rung.period for rung in found.rungs])
    gaps = np.diff(periods) / nm
    assert (gaps[::2] <= 2).all()  # both of a pair hit together
    assert (gaps[1::2] >= 4).all()  # and no wafer needs four
    ours, even = (simulated(found, rungs, 1000) for rungs in (found.rungs, found.even))
    # the same wafers, so what counts is where the two differ
    difference = ours.astype(float) - even
    error = difference.std() / np.sqrt(len(difference))
    assert difference.mean() > 3 * error
    for hits, promised in ((ours, found.probability), (even, found.even_probability)):
        own = np.sqrt(promised * (1 - promised) / len(hits))
        assert abs(hits.mean() - promised) < 3 * np.hypot(own, found.probability_error)


def test_of_two_useful_duties_the_ladder_beats_one():
    two = ladder(wanted(), SPREAD, 4, WINDOW, duties=(0.3, 0.7), wafers=1500)
    assert two.probability > two.even_probability


def test_counts_of_hits_are_those_of_all_outcomes():
    hits = np.array([[0.2, 0.5, 0.9]])
    expected = np.zeros(4)
    for outcome in np.ndindex(2, 2, 2):
        chance = np.prod([p if hit else 1 - p for p, hit in zip(hits[0], outcome, strict=True)])
        expected[sum(outcome)] += chance
    assert _counts(hits, [0, 1, 2], 3)[0] == pytest.approx(expected[:3])


def test_a_ladder_feeds_a_chip(planned, tmp_path):
    chip = chip_of(planned)
    (array,) = chip.array
    assert array.period == tuple(rung.period for rung in planned.rungs)
    assert array.device == planned.device
    (row,) = array.rows()
    assert [one.grating.period for one in row] == list(array.period)


def test_a_ladder_says_what_is_wrong():
    with pytest.raises(InputError, match="at_least"):
        ladder(wanted(), SPREAD, 2, Goal(WINDOW.window, at_least=3))
    with pytest.raises(InputError, match=r"\[film\]"):
        ladder(wanted(), SPREAD, 2, Goal(WINDOW.window, fluence=1.0))
