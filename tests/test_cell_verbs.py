import json
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[1] / "examples" / "reference.toml"


def test_bands_start_at_the_band_edges_and_part(dfb, tmp_path):
    found = dfb("bands", REFERENCE, "--points", "3", "--plot", tmp_path / "bands.png", "--json")
    bands = json.loads(found.out)
    edges = json.loads(dfb("modes", REFERENCE, "--json").out)["modes"]
    for band, edge in enumerate(edges):
        first, _, last = (row for row in bands["bands"] if row["band"] == band)
        assert first["wavelength_nm"] == pytest.approx(edge["wavelength_nm"], rel=1e-9)
        assert first["label"] == edge["label"]
        assert abs(last["wavelength_nm"] - first["wavelength_nm"]) > 10
    assert (tmp_path / "bands.png").read_bytes()[1:4] == b"PNG"
    assert dfb("bands", REFERENCE, "--wavevectors", "0.2,0.1").code == 2


def test_scattered_light_adds_up_and_peaks_at_the_bright_edge(dfb, tmp_path):
    bright = next(
        mode
        for mode in json.loads(dfb("modes", REFERENCE, "--json").out)["modes"]
        if mode["label"] == "bright"
    )
    middle, width = bright["wavelength_nm"], bright["wavelength_nm"] / bright["quality_factor"]
    ends = f"{middle - 10 * width},{middle + 10 * width}"
    plot = tmp_path / "light.png"
    words = ("--wavelengths", ends, "--points", "81", "--plot", plot, "--json")
    rows = json.loads(dfb("scatter", REFERENCE, *words).out)["light"]
    for row in rows:
        parts = row["reflectance"] + row["transmittance"] + row["absorptance"]
        assert parts == pytest.approx(1, abs=1e-9)
    reflectance = [row["reflectance"] for row in rows]
    assert abs(reflectance.index(max(reflectance)) - 40) <= 2
    assert plot.read_bytes()[1:4] == b"PNG"
