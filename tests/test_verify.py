"""Two witnesses of the same modes: when they agree, and that they do."""

from dataclasses import replace
from importlib import import_module
from math import hypot, inf, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed, load_device
from dfbdesign.errors import InputError, MeepMissing, NotConverged
from dfbdesign.fdtd import BandEdge, Extrapolated, extrapolated
from dfbdesign.fdtd.extrapolation import observed_power, reciprocal
from dfbdesign.materials import as_material, tabulated
from dfbdesign.reports.verification_numbers import certificates
from dfbdesign.solvers import unit_cell
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.units import nm
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.fits import Fits
from dfbdesign.verification.slab import verify_slab
from dfbdesign.verification.verify import Verification, planned, verify

module = import_module(
    "dfbdesign.verification.verify"
)  # the package's own name for it is the function
REFERENCE = Path(__file__).parents[1] / "examples" / "reference.toml"
FINE = np.array([16.0, 24.0, 32.0])


def device() -> Device:
    return Device(
        substrate=1.744,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=2.53, lines=Lines(material=2.2762, duty=0.35)),
            Layer(thickness=160 * nm, material=2.53),
        ],
        grating=Grating(period=870 * nm),
        target=Target(wavelength=1670 * nm),
    )


# Extrapolation


def test_an_error_of_second_order_is_removed_exactly():
    found = extrapolated(1.67 + 0.3 / FINE**2, FINE)
    assert found.value == pytest.approx(1.67, abs=1e-14)
    assert found.power == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
def test_the_power_of_the_error_is_read_off_three_runs(power):
    assert observed_power(0.2 - 0.7 / FINE**power, FINE) == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize("values", [[1.0, 2.0, 1.5], [1.0, 1.0, 1.0], [1.0, 1.1, 2.0]])
def test_runs_that_do_not_converge_show_no_power_and_leave_the_whole_correction_uncertain(values):
    found = extrapolated(values, FINE)
    assert found.power is None
    assert found.uncertainty >= abs(found.value - values[-1])


@given(st.floats(-1, 1), st.sampled_from([3.0, 4.0]), st.floats(0, 0.5))
def test_the_uncertainty_covers_what_falls_faster_than_the_square(main, power, share):
    """The rest is up to half the leading error on the coarsest grid."""
    rest = share * main * FINE[0] ** (power - 2)
    found = extrapolated(1.67 + main / FINE**2 + rest / FINE**power, FINE)
    assert abs(found.value - 1.67) <= found.uncertainty + 1e-14


@given(st.floats(0.7, 3.5))
def test_the_uncertainty_covers_another_power_than_the_expected_one(power):
    found = extrapolated(1.67 + 0.3 / FINE**power, FINE)
    assert abs(found.value - 1.67) <= found.uncertainty


def test_a_second_error_of_known_power_from_corners_is_removed_exactly():
    values = 1.67 + 0.3 / FINE**2 - 0.02 / FINE**1.6
    assert extrapolated(values, FINE, corner=1.6).value == pytest.approx(1.67, abs=1e-13)
    assert abs(extrapolated(values, FINE).value - 1.67) > 1e-5


@given(
    st.floats(-1, 1), st.floats(1.5, 1.95), st.sampled_from([3.0, 4.0]),
    st.one_of(
        st.tuples(st.just(0.0), st.floats(-0.5, 0.5)),
        st.tuples(st.floats(-0.5, 0.5), st.floats(-0.01, 0.01)),
    ),
)  # fmt: skip
def test_the_uncertainty_covers_what_is_left_beside_corners(main, power, further, terms):
    """Either nothing is singular, or the rest is small beside it."""
    singular, rest = terms
    values = 1.67 + main * (
        FINE**-2 + singular * FINE[0] ** (power - 2) / FINE**power
        + rest * FINE[0] ** (further - 2) / FINE**further
    )  # fmt: skip
    found = extrapolated(values, FINE, corner=power)
    assert abs(found.value - 1.67) <= found.uncertainty + 1e-14


def test_two_runs_alone_leave_the_whole_correction_uncertain():
    found = extrapolated([1.04, 1.01], [2, 4])
    assert (found.value, found.power) == (pytest.approx(1.0), None)
    assert found.uncertainty == pytest.approx(0.01)


def test_all_causes_count_as_independent_ones():
    still = extrapolated(1.67 + 0.3 / FINE**2, FINE)
    found = extrapolated(1.67 + 0.3 / FINE**2, FINE, {"absorber": -3e-4, "run length": 4e-4})
    assert found.causes == {"pixels": still.uncertainty, "absorber": 3e-4, "run length": 4e-4}
    assert found.uncertainty == pytest.approx(hypot(still.uncertainty, 5e-4))


