"""What the time-domain witness does without MEEP: jobs, materials at nodes, frequencies."""

import json
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import diags_array, eye_array, kron
from scipy.sparse.linalg import eigsh

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed, without_dispersion
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.fdtd import UnitCellJob, cell, edges, unit_cell_job
from dfbdesign.fdtd.dispersion import STEP, best_poles, fit, slope
from dfbdesign.fdtd.nodes import nodes
from dfbdesign.fdtd.slabs import symmetric
from dfbdesign.materials import as_material, tabulated, uniaxial
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.stacks import conformal_film
from dfbdesign.units import deg, nm

SAPPHIRE, FILM, TIO2 = 1.744, 2.53, 2.2762


def device(duty: float = 0.35, sidewall: float = 90 * deg, order: int = 2) -> Device:
    return Device(
        substrate=SAPPHIRE,
        superstrate=1.0,
        layers=[
            Layer(
                thickness=50 * nm,
                material=FILM,
                lines=Lines(material=TIO2, duty=duty, sidewall=sidewall),
            ),
            Layer(thickness=160 * nm, material=FILM),
        ],
        grating=Grating(period=435 * nm * order, order=order),
    )


def job(refinement: int = 2, wavevector: float | None = None, **options: float) -> UnitCellJob:
    return unit_cell_job(device(**options), 1670 * nm, refinement, wavevector)


def coated() -> Device:
    """Lines under a conformal film, which coats them."""
    film = conformal_film(
        Lines(material=1.6, duty=0.4), 120 * nm, 800 * nm,
        film=1.8, thickness=104 * nm, above=1.0, gain=False,
    )  # fmt: skip
    return Device(
        substrate=1.45,
        superstrate=1.0,
        layers=(Layer(thickness=240 * nm, material=2.3), *film),
        grating=Grating(period=800 * nm),
    )


# The job


def lines_of(segments, start=0.0):
    """Places of all grid lines."""
    sizes = np.concatenate([np.full(count, length / count) for length, count in segments])
    return start + np.concatenate([[0.0], np.cumsum(sizes)])


@pytest.mark.parametrize(
    ("made", "wavelength"),
    [
        (device(), 1.67),
        (device(duty=0.5037), 1.67),
        (changed(device(), {"grating.period": 867.31 * nm}), 1.67),
        (changed(device(), {"layers.0.lines.centre": 0.4}), 1.67),
        (coated(), 1.49),
    ],
    ids=["reference", "duty", "period", "beside", "coated"],
)
def test_every_wall_and_interface_lies_on_a_grid_line_of_every_refinement(made, wavelength):
    for refinement in (1, 2, 3):
        one = unit_cell_job(made, wavelength, refinement)
        x = lines_of(one.columns, -made.grating.period / 2)
        z = lines_of(one.rows, one.bottom)
        for slab in one.slabs:
            assert abs(z - slab.top).min() < 1e-12
            for foot, head in slab.walls:
                assert foot == head
                assert abs(x - foot).min() < 1e-12
        assert one.pixels % 2 == 0
        assert (len(z) - 1) % 2 == 0
        assert np.diff(x).max() < 1.6 * one.pixel
    # The same walls, so the same pixels but for the refinement.
    once, twice = (unit_cell_job(made, wavelength, n) for n in (1, 2))
    assert [2 * count for _, count in once.columns] == [count for _, count in twice.columns]
    assert [2 * count for _, count in once.rows] == [count for _, count in twice.rows]


def test_a_layer_far_thinner_than_a_pixel_is_left_inside_one():
    thin = changed(device(), {"layers": (*device().layers, Layer(thickness=0.003, material=1.5))})
    one = unit_cell_job(thin, 1.67, 2)
    assert one.courant > 0.3
    assert len(one.rows) == 4
    assert sum(length for length, _ in one.rows[1:-1]) == pytest.approx(0.213)


def test_the_same_job_has_the_same_text_and_another_job_another():
    assert job().text() == job().text()
    others = job(duty=0.36), job(3), job(wavevector=0.01), job()
    assert len({one.text() for one in others}) == 4


def test_oblique_walls_keep_the_duty_at_half_height():
    ((left, left_top), (right, right_top)) = job(sidewall=45 * deg).slabs[1].walls
    assert right - left == pytest.approx(304.5 * nm + 50 * nm)
    assert right_top - left_top == pytest.approx(304.5 * nm - 50 * nm)


