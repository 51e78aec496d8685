"""What follows from the field of a Bloch mode: derivatives, energy, emission; and sweeps."""

from math import asin, inf, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_cells import SAPPHIRE, device, labelled, tm_device
from witnesses import Period, Sheet

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed
from dfbdesign.errors import InputError
from dfbdesign.materials import constant, uniaxial
from dfbdesign.solvers.cell_gradient import device_value
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.solvers.unit_cell import band_edges, modes
from dfbdesign.units import deg, nm

PATHS = (
    "grating.period",
    "layers.0.thickness",
    "layers.1.thickness",
    "layers.0.lines.duty",
    "layers.0.lines.material",
    "layers.0.material",
    "layers.1.material",
    "substrate.material",
    "superstrate.material",
)


def moved(made: Device, path: str, share: float) -> tuple[Device, float]:
    """The device with one value (or index) changed by a share of itself, and the change."""
    value = device_value(made, path)
    if not path.endswith("material"):
        return changed(made, {path: value * (1 + share)}), value * share
    o, e = (complex(value.index(1.6, axis)) for axis in ("ordinary", "extraordinary"))
    step = share * o.real
    new = uniaxial(o + step, e + step) if value.is_uniaxial else constant(o + step)
    return changed(made, {path: new}), step


def nearest(found: tuple[CellMode, ...], mode: CellMode) -> CellMode:
    alike = [other for other in found if other.parity == mode.parity]
    return min(alike, key=lambda other: abs(other.wavenumber - mode.wavenumber))


def difference(
    made: Device, path: str, mode: CellMode, wavevector: float | None, share: float = 2e-4
) -> complex:
    """dk/dp by a fourth-order central difference of whole solves."""
    slopes = []
    for part in (share, 2 * share):
        (up, step), (down, _) = (moved(made, path, sign * part) for sign in (1, -1))
        ks = [
            nearest(modes(each, wavevector, accuracy=1e-7).modes, mode).wavenumber
            for each in (up, down)
        ]
        slopes.append((ks[0] - ks[1]) / (2 * step))
    return (4 * slopes[0] - slopes[1]) / 3


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("wavevector", [None, 0.01])
@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_sensitivities_are_the_derivatives_of_the_complex_wavenumber(
    build: type[Device], wavevector: float | None, path: str
) -> None:
    made = build(0.3, film=2.53 + 1e-4j)
    made = changed(made, {"layers.1.material": 2.5, "substrate.material": 1.74})
    for mode in modes(made, wavevector, accuracy=1e-7).modes[:2]:
        expected = difference(made, path, mode, wavevector)
        assert abs(mode.sensitivity(path) - expected) < 1e-6 * abs(expected)


def test_wavelength_sensitivity_is_that_of_the_known_stack() -> None:
    # nm of wavelength per nm, read from the same published stack as the shifts of its edges
    dark = labelled(modes(device(0.3)), "dark")
    expected = {"grating.period": 1.60, "layers.1.thickness": 1.42, "layers.0.thickness": 1.34}
    for path, slope in expected.items():
        assert dark.wavelength_sensitivity(path) == pytest.approx(slope, abs=0.02)


def test_sidewall_sensitivity_is_a_derivative_too() -> None:
    made = changed(device(0.4), {"layers.0.lines.sidewall": 75 * deg})
    for mode in modes(made, accuracy=1e-7).modes[:2]:
        expected = difference(made, "layers.0.lines.sidewall", mode, None, 5e-3)
        assert abs(mode.sensitivity("layers.0.lines.sidewall") - expected) < 1e-6 * abs(expected)


def test_sensitivity_to_what_is_no_number_or_where_walls_meet_is_refused() -> None:
    (mode, _) = modes(device(0.3)).band_edges
    with pytest.raises(InputError, match='no "colour"'):
        mode.sensitivity("layers.0.colour")
    with pytest.raises(InputError, match="not a number"):
        mode.sensitivity("layers.0.lines")
    full = modes(device(1.0, line=2.3)).modes[0]
    with pytest.raises(InputError, match=r"walls meet|wide in a period"):
        full.sensitivity("layers.0.lines.duty")


