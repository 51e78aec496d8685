"""Slab modes of a device, their fields and leaks: conservation laws and Fourier integrals."""

from itertools import pairwise
from math import pi

import numpy as np
import pytest

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.solvers.multilayer import Stack, cutoff_thickness, guided, leaky
from dfbdesign.solvers.multilayer_field import profile
from dfbdesign.solvers.slab import chromatic_dispersion, slab, stack_of
from dfbdesign.units import SPEED_OF_LIGHT, nm, um


def patterned(**kwargs):
    return Device(
        substrate="sapphire-c",
        layers=[
            Layer(
                thickness=50 * nm,
                material="cqd-film",
                lines=Lines(material="tio2-ald", duty=0.35),
            ),
            Layer(thickness=240 * nm, material="cqd-film", gain=True),
        ],
        superstrate="air",
        grating=Grating(period=870 * nm),
        target=Target(wavelength=1.6),
        **kwargs,
    )


def test_group_index_equals_the_finite_difference_over_wavelength():
    device, step = patterned(), 1e-4
    modes = slab(device).modes
    assert {mode.polarization for mode in modes} == {"TE", "TM"}
    for number, mode in enumerate(modes):
        up, down = (slab(device, 1.6 + sign * step).modes[number].n_eff for sign in (1, -1))
        slope = (up - down).real / (2 * step)
        assert mode.n_group == pytest.approx(mode.n_eff.real - 1.6 * slope, abs=1e-6)


def test_modal_gain_is_confinement_times_material_gain():
    for polarization in ("TE", "TM"):
        device = Device(
            substrate={"material": {"index": 1.744}},
            layers=[
                Layer(thickness=300 * nm, material={"index": 2.6}),
                Layer(thickness=40 * nm, material={"index": 1.8}),
            ],
            superstrate="air",
        )
        confinement = slab(device, 1.6).fundamental(polarization).confinement
        for layer in (0, 1):
            index = device.layers[layer].material.index(1.6) - 1e-6j
            amplifying = changed(device, {f"layers.{layer}.material": complex(index)})
            n_eff = slab(amplifying, 1.6).fundamental(polarization).n_eff
            assert -n_eff.imag / 1e-6 == pytest.approx(confinement[layer], rel=1e-6)


def test_confinement_of_a_thick_film_exceeds_one_as_slow_light_does():
    stack = Stack.of(1.55, [0.25], [1.0, 3.4, 1.0])
    along, _ = profile(stack, "TE", guided(stack, "TE")[0]).sensitivity()
    assert 2 * 3.4 * along[1].real > 1


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_field_obeys_the_wave_equation_and_the_boundary_conditions(polarization):
    stack = Stack.of(1.66, [0.15, 8.0, 0.35, 3.0], [1.744, 2.2, 1.6, 2.6 + 0.01j, 1.2, 1.0])
    n_eff = guided(stack, polarization)[0]
    mode = profile(stack, polarization, n_eff)
    edges, k0, h = np.r_[0, np.cumsum(stack.thickness)], 2 * pi / 1.66, 1e-3
    middles = np.r_[-0.3, (edges[1:] + edges[:-1]) / 2, edges[-1] + 0.3]
    u = np.array([mode.field(middles + s * h) for s in (-1, 0, 1)])
    second = (u[0] + u[2]) / (k0 * h) ** 2 - 2 * u[1] / (k0 * h) ** 2
    assert second / u[1] == pytest.approx(n_eff**2 - stack.ordinary, rel=1e-4)
    a = stack.coefficients(polarization)[0]
    for edge, (below, above) in zip(edges, pairwise(a), strict=True):
        d = 1e-6
        left = mode.field(edge - d * np.arange(3))
        right = mode.field(edge + 1e-12 + d * np.arange(3))
        scale = np.abs(left[0])
        assert abs(left[0] - right[0]) < 1e-9 * scale
        slope_left = (3 * left[0] - 4 * left[1] + left[2]) / (2 * d) / below
        slope_right = -(3 * right[0] - 4 * right[1] + right[2]) / (2 * d) / above
        assert slope_left == pytest.approx(slope_right, abs=2e-8 * scale / d)


def test_absorbed_power_is_what_the_mode_loses():
    stack = Stack.of(1.66, [0.3, 0.2], [1.744, 2.6 + 0.01j, 1.9 - 0.003j, 1.0])
    n_eff = guided(stack, "TE")[0]
    z = np.linspace(-6, 6, 240001)
    u = np.abs(profile(stack, "TE", n_eff).field(z)) ** 2
    medium = np.searchsorted([0, 0.3, 0.5], z)
    assert (n_eff**2).imag == pytest.approx(
        (stack.ordinary[medium].imag * u).sum() / u.sum(), rel=3e-4
    )