def test_layers_are_cut_where_oblique_walls_cross():
    """A coat with steeper walls than the line it covers at the bottom alone."""
    lines = Lines(material=2.0, duty=0.4, sidewall=70 * deg)
    coat = Lines(material=1.8, duty=0.4, sidewall=110 * deg)
    layer = Layer(thickness=100 * nm, material=1.0, lines=lines, further_lines=(coat,))
    made = changed(device(), {"layers.0": layer})
    _, lower, upper, *_ = unit_cell_job(made, 1670 * nm, 2).slabs
    assert (lower.top, upper.top) == pytest.approx((0.05, 0.1))
    assert [value[0] for value in lower.permittivity] == pytest.approx([1, 4, 1])
    assert [value[0] for value in upper.permittivity] == pytest.approx([1, 3.24, 4, 3.24, 1])


def test_a_line_beyond_the_rim_comes_back_on_the_other_side():
    aside = changed(device(), {"layers.0.lines.centre": 0.5})
    _, slab, *_ = unit_cell_job(aside, 1670 * nm, 2).slabs
    assert [foot for foot, _ in slab.walls] == pytest.approx([-0.28275, 0.28275])
    assert [value[0] for value in slab.permittivity] == pytest.approx([TIO2**2, FILM**2, TIO2**2])
    assert symmetric((slab,))
    aside = changed(device(), {"layers.0.lines.centre": 0.25})
    assert not symmetric(unit_cell_job(aside, 1670 * nm, 2).slabs)


def test_an_absorber_holds_one_period_of_the_most_oblique_radiated_wave():
    pixel = 870 * nm / 16
    wave = 1670 * nm / np.array([SAPPHIRE, 1.0])
    np.testing.assert_allclose(np.array(job(1).absorber) * pixel, wave, atol=pixel)
    # Order 4 also radiates at sin θ = wavelength / (period n).
    cosine = np.sqrt(1 - (wave / 1.74) ** 2)
    oblique = unit_cell_job(device(order=4), 1670 * nm, 1)
    np.testing.assert_allclose(np.array(oblique.absorber) * pixel, wave / cosine, atol=pixel)
    np.testing.assert_allclose(np.log10(oblique.absorber_reflection), -15 / cosine)


def test_away_from_the_band_edge_waves_reach_further_out():
    assert job(wavevector=0.05).bottom < job().bottom
    assert job(wavevector=-0.05).bottom == job(wavevector=0.05).bottom
    with pytest.raises(NoGuidedMode, match="guides no wave"):
        job(wavevector=0.3)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"layers.0.lines.sidewall": 20 * deg, "layers.0.thickness": 0.3}, InputError, "both must"),
        ({"layers.1.thickness": 900.0}, InputError, "too thick"),
        ({"layers.1.material": 0.2 + 9j}, InputError, "layer 2 has an index of 0.2.9j: MEEP takes"),
        ({"grating": None, "layers.0.lines": None}, InputError, r"\[grating\]"),
        ({"grating.period": 960 * nm}, NoGuidedMode, "guides no wave"),
    ],
)
def test_a_device_the_check_cannot_handle_is_refused_in_one_line(changes, error, message):
    items = sorted(changes.items(), reverse=True)  # the lines go before the grating
    with pytest.raises(error, match=message) as caught:
        unit_cell_job(changed(device(), dict(items)), 1670 * nm, 2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("refinement", "wavevector"), [(0, None), (100, None), (2, 0.6)])
def test_numbers_out_of_range_are_refused(refinement, wavevector):
    with pytest.raises(InputError):
        job(refinement, wavevector)


# Materials at the nodes


def numbers(made: Device, wavelength=1.67, refinement=2, **more) -> dict:
    return json.loads(unit_cell_job(made, wavelength, refinement).text()) | more


