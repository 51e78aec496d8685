"""No mode missed, none invented."""

from dataclasses import replace
from importlib import import_module
from math import atan, inf, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from unit_cells import cells_of, device, labelled, tm_device

from dfbdesign.device import Device, Grating, Layer, Lines, Target
from dfbdesign.errors import NoGuidedMode
from dfbdesign.materials import Axis, uniaxial
from dfbdesign.solvers.cell_coupling import pairs
from dfbdesign.solvers.contours import anomalies
from dfbdesign.solvers.convergence import Solved
from dfbdesign.solvers.mode_search import joined
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import nm

# --- completeness -------------------------------------------------------------------------------


def test_two_edges_a_hundredth_of_a_nanometre_apart_both_come_back() -> None:
    split = []
    for duty in (0.4998, 0.5012):
        found = modes(device(duty))
        assert sorted(mode.label for mode in found.modes) == ["bright", "dark"]
        split.append(labelled(found, "dark").wavelength - labelled(found, "bright").wavelength)
    duty = brentq(
        lambda value: (
            labelled(modes(device(value)), "dark").wavelength
            - labelled(modes(device(value)), "bright").wavelength
            - 0.01 * nm
        ),
        0.49,
        0.52,
        xtol=1e-6,
    )
    found = modes(device(duty))
    assert labelled(found, "dark").wavelength - labelled(found, "bright").wavelength == (
        pytest.approx(0.01 * nm, rel=0.05)
    )


@pytest.mark.parametrize("target", [1572, 1620, 1720, 1774, 1779])
def test_pair_is_the_same_wherever_the_target_lies(target: float) -> None:
    # at 1572 and 1774 nm the border of the window runs between the edges
    reference, moved = modes(device(0.3)), modes(device(0.3, target=target * nm))
    assert moved.kappa == pytest.approx(reference.kappa, rel=1e-8)
    for here, there in zip(reference.modes, moved.modes, strict=True):
        assert there.wavenumber == pytest.approx(here.wavenumber, rel=1e-10)
        assert there.label == here.label


def test_modes_on_both_sides_of_a_rayleigh_anomaly_come_back() -> None:
    # TM: the guided pair lies at 1516 nm, first orders open in the substrate below 1510.3 nm
    low = tm_device(0.3, film_thickness=160 * nm, target=1500 * nm)
    high = low.model_copy(update={"target": Target(wavelength=1525 * nm)})
    below, above = modes(low, accuracy=1e-5), modes(high, accuracy=1e-5)
    assert len(above.modes) == 2
    for mode in above.modes:
        assert min(abs(mode.wavenumber - other.wavenumber) for other in below.modes) < 1e-5


@pytest.mark.parametrize("along", [1.5, 2.2])
def test_te_modes_never_see_the_index_along_the_optic_axis(along: float) -> None:
    # ordinary index 1.80: first orders open in the substrate below 1557 nm, amid the search
    for order in (1, 2):
        change = {"period": 432.5 * nm * order, "order": order, "target": 1610 * nm}
        plain = modes(device(0.3, substrate=1.80, **change))
        axial = modes(device(0.3, substrate=uniaxial(1.80, along), **change))
        assert len(plain.modes) == 2
        for here, there in zip(plain.modes, axial.modes, strict=True):
            assert there.wavenumber == pytest.approx(here.wavenumber, rel=1e-11)
            assert there.label == here.label


@pytest.mark.parametrize(("polarization", "axis"), [("TE", "ordinary"), ("TM", "extraordinary")])
def test_search_is_divided_where_an_order_grazes_the_dispersive_substrate(
    polarization: str, axis: Axis
) -> None:
    made = device(0.3, substrate="sapphire-c", polarization=polarization)
    lateral = 2 * pi / 0.865
    sapphire = made.substrate.material
    grazing = brentq(
        lambda k: k * float(sapphire.index(2 * pi / k, axis).real) - lateral, 4.0, 4.4, xtol=1e-14
    )
    centre = 1.001 * grazing  # dispersion is continued to first order from the target
    found = anomalies(replace(cells_of(made, 8), about=centre), centre)[0, 1]
    assert min(abs(k / grazing - 1) for k in found) < 1e-7


def test_odd_mode_that_reaches_a_substrate_of_high_index_leaks() -> None:
    buffered = device(0.3, substrate=3.5)
    buffered = buffered.model_copy(
        update={"layers": (Layer(thickness=600 * nm, material=1.746), *buffered.layers)}
    )
    dark = labelled(modes(buffered), "dark")  # tunnels through 600 nm into silicon
    k = 2 * pi / dark.wavelength
    decay = np.exp(-2 * 0.6 * sqrt((2 * pi / 0.865) ** 2 - (1.746 * k) ** 2))
    assert 0.1 / decay < dark.quality_factor < 1000 / decay