@pytest.mark.parametrize(
    ("values", "resolutions"),
    [([1.0], [2]), ([1.0, 2.0], [4, 2]), ([1.0, 2.0], [2, 2]), ([1, 2], [0, 1]), ([1, 2], [1])],
)
def test_runs_that_cannot_be_extrapolated_are_refused(values, resolutions):
    with pytest.raises(InputError, match="ascending"):
        extrapolated(values, resolutions)


def test_a_quality_factor_is_the_reciprocal_of_an_extrapolated_loss():
    loss = extrapolated(1e-4 * (1 + 9 / FINE**2), FINE, {"absorber": 1e-8})
    found = reciprocal(loss)
    assert found.value == pytest.approx(1e4)
    assert found.uncertainty / found.value == pytest.approx(loss.uncertainty / loss.value)
    assert reciprocal(replace(loss, uncertainty=2e-4)) is None
    gain = extrapolated(-1e-4 * (1 + 9 / FINE**2), FINE)
    assert reciprocal(gain, floor=1e-8).value == pytest.approx(-1e4)


# Verdicts


def compared(difference: float, solver_error: float = 0.0, fdtd_error: float = 0.0) -> Comparison:
    value = 1.67
    return Comparison(
        "bright",
        "wavelength",
        value * (1 + difference),
        solver_error * value,
        Extrapolated(value, fdtd_error * value),
        2e-5 * value,
    )


def test_what_uncertainties_rest_on_is_told_in_rows_of_the_same_columns():
    one = Comparison("bright", "wavelength", 2.0, 0, Extrapolated(2.0, 1, causes={"pixels": 1}), 1)
    other = replace(one, time_domain=Extrapolated(4.0, 1, causes={"run length": 1}))
    none = replace(one, time_domain=Extrapolated(inf, 0.0))
    assert certificates([one, other, none])["uncertainties"] == [
        {"label": "bright", "quantity": "wavelength", "from_pixels": 0.5, "from_run_length": None},
        {"label": "bright", "quantity": "wavelength", "from_pixels": None, "from_run_length": 0.25},
    ]


@pytest.mark.parametrize(
    ("difference", "solver_error", "fdtd_error", "verdict"),
    [
        (0.0, 0.0, 0.0, "agrees"),
        (1.9e-5, 0.0, 2.0e-5, "agrees"),
        (-0.9e-5, 0.6e-5, 0.8e-5, "agrees"),
        (1.1e-5, 0.6e-5, 0.8e-5, "undecided"),  # beyond the uncertainty, within twice of it
        (2.1e-5, 0.6e-5, 0.8e-5, "disagrees"),
        (0.0, 0.0, 2.1e-5, "undecided"),  # an uncertainty that says too little
        (1e-4, 0.0, 6e-5, "undecided"),
        (-1e-4, 0.0, 4e-5, "disagrees"),
        (1e-9, 0.0, 1e-10, "disagrees"),  # however small the difference
    ],
)
def test_a_verdict_is_given_only_as_far_as_the_uncertainties_allow(
    difference, solver_error, fdtd_error, verdict
):
    assert compared(difference, solver_error, fdtd_error).verdict == verdict


def test_a_verification_passes_only_when_every_quantity_agrees():
    good, unclear, bad = compared(0.0), compared(0.0, 1e-3), compared(1e-3)
    assert Verification(1.67, (good, good)).passed
    assert not Verification(1.67, (good, unclear)).passed
    assert not Verification(1.67, (good, bad)).passed


@pytest.mark.parametrize(("value", "error"), [(nan, 0.0), (1.0, -1e-3), (1.0, nan)])
def test_a_comparison_of_no_numbers_is_refused(value, error):
    with pytest.raises(InputError, match="must be numbers"):
        Comparison("bright", "wavelength", value, 0.0, Extrapolated(1.0, error), 1e-5)


def edge(like: CellMode, quality_factor: float, blur: float = 2e-7) -> BandEdge:
    """A time-domain result of the mode's wavelength."""
    loss = Extrapolated(1 / quality_factor, blur, 3 * (1 / quality_factor,))
    return BandEdge("even", Extrapolated(like.wavelength, 1e-7), loss)


