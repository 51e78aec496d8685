"""`dfb layout`: what it prints, what it writes, what it leaves alone, and how it says no."""

import json
import re
import subprocess
import sys
from pathlib import Path

import klayout.db as kdb
import numpy as np
import pytest
from matplotlib.figure import Figure

from dfbdesign import cli, plots
from dfbdesign.device import changed, load_device, save_device
from dfbdesign.lasers.laser import laser
from dfbdesign.layout import layout
from dfbdesign.layout.preview import COLOURS
from dfbdesign.units import nm, um

ROOT = Path(__file__).parent.parent

CHIP = """
[process.field]
size = "60 um"
stitching = "10 nm"
[process.beam]
base_dose = "238 uC/cm^2"
current = "1 nA"
[frame]
border = "100 um"
label_height = "20 um"
[[array]]
device = "device.toml"
period = ["860 nm", "867.3 nm"]
duty = [0.4]
[[cell]]
kind = "spiral"
length = "2 mm"
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    device = load_device(ROOT / "layouts" / "parts" / "laser.toml")
    save_device(
        changed(device, {"grating.length": 150 * um, "grating.width": 60 * um}),
        tmp_path / "device.toml",
    )
    (tmp_path / "chip.toml").write_text(CHIP)
    return tmp_path


@pytest.fixture
def dfb(folder, capsys):
    def run(*words):
        with pytest.raises(SystemExit) as left:
            cli.main(["layout", str(folder / "chip.toml"), "-o", str(folder / "chip.gds"), *words])
        return left.value.code or 0, *capsys.readouterr()

    return run


def test_json_holds_files_devices_and_what_was_written(dfb, folder):
    code, out, _ = dfb("--json")
    assert code == 0
    found = json.loads(out)
    assert [Path(path).name for path in found["files"]] == [
        "chip.gds", "chip.manifest.csv", "chip.manifest.json", "chip.svg", "chip.doses.csv",
        "chip.process.md", "chip.png",
    ]  # fmt: skip
    assert all((folder / Path(path).name).stat().st_size for path in found["files"])
    assert found["violations"] == []
    assert [one["name"] for one in found["devices"]] == ["A01", "A02"]
    assert [one["kind"] for one in found["cells"]] == ["spiral"]
    written = found["written"]
    assert 0 < written["largest_edge_error_nm"] <= 0.5
    assert abs(written["mean_period_error_pm"]) < 1
    # 867.3 nm at duty 0.4 is 346.92 nm wide, drawn as 347 nm: that is worth some picometres.
    errors = [one["wavelength_error_pm"] for one in found["devices"]]
    assert errors[0] == 0
    assert 1 < abs(errors[1]) < 10
    assert written["wavelength_shift_pm"] == errors[1]
    assert all(one["slips_pm"] > 10 for one in found["devices"])
    assert found["write_time_min"] > 0


def test_the_wavelength_of_a_device_is_that_of_dfb_laser(dfb, folder):
    _, out, _ = dfb("--json")
    device = load_device(folder / "device.toml")
    device = changed(device, {"grating.period": 860 * nm, "layers.0.lines.duty": 0.4})
    first = json.loads(out)["devices"][0]
    assert first["wavelength_nm"] == pytest.approx(laser(device).modes[0].wavelength / nm, abs=1e-5)


def test_the_table_names_devices_and_cells(dfb):
    code, out, _ = dfb()
    assert code == 0
    assert "A02" in out
    assert "spiral" in out
    assert "violations: none" in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[0.4]", "[0.0005]", "A01: the line, 0.43 nm .* narrower than the grid of 1 nm. Choose"),
        ("duty", 'spacing = ["150 um", "400 um"]\nduty', "devices overlap.*Write spacing ="),
        ("duty", 'spacing = ["255 um", "400 um"]\nduty', "label does not fit.*label_height"),
        ("[process.field]", '[process]\ndither = "off"\n[process.field]',
         '867.3 nm is no whole number .* Write dither = "rounding"'),
        ('"20 um"', '"60 um"\nsize = ["500 um", "500 um"]', "Write a larger size"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_one_line_with_the_fix_and_exit_code_2(
    dfb, folder, old, new, message
):
    text = CHIP.replace(old, new, 1)
    if "255" in new:
        text = text.replace('label_height = "20 um"', 'label_height = "60 um"')
    (folder / "chip.toml").write_text(text)
    code, out, error = dfb("--json")
    assert (code, out) == (2, "")
    assert error.count("\n") == 1
    assert re.search(message, error), error
    assert not (folder / "chip.gds").exists()


def test_a_killed_export_leaves_the_old_file_as_it_was(folder):
    layout(folder / "chip.toml", folder / "chip.gds")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "chip.toml").write_text(CHIP.replace("0.4", "0.3"))
    before["chip.toml"] = (folder / "chip.toml").read_bytes()
    script = (
        "import sys, time\n"
        "from dfbdesign.layout import chip, layout\n"
        "def stop(*_):\n"
        "    print('written', flush=True)\n"
        "    time.sleep(60)\n"
        "chip.check_open = stop\n"
        "layout(*sys.argv[1:])\n"
    )
    words = [sys.executable, "-c", script, str(folder / "chip.toml"), str(folder / "chip.gds")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "written\n"
        process.kill()
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."}
    assert after == before
    layout(folder / "chip.toml", folder / "chip.gds")
    assert (folder / "chip.gds").read_bytes() != before["chip.gds"]


def test_the_preview_shows_every_grating_and_scale_bars_to_scale(folder):
    panels = layout(folder / "chip.toml", folder / "chip.gds").panels
    axes = Figure().add_subplot()
    plots.chip_preview(axes, panels)
    chip, lines = axes.child_axes
    gratings = chip.collections[list(COLOURS).index("lines")].get_paths()
    sizes = [path.get_extents().size for path in gratings]
    assert len(sizes) == 2
    assert sizes[0] == pytest.approx([149.124, 60], abs=0.5)  # 174 periods, but for a gap
    bars = [part.lines[0].get_xdata() for part in (chip, lines)]
    assert [np.ptp(bar) for bar in bars] == [panels[0].scale_bar[0], 1.0]
    assert lines.texts[0].get_text() == "1 µm; first lines: period 860 nm, line width 344 nm"
    found = kdb.Layout()
    found.read(str(folder / "chip.gds"))
    box = found.cell("chip").bbox()
    assert panels[0].high[0] - panels[0].low[0] == pytest.approx(box.width() * nm)
    widths = [p.get_extents().width for p in lines.collections[0].get_paths()]
    assert widths == pytest.approx([0.344] * 6)


def test_the_same_chip_gives_the_same_png(folder):
    panels = layout(folder / "chip.toml", folder / "chip.gds").panels
    pictures = [
        plots.write_chip_preview(folder / name, panels).read_bytes() for name in ("a.png", "b.png")
    ]
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"\x89PNG")