def test_both_materials_are_those_of_stretched_coordinates_where_nothing_changes():
    """Deep inside a layer: Ward and Pendry's formula, component by component."""
    birefringent = changed(device(), {"layers.1.material": uniaxial(2.5 + 0.01j, 2.3 + 0.02j)})
    for polarization in ("TE", "TM"):
        one = numbers(changed(birefringent, {"polarization": polarization}))
        found = nodes(one)
        row = one["rows"][0][1] + one["rows"][1][1] + 3
        z = one["rows"][2][0] / one["rows"][2][1] / one["pixel"]
        x = one["columns"][0][0] / one["columns"][0][1] / one["pixel"]
        wanted = {
            "TE": ({"y": x * z * (2.5 + 0.01j) ** 2}, {"x": z / x, "z": x / z}),
            "TM": (
                {"x": z / x * (2.5 + 0.01j) ** 2, "z": x / z * (2.3 + 0.02j) ** 2},
                {"y": x * z},
            ),
        }[polarization]
        assert min(abs(x - 1), abs(z - 1)) > 0.01  # both are stretched
        for tables, values in zip((found.permittivity, found.permeability), wanted, strict=True):
            assert {axis: table[row, 2] for axis, table in tables.items()} == pytest.approx(values)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 0.95), st.floats(60, 120), st.floats(0.03, 0.4))
def test_averaging_conserves_the_cross_section_of_the_lines(duty, sidewall, height):
    """The transformed permittivity, times pixels, is the integral of the true one over the area."""
    slant = height / np.tan(sidewall * deg)
    if not all(0 < duty * 0.87 + sign * slant < 0.87 for sign in (-1, 1)):
        return
    made = changed(
        device(duty, sidewall * deg), {"layers.0.thickness": height, "layers.1.thickness": 0.5}
    )
    one = numbers(made, refinement=1)
    total = nodes(one).permittivity["y"].real.sum() * one["pixel"] ** 2
    rows = [length for length, _ in one["rows"]]
    ends = rows[0] * SAPPHIRE**2 + rows[-1] + one["pixel"] * (SAPPHIRE**2 + 1) / 2
    inside = (height + 0.5) * FILM**2 - duty * height * (FILM**2 - TIO2**2)
    assert total == pytest.approx(0.87 * (ends + inside), rel=1e-4)


def test_materials_are_mirrored_exactly():
    for polarization in ("TE", "TM"):
        for sidewall in (90 * deg, 70 * deg):
            made = changed(device(sidewall=sidewall), {"polarization": polarization})
            found = nodes(numbers(made))
            for axis, table in found.permittivity.items():
                on_lines = polarization == "TE" or axis == "z"
                mirrored = np.roll(table[:, ::-1], 1, axis=1) if on_lines else table[:, ::-1]
                np.testing.assert_allclose(table, mirrored, rtol=1e-13)


def test_a_staircase_of_slabs_is_averaged_as_the_oblique_wall_it_stands_for():
    steps = 64
    made = changed(device(sidewall=60 * deg), {"polarization": "TM"})
    thickness = 50 * nm / steps
    slant = 50 * nm / np.tan(60 * deg) / (870 * nm)
    stairs = [
        Layer(
            thickness=thickness,
            material=FILM,
            lines=Lines(material=TIO2, duty=0.35 + slant * (1 - 2 * (step + 0.5) / steps)),
        )
        for step in range(steps)
    ]
    staircase = changed(made, {"layers": (*stairs, made.layers[1])})
    oblique = numbers(made)
    grid = {name: oblique[name] for name in ("columns", "rows", "bottom")}
    for axis in ("x", "z"):
        np.testing.assert_allclose(
            nodes(numbers(staircase) | grid).permittivity[axis],
            nodes(oblique).permittivity[axis],
            rtol=2e-3,
        )


def test_nodes_around_an_oblique_wall_take_the_tent_weighted_mean():
    """Against the sharp structure, sampled 200 times per pixel."""
    one = numbers(device(sidewall=65 * deg), refinement=1)
    table = nodes(one).permittivity["y"].real
    pixel, (_, thick), substrate = one["pixel"], (0.0, 0.05), one["rows"][0][1]
    u = (np.arange(400) + 0.5) / 200 - 1
    weight = (1 - np.abs(u)) / 200
    below, inside = pixel, thick / one["rows"][1][1]  # heights of pixels on either side
    for column, node in enumerate(lines_of(one["columns"], -0.435)[:-1]):
        steps = [length / count for length, count in one["columns"] for _ in range(count)]
        widths = np.where(u < 0, steps[column - 1], steps[column])
        x = (node + u * widths + 0.435) % 0.87 - 0.435
        heights = np.where(u < 0, below, inside)
        z = u * heights
        half = 0.35 * 0.87 / 2 - (z - thick / 2) / np.tan(65 * deg)
        sharp = np.where(np.abs(x) < half[:, None], TIO2**2, FILM**2)
        sharp = np.where(z[:, None] < 0, SAPPHIRE**2, sharp)
        exact = (weight * heights) @ sharp @ (weight * widths) / pixel**2
        assert table[substrate, column] == pytest.approx(exact, rel=2e-4)