@pytest.mark.parametrize(
    ("solver", "fdtd", "blur", "verdict"),
    [
        (inf, inf, 2e-7, "agrees"),
        (1e9, inf, 2e-7, "agrees"),  # too little loss to see
        (1e9, 5e7, 2e-7, "agrees"),
        (inf, inf, 2e-6, "undecided"),
        (inf, 6000.0, 2e-7, "disagrees"),
        (6000.0, inf, 2e-7, "disagrees"),
        (6000.0, 6005.0, 2e-7, "agrees"),
        (6000.0, 6005.0, 2e-6, "undecided"),
        (6000.0, 6030.0, 2e-7, "disagrees"),
        (-400.0, -400.01, 2e-7, "agrees"),  # gain
    ],
)
def test_a_loss_that_only_one_witness_sees_is_a_disagreement(solver, fdtd, blur, verdict):
    (mode, _) = unit_cell.modes(device()).band_edges
    k = mode.wavenumber.real
    mode = replace(mode, wavenumber=complex(k, -k / (2 * solver)), wavelength_error=1e-9)
    ours = module._Solved(mode, mode)
    wavelength, quality_factor = module._compared("bright", ours, edge(mode, fdtd, blur))
    assert wavelength.verdict == "agrees"
    assert quality_factor.verdict == verdict


# The comparison


def test_a_level_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match='level must be "unit-cell", got "cell"'):
        verify(device(), level="cell")


def test_a_device_the_check_cannot_handle_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr(module, "bloch_modes", None)
    monkeypatch.setattr(module, "unit_cell", None)
    with pytest.raises(InputError, match="needs a layer with lines"):
        verify(changed(device(), {"layers.0.lines": None}))
    with pytest.raises(InputError, match="lines of layer 1 are"):
        verify(changed(device(), {"layers.0.lines.sidewall": 0.5, "layers.0.thickness": 0.3}))


compare = verify.__wrapped__  # keeps nothing of what tests make up


def dispersive() -> Device:
    film = as_material("cqd-film")
    return changed(
        device(), {"layers.0.material": film, "layers.1.material": film, "target.wavelength": 1.72}
    )


def test_permittivities_are_fitted_between_the_modes_and_what_fits_miss_is_counted(monkeypatch):
    def found(cell, wavelength, expected, *_):
        return [
            BandEdge(sector, Extrapolated(length, 1e-6), Extrapolated(1e-3, 0.0))
            for sector, length in expected
        ]

    monkeypatch.setattr(module, "bloch_modes", found)
    result = compare(dispersive())
    solved = {c.label: c.solver for c in result.comparisons if c.quantity == "wavelength"}
    pair = unit_cell.modes(dispersive(), accuracy=1e-7).band_edges
    assert result.wavelength == pytest.approx(sum(solved.values()) / 2, abs=0.01 * nm)
    assert [solved["bright"], solved["dark"]] == pytest.approx([m.wavelength for m in pair])
    # The poles bend a little otherwise than the data: a quadratic in the distance from the fit.
    film = as_material("cqd-film")
    distance = np.diff(sorted(solved.values()))[0] / 2 / result.wavelength
    ends = result.wavelength / (1 + distance * np.array([-1, 0, 1]))
    straight = film.permittivity(ends[1]) * (1 + 0 * ends)
    straight += np.array([-1, 0, 1]) * (film.permittivity(ends[2]) - film.permittivity(ends[0])) / 2
    bend = abs(straight / film.permittivity(ends) - 1).max()
    assert 0 < result.fit_error < 0.5 * bend
    for one in result.comparisons[::2]:
        assert 0 < one.time_domain.causes["fit"] < result.fit_error * one.solver


@pytest.mark.parametrize("refused", [None, InputError("too large"), MeepMissing("none")])
def test_what_three_grids_leave_undecided_is_run_on_a_fourth_if_possible(monkeypatch, refused):
    def found(cell, wavelength, expected, wavevector, progress, force, finer):
        asked.append(finer)
        if finer and refused:
            raise refused
        blur = 1e-6 if finer else 1e-4
        (bright, dark), loss = expected, Extrapolated(0.0, 0.0)
        return [
            BandEdge(*bright[:1], Extrapolated(bright[1], blur), replace(loss, value=1 / q)),
            BandEdge(*dark[:1], Extrapolated(dark[1], 1e-6), loss),
        ]

    asked: list[bool] = []
    q = unit_cell.modes(device(), accuracy=1e-8).band_edges[0].quality_factor
    monkeypatch.setattr(module, "bloch_modes", found)
    verdicts = [one.verdict for one in compare(device()).comparisons]
    assert asked == [False, True]
    assert verdicts == ["undecided" if refused else "agrees", "agrees", "agrees", "agrees"]


