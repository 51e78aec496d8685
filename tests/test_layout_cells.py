"""Waveguides and gratings as cells, against closed forms and through KLayout."""

from math import asin, pi, sqrt

import gdstk
import klayout.db as kdb
import numpy as np
import pytest
from scipy.integrate import quad

from dfbdesign.errors import InputError
from dfbdesign.layout import check_rules
from dfbdesign.layout.couplers import (
    Coupler,
    GratingCoupler,
    Splitter,
    coupler,
    grating_coupler,
    splitter,
)
from dfbdesign.layout.curves import backwards, joined, straight_line, strip, turn
from dfbdesign.layout.gratings import (
    CircularGrating,
    LineGrating,
    SquareGrating,
    circular_grating,
    line_grating,
    line_places,
    square_grating,
)
from dfbdesign.layout.library import draw
from dfbdesign.layout.process import Process
from dfbdesign.layout.records import Pen, record
from dfbdesign.layout.waveguides import (
    Bend,
    Spiral,
    Straight,
    Stripe,
    Taper,
    bend,
    spiral,
    straight,
    stripe,
    taper,
)
from dfbdesign.units import deg, mm, nm, um

DESIGNS = [
    Straight(length=100 * um),
    Bend(radius=50 * um),
    Bend(radius=40 * um, angle=180 * deg, euler=1),
    Bend(radius=40 * um, angle=180 * deg, euler=0.3),
    Taper(length=50 * um, end_width=3 * um),
    Spiral(length=2 * mm),
    Spiral(length=9.1234567 * mm, width=801 * nm, radius=31.7 * um, spacing=7.3 * um),
    Stripe(),
    Splitter(),
    Coupler(gap=300 * nm, length=50 * um),
    Coupler(gap=301 * nm, width=501 * nm, length=50 * um),
    GratingCoupler(period=1040 * nm, duty=0.5, lines=20),
    LineGrating(period=870 * nm, duty=0.4, length=60 * um, width=30 * um, chirp=3 * nm,
                edge_duty=0.2),
    LineGrating(period=430 * nm, duty=0.5, order=1, length=60 * um, width=30 * um),
    CircularGrating(period=870 * nm, duty=0.4, radius=20 * um),
    SquareGrating(period=867.3 * nm, duty=0.5, side=30 * um),
]  # fmt: skip
IDS = [f"{design.kind}-{number}" for number, design in enumerate(DESIGNS)]
PENS = [Pen(), Pen(grid=5 * nm)]


def file_of(cell, folder, grid=1 * nm):
    library = gdstk.Library(unit=1e-6, precision=grid * 1e-6)
    chip = gdstk.Cell("chip").add(gdstk.Reference(cell, (0, 0)))
    library.add(chip, *chip.dependencies(True))
    library.write_gds(folder / "a.gds")
    return folder / "a.gds"


def region(cell, folder, grid=1 * nm, layer=1):
    found = kdb.Layout()
    found.read(str(file_of(cell, folder, grid)))
    shapes = found.cell("chip").begin_shapes_rec(found.layer(layer, 0))
    flat = kdb.Region()
    flat.insert(shapes)  # a copy: a region of an iterator ends with its layout
    return flat, found.dbu


def area(cell, folder):
    found, unit = region(cell, folder)
    return found.merged().area() * unit**2


@pytest.mark.parametrize("pen", PENS, ids=["1 nm", "5 nm"])
@pytest.mark.parametrize("design", DESIGNS, ids=IDS)
def test_every_cell_keeps_all_rules_and_has_every_vertex_on_the_grid(tmp_path, design, pen):
    cell = draw(design, "one", pen)
    # The database unit is far finer than the grid: what is off it is not rounded away.
    path = file_of(cell, tmp_path, 0.1 * nm)
    assert check_rules(path, Process(grid=pen.grid)) == ()
    points = np.concatenate([one.points for one in cell.get_polygons()])
    assert np.abs(points / pen.grid - np.round(points / pen.grid)).max() < 1e-6


@pytest.mark.parametrize("design", DESIGNS, ids=IDS)
def test_every_cell_carries_its_design(design):
    cell = draw(design, "one", Pen())
    found = record(cell)
    assert found["kind"] == design.kind
    rebuilt = {key: found[key] for key in type(design).model_fields if key in found}
    again = type(design).model_validate(rebuilt)
    assert again.model_dump(mode="json") == design.model_dump(mode="json")