@pytest.mark.parametrize("wavevector", [None, 0.02])
@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_shares_of_all_layers_sum_to_one_without_dispersion(
    build: type[Device], wavevector: float | None
) -> None:
    # scaling every permittivity by 1 + a scales k by 1 - a/2, whatever the cell
    for mode in modes(build(0.3, substrate=SAPPHIRE), wavevector).modes:
        assert mode.layer_shares().sum() == pytest.approx(1, abs=1e-9)
        assert np.all(mode.layer_shares() > 0)


@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_all_lengths_scale_the_wavenumber_together(build: type[Device]) -> None:
    # Euler: Σ length ∂k/∂length = -k
    for mode in modes(build(0.3, substrate=SAPPHIRE)).modes:
        lengths = ("grating.period", "layers.0.thickness", "layers.1.thickness")
        total = sum(device_value(mode.device, path) * mode.sensitivity(path) for path in lengths)
        assert abs(total + mode.wavenumber) < 1e-7 * abs(mode.wavenumber)


# --- fields -------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_fields_obey_both_curl_equations(build: type[Device]) -> None:
    made, h = build(0.3), 2e-3
    stencil = np.array([1, -8, 0, 8, -1]) / (12 * h)
    for mode in modes(made, accuracy=1e-8).modes:
        for x, z, index in ((0.31, 0.12, 2.53), (0.2, -0.2, 1.746), (0.02, 0.6, 1.0)):
            fields = mode.fields(x + h * np.arange(-2, 3), z + h * np.arange(-2, 3))
            E, H = fields.electric, fields.magnetic
            for here, other, factor in ((E, H, 1j), (H, E, -1j * index**2)):
                along_x = here[:, 2] @ stencil
                along_z = np.tensordot(here[:, :, 2], stencil, axes=(1, 0))
                curl = np.array([-along_z[1], along_z[0] - along_x[2], along_x[1]])
                expected = factor * mode.wavenumber * other[:, 2, 2]
                assert np.abs(curl - expected).max() < 2e-5 * np.abs(mode.wavenumber)


def test_tangential_electric_field_is_continuous_across_a_line_in_tm() -> None:
    bright = labelled(modes(tm_device(0.3), accuracy=1e-8), "bright")
    wall = 0.15 * 0.865
    fields = bright.fields(wall + np.array([-1e-7, 1e-7]), np.array([0.02, 0.025, 0.03]))
    before, after = fields.electric[2].T
    assert np.abs(before - after).max() < 2e-2 * np.abs(before).max()  # along the wall
    jump = fields.electric[0, :, 0] * 2.30**2 - fields.electric[0, :, 1] * 2.53**2
    assert np.abs(jump).max() < 1e-5 * np.abs(fields.electric[0]).max()  # ε E across it


@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_emission_goes_up_and_down_as_the_far_field_says(build: type[Device]) -> None:
    made = build(0.3)
    bright = labelled(modes(made), "bright")
    emission = bright.emission()
    top = sum(layer.thickness for layer in made.layers)
    x = (np.arange(64) + 0.5) / 64 * 0.865
    power = []
    for height, index in ((top + 2.0, 1.0), (-2.0, 1.746)):
        profile = bright.profile(np.concatenate([[0.1], x]), np.array([0.1, height]))
        wave = abs((profile[1, 1:] / profile[0, 0]).mean()) ** 2
        growth = np.exp(-2 * 2.0 * index * -bright.wavenumber.imag)  # decays in time, so it grows
        power.append(wave * growth * (index if made.polarization == "TE" else 1 / index))
    assert emission.lateral == pytest.approx([0])
    assert emission.up + emission.down == pytest.approx([1])
    assert emission.up[0] / emission.down[0] == pytest.approx(power[0] / power[1], rel=2e-3)
    assert emission.angle_up == pytest.approx([0])
    assert labelled(modes(made), "dark").emission() is None