def test_a_face_inside_a_pixel_is_averaged_with_the_right_rule_for_each_direction():
    thin, index = 5 * nm, 3.0
    layers = (*device().layers, Layer(thickness=thin, material=index))
    made = changed(device(), {"layers": layers, "polarization": "TM"})
    one = numbers(made, refinement=1)
    found = nodes(one)
    top = one["rows"][0][1] + one["rows"][1][1] + one["rows"][2][1]  # the pixel with the thin layer
    assert len(one["rows"]) == 4
    height, width = (one[name][place][0] / one[name][place][1] for name, place in
                     (("rows", 2), ("columns", 0)))  # fmt: skip
    share = thin / height
    harmonic = 1 / (share / index**2 + (1 - share) / FILM**2)
    assert found.permittivity["z"][top - 1, 0] == pytest.approx(harmonic * width / height)
    # Of the node below, the thin layer is at the far end of the tent.
    mean = height * (FILM**2 + (index**2 - FILM**2) * share**2 / 2)
    assert found.permittivity["x"][top - 1, 0] == pytest.approx(mean / width)


def grid_modes(one: dict, count: int = 2) -> np.ndarray:
    """Wavenumbers at the zone's edge on the job's grid: no MEEP, the same finite differences.

    An electric (TE) or magnetic (TM) wall above and below, far away, and nothing absorbs.
    """
    found, columns = nodes(one), sum(n for _, n in one["columns"])
    rows = sum(n for _, n in one["rows"])
    ring = diags_array([-np.ones(columns), np.ones(columns - 1)], offsets=[0, 1]).tolil()
    ring[-1, 0] = -1.0  # the wave changes sign from period to period
    te = one["polarization"] == "TE"
    up = diags_array([-np.ones(rows), np.ones(rows)], offsets=[0, 1], shape=(rows, rows + 1))
    up = up.tocsr()[:, 1:-1] if te else up.T.tocsr()[1:-1]
    if te:
        across = kron(eye_array(rows - 1), ring)
        weights = [found.permeability["z"][1:-1], found.permeability["x"]]
        mass = found.permittivity["y"].real[1:-1]
    else:
        across = kron(eye_array(rows), -ring.T)
        weights = [found.permittivity["z"].real, found.permittivity["x"].real[1:-1]]
        mass = found.permeability["y"]
    climb = kron(up, eye_array(columns))
    stiff = sum(
        step.T @ diags_array(1 / weight.ravel()) @ step
        for step, weight in zip((across, climb), weights, strict=True)
    )
    shift = (2 * np.pi * one["pixel"] / one["wavelength"]) ** 2
    values = eigsh(
        stiff.tocsc(), k=count, M=diags_array(mass.ravel()).tocsc(), sigma=shift,
        return_eigenvectors=False,
    )  # fmt: skip
    return np.sort(np.sqrt(values)) / one["pixel"]


def test_fields_are_as_singular_at_corners_as_meixner_has_it():
    def power(line: float, polarization="TM") -> float | None:
        made = changed(device(), {"layers.0.lines.material": line, "polarization": polarization})
        return edges._corner(unit_cell_job(made, 1.67, 1))

    assert power(TIO2, "TE") is None
    # E ~ r^(ν-1), error ~ h^2ν: -1/3 at the corner of a conductor, 0 where nothing changes.
    assert power(FILM * 1e4) == pytest.approx(4 / 3, abs=1e-6)
    assert power(FILM * 1e-1) == pytest.approx(power(FILM * 10), rel=1e-9)
    assert power(TIO2) == pytest.approx(2 - 2 / np.pi * (FILM**2 - TIO2**2) / (
        FILM**2 + TIO2**2
    ), abs=1e-3)  # fmt: skip
    assert power(FILM * 1.001) == edges.HIGHEST_CORNER


