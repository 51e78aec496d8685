"""Design rules: each broken once, and kept by the chips of the repository."""

import runpy
from pathlib import Path

import gdstk
import pytest

from dfbdesign.errors import InputError
from dfbdesign.layout import Rules, check_rules, layout, load_chip
from dfbdesign.layout.chip_file import chip_tables
from dfbdesign.layout.marks import label
from dfbdesign.layout.process import Process
from dfbdesign.units import nm, um

ROOT = Path(__file__).parent.parent
LINES, LABEL, MARKS, FIELDS = 1, 2, 3, 4


def broken(folder, *polygons, grid=1 * nm, precision=1e-9, rules=None):
    library = gdstk.Library(unit=1e-6, precision=precision)
    library.new_cell("chip").add(*polygons)
    library.write_gds(folder / "a.gds")
    found = check_rules(folder / "a.gds", Process(grid=grid), rules)
    return [(one.rule, one.layer, one.count) for one in found]


def line(left, width, bottom=0.0, top=10.0, layer=LINES):
    return gdstk.rectangle((left, bottom), (left + width, top), layer=layer)


def test_lines_at_the_limits_break_no_rule(tmp_path):
    assert broken(tmp_path, line(0, 0.05), line(0.1, 0.05), line(0.2, 3)) == []


def test_a_line_a_nanometre_too_narrow_is_found_where_it_is(tmp_path):
    assert broken(tmp_path, line(5, 0.049)) == [("narrower than 0.05 um", "lines", 1)]
    (one,) = check_rules(tmp_path / "a.gds", Process())
    assert one.position == pytest.approx((5.0245, 5), abs=1 * nm)
    assert broken(tmp_path, line(5, 0.049), rules=Rules(smallest_line=49 * nm)) == []


def test_a_gap_a_nanometre_too_narrow_is_found(tmp_path):
    assert broken(tmp_path, line(0, 1), line(1.049, 1)) == [("gap below 0.05 um", "lines", 1)]
    assert broken(tmp_path, line(0, 1), line(1.049, 1), rules=Rules(smallest_gap=49 * nm)) == []


def test_corners_off_the_machine_grid_are_found(tmp_path):
    assert broken(tmp_path, line(0, 1), grid=5 * nm) == []
    found = broken(tmp_path, line(0.003, 1), grid=5 * nm)
    assert found == [("off the grid of 0.005 um", "lines", 4)]


def test_overlapping_lines_are_exposed_twice_and_found_but_touching_ones_are_not(tmp_path):
    assert broken(tmp_path, line(0, 1), line(0.9, 1)) == [("shapes overlap", "lines", 1)]
    assert broken(tmp_path, line(0, 1), line(1, 1)) == []


def test_acute_corners_are_found_in_shapes_and_in_notches_but_right_angles_are_not(tmp_path):
    acute = gdstk.Polygon([(0, 0), (4, 0), (0, 3)], layer=MARKS)
    assert ("acute angle", "marks", 1) in broken(tmp_path, acute)  # its tips are narrow, too
    notch = gdstk.Polygon([(0, 0), (9, 0), (9, 9), (5, 9), (4.5, 3), (4, 9), (0, 9)], layer=MARKS)
    assert ("acute angle", "marks", 1) in broken(tmp_path, notch)
    obtuse = gdstk.regular_polygon((0, 0), 3, 6, layer=MARKS)
    assert broken(tmp_path, obtuse, line(5, 1)) == []


def test_a_polygon_of_too_many_vertices_is_found(tmp_path):
    ring = gdstk.regular_polygon((0, 0), 3, 60, layer=MARKS)
    assert broken(tmp_path, ring, rules=Rules(most_vertices=60)) == []
    found = broken(tmp_path, ring, rules=Rules(most_vertices=59))
    assert found == [("more than 59 vertices", "marks", 1)]


def test_text_near_a_line_or_mark_is_found_and_field_outlines_are_not_exposed(tmp_path):
    text = line(0, 3, layer=LABEL)
    far, near = line(8.1, 1), line(7.9, 1)
    assert broken(tmp_path, text, far) == []
    assert broken(tmp_path, text, near) == [("text nearer than 5 um", "lines", 1)]
    assert broken(tmp_path, text, line(7.9, 1, layer=MARKS))[0][1] == "marks"
    assert broken(tmp_path, text, line(1, 1e-3, layer=FIELDS)) == []


def test_rules_must_be_positive(tmp_path):
    with pytest.raises(InputError, match="smallest_gap must be a positive number, got 0"):
        broken(tmp_path, line(0, 1), rules=Rules(smallest_gap=0))


@pytest.mark.parametrize("name", ["reference", "dose-test"])
def test_the_chips_in_the_repository_break_no_rule_and_are_what_their_files_give(tmp_path, name):
    chip = ROOT / "layouts" / f"{name}.toml"
    written = layout(chip, tmp_path / f"{name}.gds")
    drawn = [path for path in written.files if path.suffix in (".gds", ".svg")]
    assert len(drawn) == 2
    for path in (*drawn, tmp_path / f"{name}.doses.csv"):
        assert path.read_bytes() == (ROOT / "layouts" / path.name).read_bytes()
    assert check_rules(written.files[0], load_chip(chip).process) == ()
    assert written.dies or name == "dose-test"
    assert all(one.written.off_grid_vertices == 0 for one in written.devices)
    assert all(one.written.widths[0] == one.written.widths[1] for one in written.devices)
    assert written.written.largest_edge_error < 1e-6 * nm
    assert abs(written.written.mean_period_error) < 1e-6 * nm
    assert abs(written.written.largest_width_error) < 1e-6 * nm


def test_the_script_makes_the_chip_of_the_chip_file():
    script = runpy.run_path(str(ROOT / "layouts" / "reference.py"))
    chip = load_chip(ROOT / "layouts" / "reference.toml")
    assert chip_tables(script["reference"]()) == chip_tables(chip)


def test_the_chips_of_a_wafer_are_checked_once(tmp_path):
    line_of = gdstk.Cell("chip").add(line(5, 0.049))
    library = gdstk.Library(unit=1e-6, precision=1e-9)
    wafer = library.new_cell("wafer")
    wafer.add(*(gdstk.Reference(line_of, (100 * place, 0)) for place in range(5)))
    library.add(line_of)
    library.write_gds(tmp_path / "a.gds")
    (one,) = check_rules(tmp_path / "a.gds", Process())
    assert one.count == 1


def test_all_letters_of_labels_break_no_rule(tmp_path):
    chip = load_chip(ROOT / "layouts" / "dose-test.toml")
    for height in (10 * um, 40 * um):
        library = gdstk.Library(unit=1e-6, precision=1e-9)
        glyphs: dict[str, gdstk.Cell] = {}
        text = "ABCDEFGHIJKLMNOPQRSTUVWXYZ\n0123456789.\nnm duty dose e+-"
        cell = library.new_cell("chip").add(*label(text, height, LABEL, glyphs))
        library.add(*cell.dependencies(True))
        library.write_gds(tmp_path / "a.gds")
        assert check_rules(tmp_path / "a.gds", chip.process) == ()