def test_oblique_orders_leave_at_the_angle_of_the_grating_equation() -> None:
    found = modes(device(0.3), wavevector=0.05)
    for mode in found.modes:
        emission = mode.emission()
        assert emission.up.sum() + emission.down.sum() == pytest.approx(1)
        expected = asin(0.05 * mode.wavelength / 0.865)
        assert emission.angle_up[0] == pytest.approx(expected, rel=1e-9)
        assert emission.angle_down[0] == pytest.approx(
            asin(0.05 * mode.wavelength / 0.865 / 1.746), rel=1e-9
        )


# --- sweeps -------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_a_sweep_equals_single_solves_to_rounding(build: type[Device]) -> None:
    made = build(0.3)
    changes = {
        "grating.period": np.array([865, 868, 871, 860, 865]) * nm,
        "layers.0.lines.duty": np.array([0.02, 0.3, 0.5, 0.7, 0.98]),
        "layers.1.thickness": made.layers[1].thickness + np.array([-4, 0, 3, 5, 2]) * nm,
        "layers.0.lines.material": np.array([2.3, 2.1, 2.6, 2.45, 2.0]),
    }
    together = band_edges(made, changes)
    assert together.missing == {}
    for row in range(5):
        one = {path: values[row] for path, values in changes.items()}
        one["layers.0.lines.material"] = constant(one["layers.0.lines.material"])
        alone = modes(changed(made, one))
        for column, mode in enumerate(alone.band_edges):
            assert abs(together.wavenumber[row, column] - mode.wavenumber) < 1e-12 * 4
            assert together.threshold_gain[row, column] == pytest.approx(
                mode.threshold_gain, rel=1e-6, abs=1e-12
            )
            assert together.confinement[row, column] == pytest.approx(mode.confinement, rel=1e-9)
        assert together.kappa[row] == pytest.approx(alone.kappa, rel=1e-9)
        assert together.radiation_loss[row] == pytest.approx(alone.radiation_loss, rel=1e-6)


def test_followed_pairs_are_the_counted_ones() -> None:
    duty = {"layers.0.lines.duty": np.linspace(0.1, 0.9, 17)}
    made = device(0.3, target=1666 * nm)
    counted, followed = band_edges(made, duty), band_edges(made, duty, counted=False)
    assert np.abs(counted.wavenumber - followed.wavenumber).max() < 1e-10


