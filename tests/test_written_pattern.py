"""What KLayout, an independent reader, finds in the files, against exact arithmetic."""

from fractions import Fraction
from math import floor
from pathlib import Path

import gdstk
import klayout.db as kdb
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dfbdesign.device import Device, Grating, Layer, Lines, PhaseShift
from dfbdesign.errors import InputError
from dfbdesign.layout.cells import _places, grating_cell, line_pattern
from dfbdesign.layout.check import WrittenPattern, check_written, read_lines
from dfbdesign.layout.fields import field_plan
from dfbdesign.units import mm, nm, pm, um

LAYER = 7


def make_device(period, duty=0.35, length=500 * um, width=20 * um, phase_shifts=()):
    return Device(
        substrate="sapphire-c",
        layers=[
            Layer(
                thickness=50 * nm,
                material="cqd-film",
                lines=Lines(material="tio2-ald", duty=duty),
            )
        ],
        superstrate="air",
        grating=Grating(period=period, length=length, width=width, phase_shifts=phase_shifts),
    )


def save(cell: gdstk.Cell, path: Path, grid: float) -> Path:
    library = gdstk.Library(unit=1e-6, precision=grid * 1e-6)
    library.add(cell, *cell.dependencies(True))
    library.write_gds(path)
    return path


def write(device: Device, path: Path, grid: float) -> WrittenPattern:
    save(grating_cell("grating", line_pattern(device, grid), [(LAYER, 0)]), path, grid)
    return check_written(path, LAYER, grid, {"grating": device})["grating"]


def found_edges(path: Path):
    layout = kdb.Layout()
    layout.read(str(path))
    return read_lines(layout, "grating", {(LAYER, 0)})