@pytest.mark.parametrize("polarization", ["TE", "TM"])
@pytest.mark.parametrize("sidewall", [90 * deg, 75 * deg], ids=["upright", "oblique"])
def test_modes_of_the_grid_converge_to_the_solvers_as_the_square_of_the_pixel(
    polarization, sidewall
):
    """First-order gratings lie below both light cones: their band edges need no absorber."""
    upright = sidewall == 90 * deg
    made = changed(
        device(0.4, sidewall, order=1),
        {"polarization": polarization, "layers.1.thickness": 260 * nm},
    )
    wavelength = {"TE": 1.80, "TM": 1.61}[polarization]
    accuracy = {"TE": 1e-7, "TM": 1e-6 if upright else 1e-5}[polarization]  # slow beyond
    made = changed(made, {"target": Target(wavelength=wavelength)})
    exact = np.sort([mode.wavenumber.real for mode in modes(made, accuracy=accuracy).band_edges])
    found = np.array([grid_modes(numbers(made, wavelength, fine)) for fine in (2, 4)])
    errors = abs(found / exact - 1)
    np.testing.assert_allclose(errors[0] / errors[1], 4.0, rtol=0.05)
    limit = found[1] + (found[1] - found[0]) / 3
    np.testing.assert_allclose(limit, exact, rtol=max(5e-6, accuracy))


# Materials that depend on frequency


def of_poles(frequency, poles=(0.3, 0.5)):
    """A Lorentz pole without and one with damping, over a constant."""
    w, (first, second) = np.asarray(frequency), poles
    damped = 1 - second * w**2 - 1j * np.sqrt(second) * (1 - second) * w
    return 3.5 + 1.2 / (1 - first * w**2) + 0.02 / damped


NEAR = np.array([1 - STEP, 1.0, 1 + STEP])
WIDE = np.array([0.8, 0.95, 1.0, 1.05, 1.2, 1.0 - 0.01j])


def test_a_material_of_one_lorentz_pole_is_fitted_exactly_at_all_frequencies():
    def exact(w):
        return 3.5 + 2.0 / (1 - 0.3 * w**2)

    poles = best_poles(*exact(NEAR)[:, None].astype(complex))
    assert poles[0] == pytest.approx(0.3, abs=1e-4)
    found = fit(exact(1.0), slope(exact(NEAR[0]), exact(NEAR[2])), (0.3, 0.04))
    np.testing.assert_allclose(found.permittivity(WIDE), exact(WIDE), rtol=2e-6)


def test_a_material_of_both_poles_is_fitted_exactly_at_all_frequencies():
    found = fit(of_poles(1.0), slope(of_poles(NEAR[0]), of_poles(NEAR[2])), (0.3, 0.5))
    np.testing.assert_allclose(found.permittivity(WIDE), of_poles(WIDE), atol=1e-5)
    assert abs(found.conductivity) < 1e-6


@pytest.mark.parametrize(
    ("exact", "bar"),
    [
        (lambda w: as_material("cqd-film").permittivity(1.67 / w), 1e-12),
        (lambda w: as_material("tio2-ald").permittivity(1.67 / w), 1e-12),
        (lambda w: (2.5 + 1e-3j * w**12) ** 2, 1e-7),
        (lambda w: np.full(w.shape, (2.53 + 0.003j) ** 2), 1e-7),
    ],
    ids=["film", "oxide", "absorption edge", "constant absorption"],
)
def test_value_and_slope_of_a_fit_are_exact_and_what_is_left_falls_as_the_square(exact, bar):
    poles = best_poles(*exact(NEAR)[:, None])
    found = fit(exact(NEAR)[1], slope(*exact(NEAR)[::2]), poles)
    missed = [found.permittivity(1 + d) - exact(np.array([1 + d]))[0] for d in (0.004, 0.008)]
    assert found.permittivity(1.0) == pytest.approx(exact(NEAR)[1], rel=1e-13)
    # Of second order but for the square of the absorption, and far less than the slope itself.
    for part in (np.real, np.imag):
        small, large = (abs(float(part(one))) for one in missed)
        assert large < 5 * small + bar
    whole = np.abs(exact(np.array([1.008]))[0] - exact(NEAR)[1])
    assert abs(missed[1]) < 0.08 * whole + 1e-6