def test_a_cell_keeps_its_design_in_oasis(tmp_path):
    library = gdstk.Library(unit=1e-6, precision=1e-9)
    library.add(spiral(Spiral(length=4 * mm)))
    library.write_oas(tmp_path / "a.oas")
    (found,) = gdstk.read_oas(tmp_path / "a.oas").cells
    assert record(found)["length"] == "4000 um"


# Curves.


@pytest.mark.parametrize("euler", [0, 0.3, 1])
@pytest.mark.parametrize("angle", [pi / 2, pi, 0.4])
def test_a_bend_ends_where_its_curvature_integrated_twice_says(angle, euler):
    radius = 17 * um
    clothoid, length = euler * angle * radius, (1 + euler) * radius * angle
    curvature = [
        lambda s: min(s, length - s, clothoid) / (radius * clothoid) if clothoid else 1 / radius
    ][0]
    corners = [clothoid, length - clothoid]

    def heading(s):
        return quad(curvature, 0, s, points=[c for c in corners if 0 < c < s], epsabs=1e-12)[0]

    end = [
        quad(lambda s, part=part: part(heading(s)), 0, length, points=corners, epsabs=1e-10)[0]
        for part in (np.cos, np.sin)
    ]
    curve = turn(angle, radius, euler)
    assert curve.points[-1] == pytest.approx(complex(*end), abs=1e-8)
    assert curve.heading[-1] == pytest.approx(angle, abs=1e-12)
    assert curve.length == length


def test_chords_of_a_bend_add_up_to_its_length_to_second_order_in_their_own():
    for euler in (0, 1):
        curve = turn(pi / 2, 50 * um, euler)
        chords = np.abs(np.diff(curve.points))
        # A chord of length c is short of its arc by c³ / 24 R² or less.
        assert (
            0 < curve.length - chords.sum() < 1.001 * len(chords) * chords.max() ** 3 / (24 * 50**2)
        )


def test_the_curvature_of_an_euler_bend_begins_at_nothing_and_that_of_an_arc_does_not():
    for euler, first in ((1, 0.0), (0, 1 / 50)):
        curve = turn(pi / 2, 50 * um, euler)
        curvature = np.diff(curve.heading) / np.diff(
            np.linspace(0, curve.length, len(curve.heading))
        )
        assert curvature[0] == pytest.approx(first, abs=0.01 / 50)
        assert curvature.max() == pytest.approx(1 / 50, rel=0.01)
        # No jump inside: neighbours differ by one step of a clothoid of this length.
        step = 2 / 50 / len(curvature)
        assert np.abs(np.diff(curvature)).max() < 1.5 * step


def test_a_curve_and_its_way_back_bring_one_home():
    curve = joined(straight_line(3), turn(1.1, 10, 0.5), turn(-0.4, 7), straight_line(2))
    there_and_back = joined(curve, turn(pi, 1e-3), backwards(curve))
    assert abs(there_and_back.points[-1]) < 3e-3  # the turn-round is 2 nm wide
    assert there_and_back.length == pytest.approx(2 * curve.length + pi * 1e-3)


def test_a_strip_that_would_fold_over_is_refused():
    with pytest.raises(InputError, match=r"folds over in its bend\. Choose a larger radius"):
        strip(turn(pi, 0.4 * um), 1 * um, 1 * nm)
    with pytest.raises(InputError, match="larger radius"):
        bend(Bend(radius=1 * um, width=3 * um))


# Waveguides: a strip of constant width has its length times its width as area, bent or not.


@pytest.mark.parametrize(
    "design",
    [one for one in DESIGNS if isinstance(one, Straight | Bend | Spiral)],
    ids=lambda one: one.kind,
)
def test_area_over_width_is_the_length_of_the_record(tmp_path, design):
    cell = draw(design, "one", Pen())
    length = record(cell)["length_um"]
    # Rounding the vertices moves the edges by less than half a step, at random.
    assert area(cell, tmp_path) / design.width == pytest.approx(length, rel=1e-4)