def nearest(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


PERIODS = ("870", "867.3", "867.25", "869.0137", "867.5")
GRIDS = ("1", "0.5")


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("period", PERIODS)
def test_klayout_finds_every_line_at_the_nearest_grid_point_to_its_exact_place(
    tmp_path, period, grid
):
    device = make_device(float(period) * nm)
    write(device, tmp_path / "a.gds", float(grid) * nm)
    left, bottom, right, top = found_edges(tmp_path / "a.gds").T
    ratio = Fraction(period) / Fraction(grid)
    assert len(left) == round(500e3 / float(period))
    errors = [int(x - left[0]) - k * ratio for k, x in enumerate(left)]
    # All edges are roundings of places one period apart, wherever the first of them is.
    assert max(errors) - min(errors) < 1
    assert set((right - left).tolist()) == {nearest(Fraction("0.35") * ratio)}
    assert set(bottom.tolist()) == {0}
    assert set(top.tolist()) == {round(20e3 / float(grid))}


@pytest.mark.parametrize("lines", [575, 580, 1150])
def test_no_period_is_off_by_more_than_a_third_of_a_picometre_on_a_grid_of_a_nanometre(lines):
    fractions = np.concatenate(
        [near + np.linspace(-0.004, 0.004, 81) for near in (0, 1 / 4, 1 / 3, 1 / 2, 0.618)]
    )
    number = np.arange(lines)
    exact = [np.round(number * (860 + part), 6) for part in fractions]
    places = [_places(one.tobytes()) for one in exact]
    slopes = np.polyfit(number, np.transpose(places), 1)[0]
    assert np.abs(slopes - 860 - fractions).max() < 1 / 3 / 1000
    # Plain rounding does not reach a picometre.
    plain = [np.floor(number * (860 + part) + 0.5) for part in fractions]
    tilts = np.polyfit(number, np.transpose(plain), 1)[0] - 860 - fractions
    assert np.abs(tilts).max() * 1000 > 0.5


@pytest.mark.parametrize("rotation", [0, np.pi / 2, np.pi, 3 * np.pi / 2])
@pytest.mark.parametrize("mirrored", [False, True])
def test_turned_and_mirrored_arrays_are_read_as_klayout_flattens_them(tmp_path, rotation, mirrored):
    line = gdstk.Cell("line").add(gdstk.rectangle((1, 2), (1.3, 7), layer=LAYER))
    inner = gdstk.Cell("inner").add(
        gdstk.Reference(line, (3, 1), columns=5, rows=2, spacing=(0.87, 9)),
        gdstk.Reference(line, (30, 1)),
        gdstk.Reference(line, (40, 1), columns=3, spacing=(0.9, 0)),
    )
    how = {"rotation": rotation, "x_reflection": mirrored}
    turned = gdstk.Reference(inner, (-4, 11), columns=2, rows=3, spacing=(60, 41), **how)
    path = save(gdstk.Cell("grating").add(turned), tmp_path / "a.gds", 1 * nm)
    layout = kdb.Layout()
    layout.read(str(path))
    shapes = layout.cell("grating").begin_shapes_rec(layout.layer(LAYER, 0))
    boxes = [one.bbox() for one in kdb.Region(shapes).each()]
    expected = sorted((box.left, box.bottom, box.right, box.top) for box in boxes)
    assert len(expected) == 84
    assert read_lines(layout, "grating", {(LAYER, 0)}).tolist() == [list(box) for box in expected]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("period", PERIODS)
def test_the_mean_period_is_within_a_picometre_of_the_design(tmp_path, period, grid):
    device = make_device(float(period) * nm)
    written = write(device, tmp_path / "a.gds", float(grid) * nm)
    left, _, right, _ = found_edges(tmp_path / "a.gds").T * (float(grid) * nm)
    slope = np.polyfit(np.arange(len(left)), (left + right) / 2, 1)[0]
    assert written.mean_period == pytest.approx(slope, abs=0.001 * pm)
    assert abs(slope - float(period) * nm) < 1 * pm
    assert written.mean_period_error == pytest.approx(slope - float(period) * nm, abs=0.001 * pm)


def test_half_a_period_lies_before_the_first_and_after_the_last_line_but_for_half_a_step():
    pattern = line_pattern(make_device(867.3 * nm, duty=0.41))
    left, right = pattern.extent
    middle = 867.3 * nm * 576.5 / 1  # 577 periods: the last line is centred half a period earlier
    assert (left + pattern.widths[0] * nm / 2) == pytest.approx(867.3 * nm / 2, abs=0.5 * nm)
    assert right - pattern.widths[0] * nm / 2 == pytest.approx(middle, abs=1 * nm)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_quarter_wave_shift_stands_at_the_nearest_whole_period(tmp_path, grid):
    shift = PhaseShift(position=0.5005, shift=217.5 * nm)  # 287.8 of 575 periods
    write(
        make_device(870 * nm, phase_shifts=[shift]),
        tmp_path / "a.gds",
        float(grid) * nm,
    )
    left, _, right, _ = found_edges(tmp_path / "a.gds").T
    step = Fraction(grid)
    pitches = np.diff(left)
    assert np.flatnonzero(pitches != 870 / step).tolist() == [287]
    assert pitches[287] == nearest(Fraction("1087.5") / step)
    assert len(set((right - left).tolist())) == 1


def test_phase_shifts_add_up_and_are_not_taken_for_an_error(tmp_path):
    shifts = [PhaseShift(position=p, shift=100.3 * nm) for p in (0.25, 0.5, 0.5)]
    device = make_device(867.3 * nm, phase_shifts=shifts)
    written = write(device, tmp_path / "a.gds", 1 * nm)
    left = found_edges(tmp_path / "a.gds")[:, 0]
    assert left[-1] - left[0] == nearest(576 * Fraction("867.3") + 3 * Fraction("100.3"))
    assert written.largest_edge_error <= 0.5 * nm
    assert abs(written.mean_period_error) < 1 * pm


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    period=st.decimals(min_value=100, max_value=3000, places=4),
    duty=st.floats(0.02, 0.98),
    grid=st.sampled_from([0.1, 0.5, 1.0, 2.5, 4.0, 5.0]),
    periods=st.integers(2, 600),
    position=st.floats(0, 1),
    shift=st.floats(1, 2000),
)
def test_whatever_the_period_every_edge_is_within_half_a_step_and_every_width_the_same(
    tmp_path, period, duty, grid, periods, position, shift
):
    assume(min(duty, 1 - duty) * float(period) > 1.6 * grid)
    length = float(period) * nm * periods
    device = make_device(
        float(period) * nm,
        duty=duty,
        length=length,
        phase_shifts=[PhaseShift(position=position, shift=shift * nm)],
    )
    written = write(device, tmp_path / "a.gds", grid * nm)
    noise = 1e-6 * nm
    assert written.lines == periods
    assert written.largest_edge_error <= grid * nm / 2 + noise
    assert written.widths[1] - written.widths[0] < noise
    assert abs(written.width_error) <= grid * nm / 2 + noise
    assert written.off_grid_vertices == 0
    # The largest slope that errors within half a step can have.
    centred = np.abs(np.arange(periods) - (periods - 1) / 2)
    largest = grid * nm / 2 * centred.sum() / (centred**2).sum()
    assert abs(written.mean_period_error) <= largest + noise


