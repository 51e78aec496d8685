import tomllib
from dataclasses import fields, replace
from importlib.resources import files

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import lambertw

from dfbdesign.device import GainFilm
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.film import (
    Film,
    depth_excitons_for_gain,
    depth_gain,
    excitons_at_fluence,
    excitons_for_gain,
    material_gain,
    preset_names,
    resolve_film,
    threshold_fluence,
    unpumped_absorption,
)
from dfbdesign.units import cm, nm, uJ

PUMP = 1030 * nm
FLUENCE = uJ / cm**2
QUANTITIES = {"dot_diameter", "pump_wavelength", "thickness", "band_edge_absorption"}

# Slope of the effective index of a 160 nm film of index 2.6 on sapphire against the film's index:
# modal over material gain (an independent slab calculation; 0.467 and 0.619 for 2.5 and 2.7)
CONFINEMENT = 0.55168


@pytest.fixture(params=preset_names())
def film(request) -> Film:
    return resolve_film(GainFilm(preset=request.param))


def preset(name: str, **given) -> Film:
    return resolve_film(GainFilm(preset=f"taghipour2023-{name}", **given))


def bulk_lead_sulfide_film(inclusion: complex, host: float, fraction: float) -> complex:
    """Index of spheres in a host after Maxwell Garnett (1904)."""
    contrast = (inclusion**2 - host**2) / (inclusion**2 + 2 * host**2)
    return np.sqrt(host**2 * (1 + 2 * fraction * contrast) / (1 - fraction * contrast))


