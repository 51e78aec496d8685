"""MEEP itself: against published modes, against our solver, and against its own averaging."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed
from dfbdesign.errors import NotConverged
from dfbdesign.fdtd import band_edges, bloch_modes, estimate, find_meep, run, unit_cell_job
from dfbdesign.fdtd.ringdown import ringdown
from dfbdesign.materials import as_material, tabulated, uniaxial
from dfbdesign.solvers import unit_cell
from dfbdesign.solvers.slab import slab
from dfbdesign.units import deg, nm

pytestmark = [pytest.mark.meep, pytest.mark.usefixtures("fresh_meep")]


@pytest.fixture
def coarse(monkeypatch):
    """Two coarse grids: seconds instead of minutes, and still 2e-5."""
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", (1, 2))


def device(
    duty: float,
    period: float = 870 * nm,
    substrate: float = 1.744,
    line: float = 2.2762,
    sidewall: float = 90 * deg,
    order: int = 2,
    film: float = 160 * nm,
) -> Device:
    lines = Lines(material=line, duty=duty, sidewall=sidewall)
    return Device(
        substrate=substrate,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=2.53, lines=lines),
            Layer(thickness=film, material=2.53),
        ],
        grating=Grating(period=period, order=order),
        target=Target(wavelength=1670 * nm),
    )


def assert_confirmed(
    cell: Device, wavevector: float | None = None, accuracy=1e-7, quality=5e-3
) -> None:
    """Both modes next to the target, to 2e-5 in the wavelength."""
    target = cell.target.wavelength
    solved = unit_cell.modes(cell, wavevector, accuracy=accuracy)
    near = sorted(solved.modes, key=lambda mode: abs(mode.wavelength - target))[:2]
    expected = [(mode.parity, mode.wavelength) for mode in near]
    wavelength = round(np.mean([mode.wavelength for mode in near]), 5)
    for mode, found in zip(near, bloch_modes(cell, wavelength, expected, wavevector), strict=True):
        assert found.wavelength.value == pytest.approx(mode.wavelength, rel=2e-5)
        assert found.loss.value == pytest.approx(1 / mode.quality_factor, rel=quality, abs=1e-7)


# A Fourier-modal code with Muller's root search and Inkstone 0.3.15 (extrapolated over its orders)
# agree on these to 3 pm: sapphire 1.746, lines 2.30, film 2.53, air, 865 nm.
PUBLISHED = {
    0.3: (1666.253 * nm, 9042.0, 1674.173 * nm),
    0.5: (1664.957 * nm, 5855.5, 1665.06 * nm),
}


@pytest.mark.parametrize(("duty", "refinements"), [(0.3, (2, 3)), (0.5, (1, 2))])
def test_band_edges_agree_with_published_ones(duty, refinements, monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", refinements)
    bright, dark = band_edges(device(duty, period=865 * nm, substrate=1.746, line=2.30), 1670 * nm)
    bright_wavelength, quality_factor, dark_wavelength = PUBLISHED[duty]
    assert bright.wavelength.value == pytest.approx(bright_wavelength, rel=2e-5)
    assert dark.wavelength.value == pytest.approx(dark_wavelength, rel=2e-5)
    assert bright.quality_factor.value == pytest.approx(quality_factor, rel=5e-3)
    assert dark.quality_factor is None
    split = dark.wavelength.value - bright.wavelength.value
    assert split == pytest.approx(dark_wavelength - bright_wavelength, abs=0.01 * nm)


@pytest.mark.usefixtures("coarse")
def test_oblique_walls_and_a_birefringent_substrate_are_confirmed_in_tm():
    cell = changed(
        device(0.35, sidewall=70 * deg, film=260 * nm),
        {
            "polarization": "TM",
            "target.wavelength": 1612 * nm,
            "substrate.material": uniaxial(1.744, 1.737),
        },
    )
    # Our solver makes stairs of oblique walls, and knows 1/Q to 1e-5 alone.
    assert_confirmed(cell, accuracy=1e-5, quality=0.02)


@pytest.mark.usefixtures("coarse")
def test_modes_beside_the_band_edge_are_confirmed_with_dispersion():
    """Each of them 0.9 % from where the materials are fitted."""
    film = as_material({"name": "cqd-film", "index_offset": -0.1143})
    cell = changed(
        device(0.35, film=260 * nm),
        {
            "polarization": "TM",
            "target.wavelength": 1612 * nm,
            "substrate.material": as_material("sapphire-c"),
            "layers.0.material": film,
            "layers.0.lines.material": as_material("tio2-ald"),
            "layers.1.material": film,
        },
    )
    assert_confirmed(cell, wavevector=0.01, accuracy=1e-6)


@pytest.fixture
def edge_film(tmp_path):
    """A film below its absorption edge: k grows by a factor of e over 120 nm."""
    wavelengths = np.arange(1500, 1850, 5)
    index = 2.48 + 0.3 / (wavelengths / 1000) ** 4
    absorption = 5e-4 * np.exp((1670 - wavelengths) / 120)
    columns = zip(wavelengths, index, absorption, strict=True)
    table = tmp_path / "film.csv"
    table.write_text("wavelength_nm,n,k\n" + "".join(f"{w},{n},{k}\n" for w, n, k in columns))
    return tabulated(table)


def test_a_period_without_a_mirror_plane_and_an_absorption_edge_are_confirmed(
    monkeypatch, edge_film
):
    """Two lines of different width; the modes absorb several percent more and less."""
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", (2, 3))
    monkeypatch.setattr("dfbdesign.fdtd.job.CYCLES", 210)
    monkeypatch.setattr("dfbdesign.fdtd.edges.SHORTER", 0.8)
    second = Lines(material=2.2762, duty=0.15, centre=0.35)
    cell = changed(
        device(0.3),
        {"layers.0.further_lines": (second,), "layers.1.material": edge_film},
    )
    assert_confirmed(cell, quality=2e-3)


@pytest.mark.usefixtures("coarse")
def test_a_slab_with_an_absorption_edge_is_confirmed_beside_the_frequency_of_the_fit(
    monkeypatch, edge_film
):
    """Its wavenumber belongs to another wavelength; 1/Q = 2 n_eff'' / n_group there."""
    monkeypatch.setattr("dfbdesign.fdtd.job.CYCLES", 170)
    monkeypatch.setattr("dfbdesign.fdtd.edges.SHORTER", 0.9)
    wavelength, layer = 1660 * nm, Layer(thickness=200 * nm, material=edge_film)
    uniform = Device(
        substrate="sapphire-c", superstrate="air", layers=[layer], target={"wavelength": wavelength}
    )
    mode = slab(uniform).fundamental("TE")
    period = wavelength / (2 * mode.n_eff.real)
    cell = changed(uniform, {"polarization": "TE", "grating": Grating(period=period, order=1)})
    (found,) = bloch_modes(cell, 1670 * nm, (("even", wavelength),))
    assert found.wavelength.value == pytest.approx(wavelength, rel=2e-5)
    assert found.loss.value == pytest.approx(2 * mode.n_eff.imag / mode.n_group, rel=2e-3)
    # With the absorption and the index of the fit's wavelength alone it would be none of both.
    here = slab(changed(uniform, {"target.wavelength": 1670 * nm})).fundamental("TE")
    assert abs(here.n_eff.imag / mode.n_eff.imag - 1) > 0.05
    assert abs(here.n_eff.real / mode.n_eff.real - 1) > 5e-4


# The averages

GRIDS = (9, 10, 11, 12)
"""Pixels per period of first order."""


@pytest.mark.parametrize(("polarization", "wavelength"), [("TE", 1.80), ("TM", 1.61)])
def test_our_averages_give_second_order_where_meeps_own_scatter(polarization, wavelength, tmp_path):
    cell = changed(
        device(0.37, order=1, period=435 * nm, film=260 * nm),
        {"polarization": polarization, "target.wavelength": wavelength},
    )
    exact = [mode.wavelength for mode in unit_cell.modes(cell).band_edges]
    wavelength = round(np.mean(exact), 4)

    def errors(signals, interval, pixels):
        """Relative, times the squared number of pixels: the same on all grids if of order two."""
        found = [ringdown(one, interval, 1 / wavelength).nearest(1 / wavelength) for one in signals]
        return (1 / np.real(found) / exact - 1) * pixels**2

    ours = []
    for refinement in (1, 2):
        job = unit_cell_job(cell, wavelength, refinement)
        recording = run(job)
        ours.append(errors(recording.signals, recording.interval, job.pixels))
    theirs = []
    numbers = json.loads(unit_cell_job(cell, wavelength, 1).text()) | {"probe_height": 180 * nm}
    (tmp_path / "job.json").write_text(json.dumps(numbers | {"cycles": 150}))
    script = Path(__file__).with_name("meep_averaging.py")
    command = [find_meep().interpreter, "-I", str(script), str(tmp_path), *map(str, GRIDS)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with np.load(tmp_path / "result.npz") as result:
        for grid in GRIDS:
            signals, interval = result[f"signals{grid}"], float(result[f"interval{grid}"])
            theirs.append(errors(signals, interval, grid))
    # On grids 2 apart the larger of our coefficients changes by a few percent, on grids 4/3 apart
    # each of MEEP's by more than half of itself: Richardson's limit is worth nothing then.
    largest = np.abs(ours).max()
    assert np.ptp(ours, axis=0).max() < 0.03 * largest
    assert (np.ptp(theirs, axis=0) > 0.5 * np.abs(np.mean(theirs, axis=0))).all()
    assert np.ptp(theirs, axis=0).max() > 0.5 * largest


# The runs


def test_two_ranks_record_what_one_records(monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.job.CYCLES", 20)
    job = unit_cell_job(device(0.35), 1670 * nm, 1)
    one = run(job)
    monkeypatch.setattr(estimate, "PIXELS_PER_RANK", 500)
    monkeypatch.setattr("dfbdesign.fdtd.launch.kept", lambda *_: None)
    if estimate.ranks(job, find_meep()) != 2:
        pytest.skip("no MPI, or one core")
    two = run(job)
    assert two.interval == one.interval
    scale = np.abs(one.signals).max()
    np.testing.assert_allclose(two.signals, one.signals, atol=1e-9 * scale)


def test_diverging_fields_are_an_error_and_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DFBDESIGN_CACHE", str(tmp_path))
    job = unit_cell_job(device(0.35), 1670 * nm, 1)
    unstable = job.__class__(**(vars(job) | {"courant": 0.8}))
    with pytest.raises(NotConverged, match="diverged"):
        run(unstable)
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.usefixtures("coarse")
def test_a_target_far_from_any_mode_is_an_error(monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.job.CYCLES", 140)
    with pytest.raises(NotConverged):
        band_edges(device(0.35), 1800 * nm)


@pytest.mark.usefixtures("coarse")
def test_progress_runs_from_nothing_to_everything_with_the_time_left(tmp_path, monkeypatch):
    monkeypatch.setenv("DFBDESIGN_CACHE", str(tmp_path))
    monkeypatch.setattr("dfbdesign.fdtd.job.CYCLES", 140)
    monkeypatch.setattr("dfbdesign.fdtd.edges.SHORTER", 1.0)
    seen = []
    band_edges(device(0.35), 1670 * nm, lambda done, left: seen.append((done, left)))
    done = [fraction for fraction, _ in seen]
    assert done == sorted(done)
    assert len(done) >= 4
    assert done[-1] == pytest.approx(1.0)
    assert seen[-1][1] == pytest.approx(0.0, abs=1e-6)
    assert all(left >= 0 for _, left in seen)
