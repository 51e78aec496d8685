"""Designs that are best at something: as a brute-force search finds them, and at the target."""

import json

import numpy as np
import pytest
from test_tolerance import wanted

from dfbdesign.designs.design import design
from dfbdesign.designs.goals import AIMS, _Search, best, bounds_of
from dfbdesign.designs.spread import Spread
from dfbdesign.designs.swept import upward_shares
from dfbdesign.designs.tolerance import tolerance
from dfbdesign.device import changed, save_device
from dfbdesign.errors import InputError
from dfbdesign.lasers.laser import laser
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import nm, pm

DUTY, HEIGHT, THICKNESS = "layers.0.lines.duty", "layers.0.thickness", "layers.1.thickness"


def test_the_optimiser_finds_what_a_brute_force_search_finds():
    target = wanted()
    found = best(target, "threshold", {DUTY: (0.15, 0.45)})
    search = _Search(target, {DUTY: (0.15, 0.45)}, Spread(), 0.0, upwards=False)
    grid = search.grid(61)
    dense = search.solved(grid, ("threshold",)).scores[:, 0]
    assert found.values[0] == pytest.approx(grid[np.nanargmin(dense), 0], abs=0.0051)
    assert found.score < np.nanmin(dense) * (1 + 1e-4)
    # designed one by one; where the whole number of periods jumps, gain jumps by half a per cent
    duties = found.values[0] + np.array([-0.06, -0.04, -0.02, 0, 0.02, 0.04, 0.06])
    gains = [
        design(changed(target, {DUTY: float(duty)})).lasing_mode.threshold_material_gain
        for duty in duties
    ]
    assert gains[3] < min(gains) * 1.006
    assert max(gains[0], gains[-1]) > gains[3] * 1.01
    assert found.design.lasing_mode.threshold_material_gain == pytest.approx(gains[3], rel=1e-6)
    assert found.score == pytest.approx(gains[3], rel=6e-3)
    first = laser(found.design.device).modes[0]
    assert first.wavelength == pytest.approx(1670 * nm, abs=1 * pm)


@pytest.mark.parametrize(
    ("aim", "bounds", "points"),
    [
        ("output", {DUTY: (0.15, 0.45)}, 25),
        ("margin", {DUTY: (0.15, 0.45)}, 61),
        ("tolerance", {DUTY: (0.15, 0.45)}, 61),
        ("threshold", {DUTY: (0.15, 0.4), THICKNESS: (120 * nm, 220 * nm)}, 17),
        ("margin", {DUTY: (0.15, 0.4), HEIGHT: (30 * nm, 70 * nm)}, 17),
    ],
)
def test_no_point_of_a_dense_grid_is_better_at_any_aim(aim, bounds, points):
    found = best(wanted(), aim, bounds)
    search = _Search(wanted(), bounds, Spread(), 0.0, upwards=aim == "output")
    grid = search.grid(points)
    dense = search.solved(grid, (aim,)).scores[:, AIMS.index(aim)]
    least = np.nanmin(dense)
    assert found.score <= least + 1e-4 * abs(least)
    size = np.array([high - low for low, high in bounds.values()])
    off = np.abs(found.values - grid[np.nanargmin(dense)]) / size
    # 17 points leave half a step each; along a flat valley the grid's best may lie further off
    assert (off < (0.02 if points == 61 else 0.13)).all()
    assert found.design.lasing_mode.wavelength == pytest.approx(1670 * nm, abs=1 * pm)
    again = laser(found.design.device).modes[0]
    assert again.wavelength == pytest.approx(1670 * nm, abs=1 * pm)


def test_the_score_of_tolerance_is_the_spread_that_tolerance_finds():
    spread = Spread(film_index=0.002, line_width=4 * nm)
    found = best(wanted(), "tolerance", {DUTY: (0.15, 0.45)}, spread)
    linear = tolerance(found.design.device, spread, samples=20).quantity("wavelength").linear
    assert found.score == pytest.approx(linear, rel=0.01)


def test_the_score_of_output_is_the_light_that_leaves_upwards():
    found = best(wanted(), "output", {DUTY: (0.25, 0.42)})
    first = laser(found.design.device).modes[0]
    x = np.linspace(0, first.pumped.length, 3001)
    right, left = first.waves(x)
    power, beat = np.abs(right) ** 2 + np.abs(left) ** 2, 2 * (right * left.conj()).real
    waves = first.pumped.waves
    slopes = waves.centre_slope.imag, waves.half_split_slope.imag
    given = np.trapezoid(slopes[0] * power + slopes[1] * beat, x)
    given *= 2 * waves.n_group * first.threshold_material_gain
    through = 1 - (abs(left[0]) ** 2 + abs(right[-1]) ** 2) / given
    emission = modes(found.design.device).band_edges[0].emission()
    up = emission.up.sum() / (emission.up.sum() + emission.down.sum())
    assert found.score == pytest.approx(-through * up, rel=5e-3)