def test_lengths_of_bends_are_closed_forms():
    assert record(bend(Bend(radius=50)))["length_um"] == pytest.approx(25 * pi + 2, abs=1e-6)
    euler = record(bend(Bend(radius=50, euler=1)))["length_um"]
    assert euler == pytest.approx(50 * pi + 2, abs=1e-6)


def test_a_bend_ends_where_it_turns_to(tmp_path):
    found, _ = region(bend(Bend(radius=50)), tmp_path)
    box = found.bbox()
    # Along x: stub, radius, half the width. Along y: radius and stub.
    assert (box.right, box.top) == (51_300, 51_000)
    assert box.left == 0
    assert box.bottom == -300


@pytest.mark.parametrize("length", [1.4 * mm, 2 * mm, 4 * mm, 16.0004 * mm])
def test_a_spiral_is_as_long_as_asked_and_its_turns_keep_their_distance(tmp_path, length):
    design = Spiral(length=length, width=800 * nm, spacing=10 * um)
    cell = spiral(design)
    assert record(cell)["length_um"] == pytest.approx(length, abs=1e-6)
    assert area(cell, tmp_path) / design.width == pytest.approx(length, rel=1e-4)
    merged = region(cell, tmp_path)[0].merged()
    assert merged.count() == 1  # no seam, no crossing
    # Edges of neighbouring turns are spacing - width apart, but for the rounding.
    assert merged.edges().space_check(9_190).count() == 0
    assert merged.edges().space_check(9_210).count() > 0


def test_the_length_of_a_spiral_is_the_sum_of_its_half_circles():
    design = Spiral(length=6 * mm, radius=40 * um, spacing=8 * um, lead=120 * um)
    found = record(spiral(design))
    n, straights = found["half_circles"] // 2, found["straight_um"]
    radii = [2 * 40 + (k + 0.5) * 8 for k in range(n)]
    arcs = 2 * pi * 40 + 2 * pi * sum(radii) + pi * 40  # double bend, arms, two quarter turns
    assert arcs + (2 * n + 1) * straights + 2 * 120 == pytest.approx(6000, abs=1e-4)


def test_a_spiral_too_short_for_its_radius_says_how_long_it_must_be():
    with pytest.raises(InputError, match=r"is at least \d+ um long") as caught:
        spiral(Spiral(length=1 * mm, radius=100 * um))
    least = float(str(caught.value).split("at least ")[1].split()[0])
    spiral(Spiral(length=least, radius=100 * um))
    with pytest.raises(InputError):
        spiral(Spiral(length=least - 1, radius=100 * um))


def test_a_taper_covers_the_mean_of_its_widths(tmp_path):
    design = Taper(length=50 * um, width=0.6, end_width=3 * um)
    expected = 1 * 0.6 + 48 * (0.6 + 3) / 2 + 1 * 3
    assert area(taper(design), tmp_path) == pytest.approx(expected, rel=1e-6)


def test_bias_narrows_what_is_drawn_and_leaves_the_middle(tmp_path):
    plain, biased = (
        region(straight(Straight(length=10), pen=Pen(bias=bias)), tmp_path)[0].bbox()
        for bias in (0.0, 20 * nm)
    )
    assert plain.height() - biased.height() == 20
    assert plain.center() == biased.center()


def test_a_stripe_has_a_tick_every_hundred_micrometres(tmp_path):
    ticks, _ = region(stripe(Stripe(length=2 * mm)), tmp_path, layer=3)
    centres = sorted(one.bbox().center().x for one in ticks.each())
    assert centres == list(range(0, 2_000_001, 100_000))
    tall = [one.bbox().center().x for one in ticks.each() if one.bbox().height() > 50_000]
    assert sorted(tall) == [0, 1_000_000, 2_000_000]


# Couplers.


@pytest.mark.parametrize(("gap", "width"), [(300, 600), (301, 600), (250, 601)])
def test_the_gap_of_a_coupler_is_the_one_asked_for_all_along(tmp_path, gap, width):
    design = Coupler(gap=gap * nm, width=width * nm, length=50 * um)
    merged = region(coupler(design), tmp_path)[0].merged()
    assert merged.count() == 2
    assert merged.edges().space_check(gap).count() == 0
    pairs = [pair.bbox() for pair in merged.edges().space_check(gap + 1).each()]
    straight_part = [pair for pair in pairs if pair.width() >= 50_000]
    assert [pair.height() for pair in straight_part] == [gap]
    assert merged.width_check(width - 1).count() == 0


