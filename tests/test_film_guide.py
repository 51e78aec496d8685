"""The film as a waveguide for ASE and variable-stripe samples."""

import json
from pathlib import Path

import numpy as np
import pytest

from dfbdesign.device import Device, Layer, Target, changed, load_device
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.solvers.slab import slab
from dfbdesign.units import nm
from dfbdesign.waveguides.film_guide import film_guide, thickness_for_confinement

REFERENCE = Path(__file__).parents[1] / "examples" / "reference.toml"


def film(index=2.6, **others):
    return Device(
        substrate=1.744,
        layers=[Layer(thickness=160 * nm, material=index, gain=True)],
        superstrate=1.0,
        target=Target(wavelength=1660 * nm),
        **others,
    )


def test_the_number_of_modes_changes_at_the_cut_offs():
    cut_offs = film_guide(film(), [100 * nm]).cut_offs
    assert list(cut_offs) == ["TE0", "TE1", "TM0", "TM1"]
    for name, thickness in cut_offs.items():
        around = film_guide(film(), np.array([thickness - 0.01 * nm, thickness + 0.01 * nm]))
        order = int(name[-1])
        assert around.modes[name[:2]].tolist() == [order, order + 1]


def test_confinement_is_that_of_the_slab_and_vanishes_below_cut_off():
    found = film_guide(film(), [50 * nm, 160 * nm])
    assert found.confinement[0] == 0
    assert found.confinement[1] == pytest.approx(slab(film()).fundamental("TE").confinement[0])
    assert found.pump_absorbed is None


def test_the_thickness_for_a_confinement_reaches_it_and_no_more():
    wanted = thickness_for_confinement(film(), 0.7)
    reached, less = film_guide(film(), [wanted, wanted - 0.02 * nm]).confinement
    assert reached >= 0.7 > less
    with pytest.raises(InputError, match="not reached"):
        thickness_for_confinement(film(), 0.99, largest=200 * nm)


def test_a_thicker_film_absorbs_more_of_the_pump_but_for_interference():
    found = film_guide(load_device(REFERENCE), np.array([100, 200, 400]) * nm)
    assert found.layer == 2
    assert np.all(np.diff(found.pump_absorbed) > 0)
    assert 0.05 < found.pump_absorbed[0] < found.pump_absorbed[-1] < 0.6


def test_mistakes_are_said():
    with pytest.raises(InputError, match="one of 1 to 1"):
        film_guide(film(), [100 * nm], layer=2)
    with pytest.raises(InputError, match="no layer carries gain"):
        film_guide(changed(film(), {"layers.0.gain": False}), [100 * nm])
    with pytest.raises(NoGuidedMode, match="no thickness"):
        film_guide(film(1.5), [100 * nm])


def test_the_verb_lists_films_and_finds_a_thickness(dfb):
    words = ("--from", 60, "--to", 300, "--points", 3, "--confinement", 0.7, "--json")
    ran = dfb("film", REFERENCE, *words)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert [row["thickness_nm"] for row in found["films"]] == pytest.approx([60, 180, 300])
    assert 160 < found["thickness_for_confinement_nm"] < 180
    assert found["cut_off_nm"]["TE0"] < 60 < found["cut_off_nm"]["TM0"]