def test_the_width_error_is_that_of_duty_times_period(tmp_path):
    written = write(make_device(867.3 * nm), tmp_path / "a.gds", 1 * nm)  # 303.555 nm -> 304 nm
    assert written.widths == (0.304, 0.304)
    assert written.width_error == pytest.approx(0.445 * nm, abs=1e-6 * nm)


def test_a_grating_of_more_lines_than_one_array_may_count_is_complete(tmp_path):
    device = make_device(870 * nm, length=40 * mm)
    written = write(device, tmp_path / "a.gds", 1 * nm)
    assert written.lines == 45977
    references = gdstk.read_gds(tmp_path / "a.gds")["grating"].references
    assert max(one.repetition.columns for one in references) <= 2**15 - 1
    assert written.largest_edge_error == 0


def test_arrays_start_and_step_on_the_grid_so_that_no_reader_has_to_round(tmp_path):
    write(make_device(869.0137 * nm), tmp_path / "a.gds", 1 * nm)
    for reference in gdstk.read_gds(tmp_path / "a.gds")["grating"].references:
        columns = reference.repetition.columns or 1
        steps = [reference.origin[0] / nm]
        if columns > 1:
            steps.append(reference.repetition.spacing[0] / nm)
        assert steps == pytest.approx(np.round(steps), abs=1e-6)


@pytest.mark.parametrize("period", ["869.0137", "866.6180339", "900.0001"])
def test_the_number_of_references_stays_near_twice_the_root_of_the_number_of_lines(period):
    for length in (500 * um, 5 * mm):
        pattern = line_pattern(make_device(float(period) * nm, length=length))
        references = grating_cell("grating", pattern, [(LAYER, 0)]).references
        assert len(references) <= 3 * len(pattern.left) ** 0.5


def test_fields_hold_whole_periods_as_they_are_counted_for_the_tool():
    for period, size, periods in ((860, 600, 697), (870, 600, 689), (860, 300, 348)):
        pattern = line_pattern(make_device(period * nm, length=1 * mm))
        assert field_plan(pattern, size * um).periods == periods


def test_a_phase_shift_makes_its_field_hold_fewer_periods():
    shift = PhaseShift(position=0.4, shift=800 * nm)
    plain, shifted = (
        field_plan(line_pattern(make_device(860 * nm, length=1 * mm, phase_shifts=s)), 300 * um)
        for s in ((), (shift,))
    )
    assert plain.periods - shifted.periods == 1


def test_slips_of_fields_change_the_mean_period_as_a_fit_through_the_moved_lines_says():
    pattern = line_pattern(make_device(867.3 * nm, length=2.2 * mm))
    plan = field_plan(pattern, 300 * um)
    assert len(plan.weights) == len(plan.edges) + 1 == 8
    rng = np.random.default_rng(1)
    number = np.arange(len(pattern.left))
    place = pattern.left * pattern.grid
    slips = rng.normal(0, 20 * nm, (4000, 8))
    slopes = np.polyfit(number, (place + slips[:, plan.number]).T, 1)[0]
    change = slopes - np.polyfit(number, place, 1)[0]
    assert change == pytest.approx(slips @ plan.weights, abs=1e-9 * nm)
    # The sample of 4000 knows its standard deviation to 1.1 %.
    assert plan.period_error(20 * nm) == pytest.approx(change.std(), rel=0.04)
    assert sum(plan.weights) == pytest.approx(0, abs=1e-12)  # all together: nothing moves


def test_a_grating_in_one_field_has_no_stitching_error():
    pattern = line_pattern(make_device(867.3 * nm))
    assert field_plan(pattern, 600 * um).period_error(20 * nm) == 0


# The check itself: files that are wrong in the ways files have been found to be wrong.