def test_what_no_passive_medium_does_keeps_its_value_alone():
    for value, rising in ((6.0, -0.4), (6 + 0.01j, 0.4 - 0.5j), (6 - 0.01j, 0.4 + 0.1j)):
        found = fit(value, rising, (0.2, 0.5))
        assert found.permittivity(1.0) == pytest.approx(value)
        assert min(*found.strengths, np.sign(np.imag(value)) * found.conductivity) >= 0


@settings(max_examples=100, deadline=None)
@given(
    st.floats(1, 16), st.floats(0, 0.3), st.floats(-1, 2), st.floats(-20, 20),
    st.tuples(st.floats(0.04, 0.9), st.floats(0.04, 0.9)),
)  # fmt: skip
def test_every_fit_of_an_absorber_absorbs_at_every_frequency(real, loss, rising, power, poles):
    found = fit(real + 1j * loss, rising + 1j * power * loss, poles)
    assert found.permittivity(1.0) == pytest.approx(real + 1j * loss)
    w = np.geomspace(1e-2, 1e2, 300)
    assert found.permittivity(w).imag.min() > -1e-9 * max(1, *found.strengths)


@pytest.mark.parametrize("rising", [0.05, 0.4, 2.0, 5.0])
def test_time_steps_are_stable_with_the_poles(rising, tmp_path):
    """Largest squared frequency of the grid's waves in a dispersive medium against the limit 4."""
    wavelengths = np.linspace(1650, 1690, 9)
    rows = [f"{one},{np.sqrt(6.4 - rising * np.log(one / 1670))}\n" for one in wavelengths]
    table = tmp_path / "film.csv"
    table.write_text("wavelength_nm,n\n" + "".join(rows))
    film = tabulated(table)
    made = changed(device(), {"layers.0.material": film, "layers.1.material": film})
    one = unit_cell_job(made, 1.67, 1)
    omega = 2 * np.pi * one.pixel / one.wavelength
    found = fit(6.4, rising, one.dispersive.poles)
    lines = [
        [length / count / one.pixel for length, count in part] for part in (one.columns, one.rows)
    ]
    grid = 4 * (min(lines[0]) ** -2 + min(lines[1]) ** -2)
    pole = omega**2 / found.poles[0] * (1 + found.strengths[0] / found.limit)
    assert one.courant**2 * (grid / found.limit + pole) < 4


def test_only_what_depends_on_frequency_or_absorbs_needs_more_than_before():
    plain = unit_cell_job(device(), 1.67, 2)
    assert plain.dispersive is None
    # What was recorded with the text of this job stays valid.
    assert sha256(plain.text().encode()).hexdigest()[:16] == "abc1905ca8502fc2"
    gain = changed(device(), {"layers.1.material": 2.53 - 0.003j})
    assert unit_cell_job(gain, 1.67, 2).dispersive is None
    for material in ("cqd-film", 2.53 + 0.003j):
        more = unit_cell_job(changed(device(), {"layers.1.material": material}), 1.67, 2)
        assert more.dispersive is not None
        assert more.rows == plain.rows


@pytest.mark.parametrize("polarization", ["TE", "TM"])
@pytest.mark.parametrize("sidewall", [90 * deg, 70 * deg], ids=["upright", "oblique"])
def test_nodes_between_materials_take_value_and_slope_of_their_mean(polarization, sidewall):
    """Fits node by node against the means at another frequency, where both are frozen."""
    film = as_material("cqd-film")
    made = changed(
        device(sidewall=sidewall),
        {"polarization": polarization, "layers.0.material": film, "layers.1.material": film},
    )
    one, distance = numbers(made), 0.004
    found, _ = cell._fits(one)
    moved = nodes(numbers(without_dispersion(made, 1.67 / (1 + distance)))).permittivity
    still = nodes(one).permittivity
    for axis, table in moved.items():
        fitted = found[axis].permittivity(1 + distance)
        assert abs(table - still[axis]).max() > 1e-3
        np.testing.assert_allclose(fitted, table, atol=0.01 * abs(table - still[axis]).max())