def test_film_thicker_than_interfaces_can_tell_apart_is_complete() -> None:
    # 5 guided modes per parity share the first harmonic and two interfaces: phase condition counts
    made = Device(
        substrate=1.45, superstrate=1.45,
        layers=[Layer(thickness=6.0, material=2.0, lines=Lines(material=2.0, duty=0.4))],
        grating=Grating(period=0.85), target=Target(wavelength=1.6),
    )  # fmt: skip
    beta, expected = 2 * pi / 0.85, []
    for order in range(40):

        def phase(k: float, order: int = order) -> float:
            q = sqrt((2.0 * k) ** 2 - beta**2)
            return q * 6.0 - 2 * atan(sqrt(beta**2 - (1.45 * k) ** 2) / q) - order * pi

        low, high = beta / 2.0 * (1 + 1e-12), beta / 1.45 * (1 - 1e-12)
        if phase(low) < 0 < phase(high):
            expected.append(float(brentq(phase, low, high, xtol=1e-13)))
    expected = [k for k in expected if abs(2 * pi / k / 1.6 - 1) < 0.06]
    assert len(expected) >= 4
    found = [mode.wavenumber for mode in modes(made).modes if mode.quality_factor == inf]
    assert len(found) == 2 * len(expected)
    for k in expected:
        assert sum(abs(k - other) < 1e-10 * k for other in found) == 2


def test_edges_of_different_slab_modes_are_not_taken_for_a_pair() -> None:
    found = modes(device(0.35, film_thickness=3000 * nm, target=1700 * nm))
    even, odd = found.band_edges
    assert abs(even.wavenumber - odd.wavenumber) < 0.02
    assert 2.3 < found.n_group < 3.2
    stranger = max(
        (mode for mode in found.modes if mode.label == "dark"),
        key=lambda mode: abs(mode.wavenumber - odd.wavenumber),
    )
    assert abs(stranger.wavenumber - odd.wavenumber) > 0.02
    both = Solved(even.cells, joined([even.found, stranger.found]), np.empty(0))
    centre = (even.wavenumber.real + stranger.wavenumber.real) / 2
    assert [len(part) for part in pairs(both, centre, 2)] == [0, 0, 0, 0]
    pair = Solved(even.cells, joined([even.found, odd.found]), np.empty(0))
    assert pairs(pair, centre, 2)[3] == pytest.approx([found.n_group], rel=1e-9)


INDEX = st.one_of(
    st.floats(1.0, 3.0),
    st.builds(complex, st.floats(1.5, 2.8), st.floats(1e-5, 5e-3)),
    st.builds(lambda n, r: uniaxial(n, n * r), st.floats(1.5, 2.6), st.floats(0.95, 1.05)),
)
LAYERS = st.lists(
    st.tuples(
        st.floats(0.02, 0.5), INDEX, st.one_of(st.none(), st.tuples(INDEX, st.floats(0.02, 0.98)))
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    layers=LAYERS,
    substrate=st.one_of(st.floats(1.3, 1.8), st.just(3.5)),
    polarization=st.sampled_from(["TE", "TM"]),
    order=st.sampled_from([1, 2, 3]),
    n_eff=st.floats(1.5, 2.3),
)
def test_a_search_returns_as_many_modes_as_the_contour_counts_and_none_that_grows(
    layers: list[tuple[float, object, tuple[object, float] | None]],
    substrate: float,
    polarization: str,
    order: int,
    n_eff: float,
) -> None:
    made = Device(
        polarization=polarization, substrate=substrate, superstrate=1.0,
        layers=[
            Layer(
                thickness=thickness, material=fill, gain=True,
                lines=Lines(material=lines[0], duty=lines[1]) if lines else None,
            )
            for thickness, fill, lines in layers
        ],
        grating=Grating(period=order * 1.6 / (2 * n_eff), order=order),
        target=Target(wavelength=1.6),
    )  # fmt: skip
    try:
        found = modes(made, accuracy=1e-3)
    except NoGuidedMode:
        return
    lossless = all(abs(material.permittivity(1.6).imag) == 0 for material in made.materials())
    for mode in found.modes:
        assert mode.quality_factor > 0
        assert mode.quality_factor == inf or mode.quality_factor < 1e11
        if (
            lossless
            and order == 2
            and mode.label == "dark"
            and substrate * made.need_grating().period < mode.wavelength
        ):
            assert mode.quality_factor == inf
        if mode.label == "guided" and lossless:
            assert mode.quality_factor == inf
    for first in found.modes:
        twins = [
            other
            for other in found.modes
            if other.parity == first.parity and abs(other.wavenumber - first.wavenumber) < 1e-9
        ]
        assert twins == [first]


@pytest.mark.parametrize("counted", [True, False])
def test_a_sweep_shared_among_threads_equals_its_parts(monkeypatch, counted) -> None:
    module = import_module("dfbdesign.solvers.unit_cell")
    duty = np.linspace(0.2, 0.8, 9)
    whole, alone = (
        module.band_edges(device(0.3), {"layers.0.lines.duty": part}, counted=counted)
        for part in (duty, duty[4:5])
    )
    monkeypatch.setattr(module, "TOGETHER", 2)
    shared = module.band_edges(device(0.3), {"layers.0.lines.duty": duty}, counted=counted)
    for name in ("wavenumber", "n_group", "gain_slope", "threshold_gain"):
        assert_allclose(getattr(shared, name), getattr(whole, name), rtol=1e-12, atol=1e-15)
        assert_allclose(getattr(alone, name)[0], getattr(whole, name)[4], rtol=1e-12, atol=1e-15)