def test_the_published_films_are_there():
    films = ["cascade-emitter", "cascade-layers", "cascade-mix"]
    films += ["taghipour2023-core", "taghipour2023-doped", "taghipour2023-neutral"]
    assert preset_names() == films


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_number_carries_its_unit_its_kind_and_its_source(name):
    text = (files("dfbdesign.gain") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    assert content.pop("description")
    assert content.pop("source")
    assert content.keys() == GainFilm.model_fields.keys() - {"preset"}
    for field, entry in content.items():
        assert entry.keys() == {"value", "kind", "source"}
        assert entry["kind"] in ("measured", "assumed", "fitted")
        assert len(entry["source"]) > 15
        assert isinstance(entry["value"], str) == (field in QUANTITIES | {"doping_distribution"})


def test_the_facts_cover_every_number_of_the_film(film):
    named = {fact.name for fact in film.facts}
    assert named == {field.name for field in fields(Film)} - {"name", "source", "facts"}


def test_facts_are_written_as_a_device_file_writes_them():
    texts = {fact.name: fact.text for fact in preset("doped").facts}
    assert texts["dot_diameter"] == "5 nm"
    assert texts["band_edge_absorption"] == "4100 1/cm"
    assert resolve_film(GainFilm(preset="taghipour2023-doped")).dot_diameter == 5 * nm


def test_a_given_field_replaces_the_preset_and_says_so():
    film = preset("doped", dot_diameter="5.95 nm", absorbed_fraction=0.25)
    assert (film.dot_diameter, film.absorbed_fraction) == (5.95 * nm, 0.25)
    assert film.packing_fraction == preset("doped").packing_fraction
    kinds = {fact.name: fact.kind for fact in film.facts}
    assert kinds["dot_diameter"] == kinds["absorbed_fraction"] == "given"
    assert kinds["packing_fraction"] == "assumed"


def test_a_film_of_given_fields_alone_needs_no_preset():
    published = preset("doped")
    own = {name: getattr(published, name) for name in GainFilm.model_fields if name != "preset"}
    film = resolve_film(GainFilm(**own))
    assert {fact.kind for fact in film.facts} == {"given"}
    assert replace(film, name="", source="", facts=()) == replace(
        published, name="", source="", facts=()
    )


def test_the_doped_film_absorbs_an_eighth_without_pump_and_the_neutral_one_all():
    assert_allclose(unpumped_absorption(preset("doped")), preset("doped").band_edge_absorption / 8)
    neutral = preset("neutral")
    assert_allclose(unpumped_absorption(neutral), neutral.band_edge_absorption)


def test_gain_runs_from_unpumped_absorption_to_the_largest(film):
    gain = material_gain(film, np.geomspace(1e-9, 1e3, 50))
    assert np.all(np.diff(gain) >= 0)
    assert_allclose(gain[0], -unpumped_absorption(film), rtol=1e-8)
    assert_allclose(gain[-1], film.largest_gain, rtol=1e-12)


def test_a_red_shift_raises_the_largest_gain_above_the_absorption():
    film = preset("neutral", absorption_over_emission=0.8)
    assert film.largest_gain == pytest.approx(film.band_edge_absorption / 0.8)
    assert_allclose(material_gain(film, 1e3), film.largest_gain, rtol=1e-12)
    assert_allclose(material_gain(film, excitons_for_gain(film, 0.05)), 0.05, rtol=1e-12)
    assert float(excitons_for_gain(film, 0)) < float(excitons_for_gain(preset("neutral"), 0))


def test_doped_transparency_costs_the_omega_constant_in_published_excitons():
    # 0.871 excitons at 160 uJ/cm2 by hand from SI constants, and W(1) excitons needed
    photons = 160e-2 / (6.62607015e-34 * 299792458 / 1030e-9)
    excitons = 0.19 * photons / (0.74 * 160e-9 / (np.pi * 5.0e-9**3 / 6))
    threshold = threshold_fluence(preset("doped"), 0.0, PUMP) / FLUENCE
    # W(1) leaves out the dots with more than eight excitons: 1e-8
    assert_allclose(threshold, 160 * lambertw(1).real / excitons, rtol=1e-7)


def test_threshold_fluence_undoes_gain_at_a_fluence(film):
    gain = np.array([0, 16, 100, 2000]) / cm
    fluence = threshold_fluence(film, gain, PUMP)
    back = material_gain(film, excitons_at_fluence(film, fluence, PUMP))
    assert_allclose(back, gain, atol=1e-12)


def test_the_fitted_absorption_returns_the_measured_net_modal_gain():
    film = preset("doped")
    excitons = excitons_at_fluence(film, 2200 * FLUENCE, PUMP)
    for loss in (34, 103):  # published: layered film, emitter-only film [1/cm]
        net = CONFINEMENT * material_gain(film, excitons) * cm - loss
        assert abs(net - 2180) < 180


def test_the_fitted_absorption_is_that_of_bulk_lead_sulfide_in_ligands_within_a_factor():
    # bulk PbS at 1653 nm (Palik), at the volume fractions that also give the index of the film
    # and its absorption at 1030 nm; the exciton peak and the shift from it are both left out
    fitted = preset("doped").band_edge_absorption * cm
    for fraction in (0.48, 0.50, 0.55):
        index = bulk_lead_sulfide_film(4.2367 + 0.3477j, 1.6, fraction)
        absorption = 4 * np.pi * index.imag / 1.6531e-4
        assert 1 / 1.6 < absorption / fitted < 1.6


def test_films_of_the_same_dots_share_absorption_and_packing():
    doped, neutral = preset("doped"), preset("neutral")
    shared = "band_edge_absorption", "packing_fraction", "absorbed_fraction"
    assert [getattr(doped, name) for name in shared] == [getattr(neutral, name) for name in shared]


def test_with_the_dots_own_diameter_neutral_transparency_falls_on_the_measured_laser_threshold():
    film = preset("neutral", dot_diameter="5.95 nm", absorption_over_emission=1.0)
    assert threshold_fluence(film, 0, PUMP) / FLUENCE == pytest.approx(430, rel=0.03)


def test_the_alternative_doping_needs_a_distribution():
    with pytest.raises(InputError, match=r'whole number with the "fixed" .* got 7\.4'):
        preset("doped", doping=7.4)
    film = preset("doped", doping=7.4, doping_distribution="binomial")
    assert float(excitons_for_gain(film, 0)) == pytest.approx(0.4296, abs=5e-5)


def test_a_gain_beyond_the_film_names_both_in_per_cm():
    with pytest.raises(PhysicsError, match=r"5000 1/cm is needed.*less than 4100 1/cm"):
        excitons_for_gain(preset("doped"), np.array([10, 5000]) / cm)


def test_an_evenly_filled_film_has_the_gain_of_its_dots(film):
    excitons = np.array([0.0, 0.5, 4.0])
    found = depth_gain(film, excitons, np.ones(5), np.arange(5.0))
    assert_allclose(found, material_gain(film, excitons), atol=1e-14)


def test_depths_fill_by_themselves_not_by_their_mean():
    # half the dots without, half with twice the excitons; and the mode may see but one half
    film, n = preset("doped"), 0.8
    halves = material_gain(film, [0.0, 2 * n])
    assert_allclose(depth_gain(film, n, [0, 2], [1, 1]), halves.mean())
    assert_allclose(depth_gain(film, n, [0, 2], [0, 3]), halves[1])


@pytest.mark.parametrize("name", ["doped", "neutral"])
def test_uneven_filling_costs_excitons_as_the_square_of_the_unevenness(name):
    film, depth = preset(name), (np.arange(200) + 0.5) / 200
    even = float(excitons_for_gain(film, 0.0))
    sizes, costs = np.array([0.4, 0.2, 0.1]), []
    for size in sizes:
        profile = 1 + size * np.cos(np.pi * depth)
        found = depth_excitons_for_gain(film, 0.0, profile, np.ones(200))
        costs.append(found - even)
        assert abs(float(depth_gain(film, found, profile, np.ones(200)))) < 1e-10
    assert min(costs) > 0
    assert np.polyfit(np.log(sizes), np.log(costs), 1)[0] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: depth_gain(preset("doped"), 1.0, [1, 1], [0, 0]), "weight must hold"),
        (lambda: preset("dopd"), 'unknown. Did you mean "taghipour2023-doped"'),
        (lambda: resolve_film(GainFilm(doping=7)), r"film doping_distribution is missing\. Give"),
        (lambda: preset("doped", doping=9), r"doping must lie in \[0, 8\]"),
        (lambda: preset("doped", dot_diameter=0), "dot_diameter"),
        (lambda: excitons_for_gain(preset("doped"), np.nan), "must be finite"),
        (
            lambda: threshold_fluence(preset("doped"), 0.0, 1500 * nm),
            "0.19 of the film belongs to a pump at 1030 nm, the pump is at 1500 nm",
        ),
        (lambda: excitons_at_fluence(preset("doped"), 1.0, 1160 * nm), "the pump is at 1160 nm"),
    ],
)
def test_wrong_input_is_named_with_its_remedy(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