def test_what_a_fit_misses_moves_a_mode_as_far_as_solving_with_the_fit_does(tmp_path):
    """The film as it is fitted 4 % away, given to the solver as a table."""
    made = changed(dispersive(), {"layers.1.material": as_material("cqd-film")})
    fits = Fits(1.65, (0.2, 0.04))
    wavelengths = np.linspace(1.6, 1.84, 97)
    fitted = fits.fitted(made.layers[1].material, "ordinary")
    index = np.sqrt(fitted.permittivity(1.65 / wavelengths).real)
    rows = [f"{one / nm:.12f},{n:.15f}\n" for one, n in zip(wavelengths, index, strict=True)]
    table = tmp_path / "fitted.csv"
    table.write_text("wavelength_nm,n\n" + "".join(rows))
    film = tabulated(table)
    other = changed(made, {"layers.0.material": film, "layers.1.material": film})
    pairs = [unit_cell.modes(one).band_edges for one in (made, other)]
    for mode, moved in zip(*pairs, strict=True):
        wavelength, loss = fits.missed(mode)
        assert abs(wavelength) > 1e-5
        assert moved.wavelength - mode.wavelength == pytest.approx(wavelength, rel=0.01)
        change = 1 / moved.quality_factor - 1 / mode.quality_factor
        assert change == pytest.approx(loss, rel=0.05, abs=1e-9)


def test_a_solver_that_cannot_be_as_accurate_as_wanted_is_taken_as_it_is(monkeypatch):
    class Coarse:
        CellModes = unit_cell.CellModes

        @staticmethod
        def modes(device, wavevector=None, accuracy=None):
            if accuracy is not None:
                raise NotConverged("no more functions")
            return unit_cell.modes(device, wavevector)

    monkeypatch.setattr(module, "unit_cell", Coarse)
    solved, _ = module._planned(device(), "unit-cell", None)
    assert [one.mode.label for one in solved] == ["bright", "dark"]
    for one in solved:
        assert one.loss_error == 2 * one.mode.wavelength_error / one.mode.wavelength


def test_the_error_of_a_loss_is_its_change_with_the_accuracy_of_the_solver():
    (bright, _), _ = module._planned(device(), "unit-cell", None)
    exact = unit_cell.modes(device(), accuracy=2e-9).band_edges[0]
    away = abs(1 / bright.mode.quality_factor - 1 / exact.quality_factor)
    assert away < bright.loss_error
    bound = 2 * bright.mode.wavelength_error / bright.mode.wavelength
    assert bright.loss_error <= bound


def test_the_planned_runs_are_three_refinements_and_one_with_more_room():
    roomy, *fine = planned(device())
    assert [job.pixels for job in fine] == [32, 48, 64]
    assert roomy.pixels == 32
    assert roomy.size > 1.3 * fine[0].size
    assert len({job.text() for job in (roomy, *fine)}) == 4


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_the_reference_device_is_confirmed_by_meep(monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", (1, 2, 3))
    found = verify(load_device(REFERENCE))
    kinds = [(comparison.label, comparison.quantity) for comparison in found.comparisons]
    assert kinds == [
        ("bright", "wavelength"),
        ("bright", "quality factor"),
        ("dark", "wavelength"),
        ("dark", "quality factor"),
    ]
    assert [c.fdtd == inf for c in found.comparisons] == [False, False, False, True]
    assert found.passed
    for comparison in found.comparisons[:3]:
        assert abs(comparison.difference) < {"wavelength": 3e-6}.get(comparison.quantity, 2e-4)
        assert comparison.time_domain.power == pytest.approx(2, abs=0.1)
    # A solver of a film 0.1 nm thicker is contradicted by the same runs.
    thicker = changed(load_device(REFERENCE), {"layers.1.thickness": 160.1 * nm})
    solved, _ = module._planned(thicker, "unit-cell", None)
    for one, sure in zip(solved, found.comparisons[::2], strict=True):
        assert replace(sure, solver=one.mode.wavelength).verdict == "disagrees"


# Slabs


def uniform(index: complex) -> Device:
    return Device(
        substrate=1.744,
        superstrate=1.0,
        layers=[Layer(thickness=80 * nm, material=2.2), Layer(thickness=200 * nm, material=index)],
        target=Target(wavelength=1670 * nm),
    )


def test_a_slab_with_lines_is_refused():
    with pytest.raises(InputError, match="without lines"):
        verify_slab(device(), "TE")


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
@pytest.mark.parametrize(("polarization", "index"), [("TE", 2.53 + 2e-4j), ("TM", 2.53)])
def test_index_and_loss_of_a_slab_are_confirmed_by_meep(polarization, index, monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", (1, 2, 3))
    monkeypatch.setattr("dfbdesign.fdtd.job.CYCLES", 220)
    monkeypatch.setattr("dfbdesign.fdtd.edges.SHORTER", 0.8)
    n_eff, loss = verify_slab(uniform(index), polarization)
    assert abs(n_eff.solver - n_eff.fdtd) < n_eff.uncertainty < 5e-5 * n_eff.solver
    assert abs(n_eff.difference) < 3e-6
    assert n_eff.time_domain.power == pytest.approx(2, abs=0.05)
    assert loss.verdict == "agrees"
    if loss.solver:
        assert abs(loss.difference) < 1e-3
    assert replace(n_eff, solver=n_eff.solver * (1 + 2e-4)).verdict == "disagrees"