@pytest.mark.parametrize(("polarization", "order"), [("TE", 2), ("TM", 2), ("TE", 3)])
def test_upward_shares_are_those_of_every_edge_alone(polarization, order):
    film, period = {"TE": (160, 432.5), "TM": (320, 440)}[polarization]
    changes = {"polarization": polarization, "grating.order": order, THICKNESS: film * nm}
    device = changed(wanted(), changes | {"grating.period": order * period * nm})
    duties = np.array([0.28, 0.4])
    shares = upward_shares(device, {DUTY: duties})
    for duty, found in zip(duties, shares, strict=True):
        edges = modes(changed(device, {DUTY: float(duty)})).band_edges
        alone = [emission.up.sum() if (emission := edge.emission()) else 0 for edge in edges]
        assert max(alone) > 0.2
        assert found == pytest.approx(alone, rel=1e-3)


def test_no_design_of_the_front_is_beaten_by_another():
    found = best(wanted(), "margin", {DUTY: (0.2, 0.8)})
    scores = found.candidates.scores
    front = np.flatnonzero(found.candidates.pareto)
    assert len(front) > 1
    for row in front:
        others = scores[np.isfinite(scores[:, 0])]
        beaten = (others <= scores[row]).all(axis=1) & (others < scores[row]).any(axis=1)
        assert not beaten.any()
    ratio = found.design.lasing_mode.threshold_material_gain
    second = min(
        one.threshold_material_gain
        for one in laser(found.design.device).modes
        if one.mode.edge != found.design.lasing_mode.mode.edge
    )
    assert found.score == pytest.approx(ratio / second, rel=1e-2)


def test_edges_about_to_swap_are_warned_of_and_lines_stay_writable():
    found = best(wanted(), "threshold", {DUTY: (0.49, 0.51)})
    (warning,) = found.warnings
    assert "about to swap" in warning
    thin = best(wanted(), "threshold", {DUTY: (0.05, 0.45)}, smallest_line=350 * nm)
    assert thin.values[0] * 865 * nm >= 350 * nm * (1 - 1e-9)
    assert not thin.warnings


def test_bounds_are_read_and_refused():
    device = wanted()
    assert bounds_of(device, ["duty=0.2:0.8"]) == {DUTY: (0.2, 0.8)}
    (bounds,) = bounds_of(device, ["layers.1.thickness=140 nm:180 nm"]).values()
    assert bounds == pytest.approx((0.14, 0.18))
    for text in ("duty", "duty=0.2", "duty=a:b", "layers.1.thickness=140:180"):
        with pytest.raises(InputError):
            bounds_of(device, [text])
    with pytest.raises(InputError, match="low < high"):
        best(device, "threshold", {DUTY: (0.8, 0.2)})
    with pytest.raises(InputError, match="varied"):
        best(device, "threshold", {})
    for path in ("grating.period", "layers.1.material"):
        with pytest.raises(InputError, match="cannot be varied"):
            best(device, "threshold", {path: (0.8, 0.9)})
    with pytest.raises(InputError, match="no line and gap"):
        best(device, "threshold", {DUTY: (0.2, 0.8)}, smallest_line=500 * nm)
    with pytest.raises(InputError, match="smallest_line"):
        best(device, "threshold", {DUTY: (0.2, 0.8)}, smallest_line=-50 * nm)
    with pytest.raises(InputError, match="already"):
        bounds_of(device, ["duty=0.2:0.8", "duty=0.3:0.4"])
    first = changed(device, {"grating.order": 1, "grating.period": 432 * nm})
    with pytest.raises(InputError, match="upwards"):
        best(first, "output", {DUTY: (0.25, 0.35)})


def test_the_verbs_design_tolerance_ladder_and_calibrate(dfb, tmp_path):
    device, spread, data = (tmp_path / name for name in ("d.toml", "s.toml", "m.csv"))
    save_device(wanted(), device)
    spread.write_text("film_index = 0.02\n")
    data.write_text("device,period_nm,wavelength_nm\nA1,865,1674.2\nA2,870,1682\n")
    made, picture, chip = (tmp_path / name for name in ("o.toml", "p.png", "c.toml"))
    shared = ("--spread", spread, "--plot", picture, "--json")
    runs = {
        "pareto": ("design", device, "-o", made, "--aim", "margin", "--vary", "duty=0.25:0.4"),
        "quantities": ("tolerance", device, "--samples", 30, "--workers", 1),
        "rungs": ("ladder", device, "-n", 3, "-o", chip, "--workers", 1),
        "values": ("calibrate", device, data, "-o", made, "--workers", 1, "--next-chip", chip),
    }
    for key, words in runs.items():
        ran = dfb(*words, *shared)
        assert ran.code == 0, ran.err
        assert json.loads(ran.out)[key]
        assert picture.read_bytes()[1:4] == b"PNG"
        picture.unlink()
    assert dfb("ladder", device, "--window", "1670").code == 2
    assert dfb("calibrate", device, tmp_path / "none.csv").code == 2
    assert dfb("design", device, "-o", made, "--vary", "duty=0.2").code == 2
    assert dfb("tolerance", device, "--samples", 3).code == 2