def test_the_arms_of_a_coupler_end_as_far_apart_as_asked(tmp_path):
    box = region(coupler(Coupler(gap=0.3, length=50, separation=20)), tmp_path)[0].bbox()
    assert box.height() == pytest.approx(20_600, abs=1)
    offset, radius = (20 - 0.9) / 2, 50
    angle = 2 * asin(sqrt(offset / (4 * radius)))  # each bend gives radius (1 - cos angle)
    run = 2 * radius * np.sin(angle)
    assert box.width() / 1000 == pytest.approx(50 + 2 * (run + 2), abs=0.002)


def test_the_outputs_of_a_splitter_leave_at_the_images_and_end_apart(tmp_path):
    design = Splitter(width=0.8, body_width=6, body_length=30, taper_length=20, separation=20)
    merged = region(splitter(design), tmp_path)[0].merged()
    assert merged.count() == 1
    box = merged.bbox()
    at_body = merged & kdb.Region(kdb.Box(50_010, -9000, 50_020, 9000))
    centres = sorted(one.bbox().center().y for one in at_body.each())
    assert centres == [-1500, 1500]
    at_end = merged & kdb.Region(kdb.Box(box.right - 10, -20_000, box.right, 20_000))
    ends = sorted((one.bbox().center().y, one.bbox().height()) for one in at_end.each())
    assert ends == [(-10_000, 800), (10_000, 800)]


def test_the_lines_of_a_grating_coupler_have_its_period_and_duty(tmp_path):
    design = GratingCoupler(period=1040.4 * nm, duty=0.5, lines=12, taper_length=100 * um)
    found, _ = region(grating_coupler(design), tmp_path)
    boxes = sorted((one.bbox().left, one.bbox().width()) for one in found.each())[1:]
    assert len(boxes) == 12
    assert {width for _, width in boxes} == {520}
    exact = 100_000 + 1040.4 * np.arange(1, 13) - 520
    assert np.abs([left for left, _ in boxes] - exact).max() <= 0.5


# Gratings.


def boxes_of(cell, folder):
    found, _ = region(cell, folder)
    return np.array(sorted((b.left, b.right) for b in (one.bbox() for one in found.each()))).T


def test_a_chirped_grating_has_pitches_that_grow_evenly_and_the_length_of_the_uniform_one(tmp_path):
    design = LineGrating(period=0.87, duty=0.4, length=200, width=5, chirp=10 * nm)
    left, right = boxes_of(line_grating(design), tmp_path)
    centres = (left + right) / 2
    number = np.arange(len(centres))
    quadratic = np.polyfit(number, centres, 2)
    assert len(centres) == 230
    # The pitch is the slope: it grows by twice the curvature per line.
    assert 2 * quadratic[0] * (len(centres) - 1) == pytest.approx(10, abs=0.02)
    assert np.abs(np.polyval(quadratic, number) - centres).max() <= 1
    assert centres[-1] - centres[0] == pytest.approx(229 * 870, abs=1)


def test_an_apodised_grating_is_widest_in_the_middle_and_as_asked_at_its_ends(tmp_path):
    design = LineGrating(period=0.87, duty=0.4, length=200, width=5, edge_duty=0.1)
    left, right = boxes_of(line_grating(design), tmp_path)
    widths = right - left
    share = np.sin(pi * (np.arange(230) + 0.5) / 230) ** 2
    assert np.abs(widths - 870 * (0.1 + 0.3 * share)).max() <= 0.5 + 1e-9
    assert (widths == widths[::-1]).all()
    middle = (left + right) / 2
    assert np.abs(np.diff(middle) - 870).max() <= 1


def test_a_phase_shift_moves_all_lines_behind_it():
    shift = {"position": 0.5, "shift": 217.5 * nm}
    plain = LineGrating(period=0.87, duty=0.4, length=200, width=5)
    shifted = LineGrating(period=0.87, duty=0.4, length=200, width=5, phase_shifts=[shift])
    moved = line_places(shifted)[0] - line_places(plain)[0]
    assert moved == pytest.approx([0.0] * 115 + [0.2175] * 115)