def test_devices_without_a_pair_are_named_and_the_others_kept() -> None:
    edges = band_edges(device(0.3), {"grating.period": np.array([865, 700, 868]) * nm})
    assert list(edges.missing) == [1]
    assert "no pair" in edges.missing[1] or "no TE mode" in edges.missing[1]
    assert np.isnan(edges.wavenumber[1]).all()
    assert np.isfinite(edges.wavenumber[[0, 2]]).all()
    none = band_edges(device(0.3), {"grating.period": np.array([700, 705]) * nm})
    assert list(none.missing) == [0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers.0.colour": np.ones(2)}, "colour"),
        ({"layers.0.lines.duty": np.array([0.3, 1.4])}, "duty"),
        ({"target.wavelength": np.array([1.6, 1.7])}, "no dimension or material"),
        ({"layers.0.lines.duty": np.ones((2, 2)) / 3}, "one axis"),
    ],
)
def test_sweeps_of_what_cannot_be_swept_are_refused(
    changes: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        band_edges(device(0.3), changes)


# --- other cross-sections -----------------------------------------------------------------------


def test_slanted_walls_are_the_limit_of_finite_elements_on_stairs() -> None:
    # stairs of the witness: explicit thin lines, whose errors fall with the square of their number
    made = changed(device(0.4), {"layers.0.lines.sidewall": 65 * deg})
    bright, _ = modes(made, accuracy=1e-7).band_edges
    for mode in (bright,):
        found = []
        for count in (2, 4):
            sheets = []
            for step in range(count):
                slope = 2 * 0.05 / np.tan(65 * deg) / 0.865
                duty = 0.4 + slope * (0.5 - (step + 0.5) / count)
                sheets.append(Sheet(0.05 / count, (2.53**2,) * 2, (2.3**2,) * 2, duty))
            sheets.append(Sheet(0.16, (2.53**2,) * 2))
            reference = Period(
                sheets, (1.746**2,) * 2, (1.0, 1.0), 0.865, "TE", 0.0, degree=6, levels=1
            )
            found.append(
                min(
                    reference.near(mode.wavenumber, count=2), key=lambda k: abs(k - mode.wavenumber)
                )
            )
        limit = found[1] + (found[1] - found[0]) / 3
        assert abs(found[1] - found[0]) > 1e-7  # the stairs matter
        assert abs(mode.wavenumber - limit) < 3e-7


def test_one_line_made_of_two_halves_is_one_line() -> None:
    whole = device(0.3)
    halves = whole.layers[0].model_copy(
        update={
            "lines": Lines(material=2.30, duty=0.15, centre=0.075),
            "further_lines": (Lines(material=2.30, duty=0.15, centre=-0.075),),
        }
    )
    for other in (
        whole.model_copy(update={"layers": (halves, whole.layers[1])}),
        changed(whole, {"layers.0.lines.centre": 0.37}),
    ):
        for one, two in zip(modes(whole).modes, modes(other).modes, strict=True):
            assert two.wavenumber == pytest.approx(one.wavenumber, rel=1e-10)


def test_two_equal_lines_a_half_period_apart_are_half_the_period() -> None:
    whole = device(0.3, period=432.5 * nm, order=1)
    doubled = device(0.15)
    pair = doubled.layers[0].model_copy(
        update={"further_lines": (Lines(material=2.30, duty=0.15, centre=0.5),)}
    )
    doubled = doubled.model_copy(update={"layers": (pair, doubled.layers[1])})
    one, two = modes(whole), modes(doubled)
    for mode, other in zip(one.modes, two.modes, strict=True):
        assert other.wavenumber == pytest.approx(mode.wavenumber, rel=2e-6)
        assert mode.label == "guided"
        assert other.quality_factor == inf or other.quality_factor > 1e9  # radiation cancels


def test_an_unsymmetric_cell_has_no_dark_mode_and_reads_the_same_backwards() -> None:
    def blazed(sign: int) -> Device:
        lines = (
            Lines(material=2.2, duty=0.2),
            Lines(material=2.3, duty=0.2, centre=0.2 * sign),
        )
        layer = Layer(thickness=50 * nm, material=2.4, lines=lines[0], further_lines=lines[1:])
        return Device(
            substrate=1.5, superstrate=1.0,
            layers=[layer, Layer(thickness=200 * nm, material=2.4)],
            grating=Grating(period=870 * nm), target=Target(wavelength=1.62),
        )  # fmt: skip

    one, other = modes(blazed(1), accuracy=1e-7), modes(blazed(-1), accuracy=1e-7)
    assert len(one.modes) == 2
    for mode, twin in zip(one.modes, other.modes, strict=True):
        assert twin.wavenumber == pytest.approx(mode.wavenumber, rel=1e-10)
        assert mode.quality_factor < 1e7  # both radiate
        slope = mode.sensitivity("layers.0.thickness")
        expected = difference(blazed(1), "layers.0.thickness", mode, None)
        assert abs(slope - expected) < 1e-6 * abs(expected)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    duty=st.floats(0.05, 0.95),
    angle=st.floats(70, 110),
    line=st.floats(1.6, 3.0),
    wavevector=st.sampled_from([0.0, 0.01]),
)
def test_time_reversal_holds_for_any_lossless_cell(
    duty: float, angle: float, line: float, wavevector: float
) -> None:
    # reciprocity: the cell at -q has the wavenumbers of the cell at q
    made = changed(device(0.5, line=line, film=2.2, film_thickness=200 * nm, target=1600 * nm),
                   {"layers.0.lines.sidewall": angle * deg})  # fmt: skip
    room = 0.05 / abs(np.tan(angle * deg)) / 0.865 + 1e-3
    made = changed(made, {"layers.0.lines.duty": float(np.clip(duty, room, 1 - room))})
    forward = modes(made, wavevector, accuracy=1e-5)
    backward = modes(made, -wavevector, accuracy=1e-5)
    for one, two in zip(forward.modes, backward.modes, strict=True):
        assert two.wavenumber == pytest.approx(one.wavenumber, rel=1e-10)
        assert 2 * pi / one.wavenumber.real == pytest.approx(one.wavelength)