def test_leaky_mode_loses_what_radiates_into_the_substrate():
    stack = Stack.of(1.55, [1.0, 0.6], [3.478, 1.444, 2.0, 1.0])
    n_eff = leaky(stack, "TE")[0]
    mode = profile(stack, "TE", n_eff)
    z = np.linspace(0, 8, 160001)
    k0, u = 2 * pi / 1.55, mode.field(z)
    stored = np.trapezoid(np.abs(u) ** 2, k0 * z)
    below = mode.field(np.array([-1e-5, 0.0]))
    flux = -np.imag(np.conj(below[1]) * (below[1] - below[0]) / (k0 * 1e-5))  # downwards
    assert flux > 0
    assert (n_eff**2).imag * stored == pytest.approx(flux, rel=1e-4)


def test_leaky_mode_is_outgoing_and_grows_away_from_the_film():
    stack = Stack.of(1.55, [1.0, 0.6], [3.478, 1.444, 2.0, 1.0])
    for polarization in ("TE", "TM"):
        mode = profile(stack, polarization, leaky(stack, polarization)[0])
        down = mode.field([-1.0, -1.01])
        assert np.angle(down[1] / down[0]) > 0  # the phase of exp(-iωt) advances downwards
        assert abs(down[1]) > abs(down[0])
        up = mode.field([3.0, 3.1])
        assert abs(up[1]) < abs(up[0])


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_leak_dies_exponentially_with_the_buffer(polarization):
    bound = guided(Stack.of(1.55, [0.6], [1.444, 2.0, 1.0]), polarization)[0]
    decay = 2 * pi / 1.55 * np.sqrt(bound**2 - 1.444**2).real
    thin, thick = (
        leaky(Stack.of(1.55, [buffer, 0.6], [3.478, 1.444, 2.0, 1.0]), polarization)[0]
        for buffer in (1.0, 1.3)
    )
    assert thin.imag / thick.imag == pytest.approx(np.exp(2 * decay * 0.3), rel=0.02)
    assert abs(thick - bound) < abs(thin - bound) < 1e-3


def test_a_leaky_substrate_may_lie_on_top():
    upright = Stack.of(1.55, [1.0, 0.6], [3.478, 1.444, 2.0, 1.0])
    flipped = Stack.of(1.55, [0.6, 1.0], [1.0, 2.0, 1.444, 3.478])
    for polarization in ("TE", "TM"):
        for search in (guided, leaky):
            assert search(flipped, polarization) == pytest.approx(
                search(upright, polarization), abs=1e-12
            )


def test_patterned_layers_are_averaged_and_named():
    device = patterned()
    assert slab(device).averaged_layers == (1,)
    line, gap = (
        m.permittivity(1.6)
        for m in (device.layers[0].lines.material,) * 1 + (device.layers[0].material,)
    )
    arithmetic, harmonic = 0.35 * line + 0.65 * gap, 1 / (0.35 / line + 0.65 / gap)
    te, tm = (stack_of(device, polarization, 1.6) for polarization in ("TE", "TM"))
    assert te.ordinary[1] == pytest.approx(arithmetic)
    assert tm.ordinary[1] == pytest.approx(harmonic)
    assert tm.extraordinary[1] == pytest.approx(arithmetic)
    sapphire = device.substrate.material
    assert tm.extraordinary[0] == sapphire.permittivity(1.6, "extraordinary")


def test_a_thin_film_says_how_thick_it_must_be():
    thin = Device(
        substrate="sapphire-c",
        layers=[Layer(thickness=80 * nm, material={"index": 2.6})],
        superstrate="air",
    )
    expected = r"no guided TE mode at 1660 nm: the film is below the 87\.4 nm cut-off on n = 1\.744"
    with pytest.raises(NoGuidedMode, match=expected):
        slab(thin, 1660 * nm)
    with pytest.raises(NoGuidedMode, match="no layer has an index above"):
        slab(changed(thin, {"layers.0.material": 1.5}), 1660 * nm)
    thick_for_te = changed(thin, {"layers.0.thickness": 160 * nm})
    with pytest.raises(NoGuidedMode, match="no guided TM mode"):
        slab(thick_for_te, 1660 * nm).fundamental("TM")
    with pytest.raises(NoGuidedMode, match=r"TM mode .* cut-off"):
        slab(changed(thick_for_te, {"polarization": "TM"}), 1660 * nm)
    with pytest.raises(NoGuidedMode, match="no thickness of layer 1"):
        cutoff_thickness(Stack.of(1.66, [0.1], [1.7, 1.5, 1.0]), "TE", 1)