def test_rings_cover_two_pi_r_times_their_width(tmp_path):
    design = CircularGrating(period=0.87, duty=0.4, radius=20, inner_radius=3)
    cell = circular_grating(design)
    count = int(17 / 0.87)
    radii = 3 + 0.87 * (np.arange(count) + 0.5)
    width = 0.348
    assert record(cell)["rings"] == count
    merged = region(cell, tmp_path)[0].merged()
    assert merged.count() == count
    rings = sorted(merged.each(), key=lambda one: one.bbox().width())
    for ring, radius in zip(rings, radii, strict=True):
        assert ring.area() * 1e-6 == pytest.approx(2 * pi * radius * width, rel=2e-3)
        # Both edges are circles of their radius to within rounding and chord.
        hull = np.array([(p.x, p.y) for p in ring.each_point_hull()]) / 1000
        hole = np.array([(p.x, p.y) for p in ring.each_point_hole(0)]) / 1000
        assert np.abs(np.hypot(*hull.T) - radius - width / 2).max() < 1.5 * nm
        assert np.abs(np.hypot(*hole.T) - radius + width / 2).max() < 1.5 * nm


def test_a_square_grating_is_rounded_along_both_axes_and_all_posts_are_equal(tmp_path):
    design = SquareGrating(period=867.3 * nm, duty=0.5, side=30)
    found, _ = region(square_grating(design), tmp_path)
    boxes = [one.bbox() for one in found.each()]
    assert len(boxes) == 35**2
    assert {(box.width(), box.height()) for box in boxes} == {(434, 434)}
    exact = (np.arange(35) + 0.5) * 867.3 - 217
    for places in ({box.left for box in boxes}, {box.bottom for box in boxes}):
        assert np.abs(np.array(sorted(places)) - exact).max() <= 0.5 + 1e-9


def test_a_first_order_grating_is_a_grating_of_half_the_period(tmp_path):
    design = LineGrating(period=435 * nm, duty=0.4, order=1, length=100, width=5)
    left, right = boxes_of(line_grating(design), tmp_path)
    assert len(left) == 230
    assert set((right - left).tolist()) == {174}
    assert set(np.diff(left).tolist()) == {435}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Straight(length=-1), "length must be a positive number"),
        (lambda: Straight(length="1 ps"), "must be a length"),
        (lambda: Bend(radius=50, angle=30 * deg), "angle must be 90 or 180 deg, .* got 30 deg"),
        (lambda: Bend(radius=50, euler=1.5), "euler"),
        (lambda: taper(Taper(length=2, end_width=3)), "longer than 3 um, got 2 um"),
        (lambda: spiral(Spiral(length=4000, spacing=0.5)), "spacing must exceed the width, 600 nm"),
        (lambda: spiral(Spiral(length=1e9)), "too many turns. Choose a larger radius"),
        (lambda: splitter(Splitter(taper_width=4)), r"taper_width .* must lie in \[0.6, 2.95\]"),
        (lambda: splitter(Splitter(separation=400)), "Choose another separation"),
        (lambda: coupler(Coupler(gap=0.3, length=9, separation=0.5)), "Choose another separation"),
        (lambda: grating_coupler(GratingCoupler(period=1, duty=0.5, lines=9, line_length=0.2)),
         "line_length"),
        (lambda: LineGrating(period=1, duty=0.5, length=50, width=5, chirp=0.6), "less than half"),
        (lambda: LineGrating(period=1, duty=0.5, length=1, width=5), "must hold two periods"),
        (lambda: line_grating(LineGrating(period=1, duty=0.5, edge_duty=0.0001, length=50,
                                          width=5)),
         "the line, 0.1 nm .* narrower than the grid"),
        (lambda: circular_grating(CircularGrating(period=1, duty=0.5, radius=0.5)), "no ring fits"),
        (lambda: square_grating(SquareGrating(period=1, duty=0.5, side=1)),
         "must hold two periods"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_cell_without_a_record_says_so():
    with pytest.raises(KeyError, match="carries no design"):
        record(gdstk.Cell("plain"))