def single_rectangles(period, width, lines, rounded):
    cell = gdstk.Cell("grating")
    for k in range(lines):
        left = k * rounded(period)
        cell.add(gdstk.rectangle((left, 0), (left + width, 20), layer=LAYER))
    return cell


def test_the_check_sees_widths_that_vary_when_each_vertex_is_rounded(tmp_path):
    device = make_device(867.3 * nm, duty=50 / 867.3, length=350 * 867.3 * nm)
    cell = single_rectangles(0.8673, 0.0503, 350, lambda period: period)
    path = save(cell, tmp_path / "a.gds", 1 * nm)
    written = check_written(path, LAYER, 1 * nm, {"grating": device})["grating"]
    assert written.widths == pytest.approx((50 * nm, 51 * nm))
    assert written.largest_edge_error > 0.5 * nm


def test_the_check_sees_a_rounded_period(tmp_path):
    device = make_device(867.3 * nm, duty=50 / 867.3, length=350 * 867.3 * nm)
    cell = single_rectangles(0.8673, 0.05, 350, lambda period: round(period, 3))
    path = save(cell, tmp_path / "a.gds", 1 * nm)
    written = check_written(path, LAYER, 1 * nm, {"grating": device})["grating"]
    assert written.mean_period_error == pytest.approx(-0.3 * nm, abs=1e-6 * nm)
    assert written.largest_edge_error == pytest.approx(349 * 0.3 * nm / 2, abs=1e-6 * nm)


def test_the_check_counts_corners_off_the_machine_grid(tmp_path):
    device = make_device(870 * nm, length=10 * 870 * nm)
    cell = single_rectangles(0.87, 0.3045, 10, lambda period: period)
    path = save(cell, tmp_path / "a.gds", 0.1 * nm)
    assert (
        check_written(path, LAYER, 0.1 * nm, {"grating": device})["grating"].off_grid_vertices == 0
    )
    written = check_written(path, LAYER, 1 * nm, {"grating": device})["grating"]
    assert written.off_grid_vertices == 20  # the right corners


def test_the_check_sees_one_line_that_is_too_short(tmp_path):
    device = make_device(870 * nm, length=10 * 870 * nm)
    cell = single_rectangles(0.87, 0.3045, 9, lambda period: period)
    cell.add(gdstk.rectangle((9 * 0.87, 0), (9 * 0.87 + 0.3045, 19), layer=LAYER))
    path = save(cell, tmp_path / "a.gds", 0.1 * nm)
    written = check_written(path, LAYER, 0.1 * nm, {"grating": device})["grating"]
    assert written.lengths == pytest.approx((19, 20))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (single_rectangles(0.87, 0.3, 9, float), "holds 9 lines where the device has 10"),
        (gdstk.Cell("grating").add(gdstk.regular_polygon((0, 0), 1, 3, layer=LAYER)), "rectangle"),
        (gdstk.Cell("other"), 'no cell "grating"'),
    ],
)
def test_the_check_refuses_a_file_that_does_not_hold_the_grating(tmp_path, cell, message):
    path = save(cell, tmp_path / "a.gds", 1 * nm)
    device = make_device(870 * nm, length=10 * 870 * nm)
    with pytest.raises(InputError, match=message):
        check_written(path, LAYER, 1 * nm, {"grating": device})


def test_a_file_that_is_no_layout_is_bad_input(tmp_path):
    (tmp_path / "a.gds").write_text("not a layout")
    with pytest.raises(InputError, match="cannot read"):
        check_written(tmp_path / "a.gds", LAYER, 1 * nm, {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"duty": 0.0005}, "the line, 0.435 nm .* narrower than the grid of 1 nm"),
        ({"duty": 0.9995}, "the gap, 0.435 nm .* narrower than the grid of 1 nm"),
        ({"duty": 0}, "the line, 0 nm"),
        ({"duty": 1}, "the gap, 0 nm"),
        ({"length": None}, "no length"),
        ({"width": None}, "no width"),
        ({"width": 0.2 * nm}, "at least one grid step"),
        ({"length": 1000 * nm}, "needs two"),
        ({"length": 3e6}, "Choose a coarser grid"),
    ],
)
def test_a_device_that_cannot_be_drawn_is_refused_with_the_reason(changes, message):
    with pytest.raises(InputError, match=message):
        line_pattern(make_device(870 * nm, **changes))