def test_bad_stacks_are_refused_in_one_line():
    with pytest.raises(InputError, match="half-space must not amplify"):
        Stack.of(1.66, [0.1], [1.7 - 1e-6j, 2.0, 1.0])
    with pytest.raises(InputError, match="index must hold substrate, 2 layers"):
        Stack.of(1.66, [0.1, 0.2], [1.7, 2.0, 1.0])
    with pytest.raises(InputError, match="thickness"):
        Stack.of(1.66, [-0.1], [1.7, 2.0, 1.0])
    with pytest.raises(InputError, match="dielectric for TM"):
        guided(Stack.of(1.66, [0.1], [1.7, 0.5 + 10j, 1.0]), "TM")
    with pytest.raises(InputError, match="target"):
        slab(changed(patterned(), {"target": None}))
    with pytest.raises(NotConverged, match="no TE mode at"):
        profile(Stack.of(1.66, [200 * nm], [1.744, 2.6, 1.0]), "TE", 1.9)


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_the_far_field_is_the_fourier_transform_of_the_field_times_the_obliquity(polarization):
    stack = Stack.of(1.55, [3.0, 8.0, 0.2], [1.44, 1.5, 1.46, 1.52 + 0.001j, 1.0])
    mode = profile(stack, polarization, guided(stack, polarization)[1])
    z = np.linspace(-60, 40, 200001)
    angle = np.radians([-40.0, -10.0, 0.0, 3.0, 25.0])
    waves = np.exp(-2j * pi / 1.55 * np.sin(angle)[:, None] * z)
    direct = np.abs(np.cos(angle) * np.trapezoid(waves * mode.field(z), z)) ** 2
    found = mode.far_field(angle)
    assert found / found[2] == pytest.approx(direct / direct[2], rel=1e-6)


def test_the_spectrum_of_a_mode_holds_its_whole_energy():
    stack = Stack.of(1.66, [0.16], [1.744, 2.6, 1.0])
    mode = profile(stack, "TE", guided(stack, "TE")[0])
    q, z = np.linspace(-60, 60, 60001), np.linspace(-8, 8, 80001)
    own = np.trapezoid(np.abs(mode.field(z)) ** 2, 2 * pi / 1.66 * z)
    energy = np.trapezoid(np.abs(mode.spectrum(q)) ** 2, q)
    assert energy == pytest.approx(2 * pi * own, rel=1e-4)


def test_a_wide_guide_of_low_contrast_has_the_far_field_width_of_its_gaussian():
    # Far above cut-off of the second mode the field is nearly a Gaussian: half its squared
    # spectrum lies where k0 w sin θ = sqrt(2 ln 2).
    stack = Stack.of(1.3, [4.0], [3.2, 3.2045, 3.2])
    mode = profile(stack, "TE", guided(stack, "TE")[0])
    z = np.linspace(-40, 44, 20001)
    weight = np.abs(mode.field(z)) ** 2
    spread = np.sqrt(np.sum(weight * (z - 2) ** 2) / weight.sum())
    gaussian = 2 * np.arcsin(np.sqrt(2 * np.log(2)) * 1.3 / (2 * pi * 2 * spread))
    assert mode.far_field_width == pytest.approx(gaussian, rel=0.15)
    assert mode.far_field(np.radians([-5, 5])) == pytest.approx(
        mode.far_field(np.radians([5, -5])), rel=1e-9
    )


def test_a_leaky_mode_has_no_far_field():
    stack = Stack.of(1.55, [1.0, 0.6], [3.478, 1.444, 2.0, 1.0])
    with pytest.raises(InputError, match="guided modes"):
        profile(stack, "TE", leaky(stack, "TE")[0]).far_field(0.0)


def test_dispersion_is_the_second_derivative_of_the_index_with_material_dispersion():
    device, step = patterned(), 4e-3
    for number, mode in enumerate(slab(device).modes):
        if mode.kind != "guided":
            continue
        n = [slab(device, 1.6 + k * step).modes[number].n_eff.real for k in (-1, 0, 1)]
        second = (n[0] - 2 * n[1] + n[2]) / step**2
        expected = -1.6 * second / SPEED_OF_LIGHT
        assert chromatic_dispersion(device, mode) == pytest.approx(expected, rel=2e-3)


def test_field_far_away_is_zero_not_an_overflow():
    mode = slab(patterned()).fundamental("TE")
    assert np.abs(mode.field([-500 * um, 500 * um])).max() == 0
    assert np.abs(mode.field(np.linspace(-1, 1, 200))).max() == pytest.approx(1, abs=0.2)
