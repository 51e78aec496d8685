"""Where the photons of a mode go: books, and the plane waves of the unit cell."""

from math import pi, sqrt

import numpy as np
import pytest
from beam_witness import Bare
from beams import DEVICES, IN_TM, REFERENCE, grating, solved
from hypothesis import given, settings
from hypothesis import strategies as st

from dfbdesign import Device, Layer, PhysicsError, beam, laser, modes, scattering
from dfbdesign.device import PhaseShift, changed
from dfbdesign.gain.film import unpumped_absorption
from dfbdesign.lasers.beam import radiated as surface_power
from dfbdesign.lasers.output import balance, output
from dfbdesign.solvers.cell_radiation import cell_radiation
from dfbdesign.solvers.slab import slab
from dfbdesign.units import nm, um

# --- the books -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEVICES)
def test_every_photon_generated_is_found_again(name):
    found = solved(name)
    for number in range(min(2, len(found.modes))):
        shares = output(found, number)
        assert shares.total == pytest.approx(1, abs=1e-9)
        assert min(vars(shares).values()) >= 0
        # Nothing of it is there by itself: what leaves has to be made.
        assert shares.left + shares.right + shares.film + shares.up + shares.materials > 0.5


def test_film_without_pump_and_lossy_materials_take_their_part():
    assert output(solved("the reference")).materials == 0
    assert output(solved("absorbing film")).materials > 0.3
    assert output(solved("a short stripe")).film > 0.9
    assert output(solved("a quarter-wave shift")).film < 1e-4


def test_film_beside_a_disk_absorbs_where_the_middle_of_its_line_has_gain():
    found = solved("a disk")
    mode = found.modes[0]
    waves, passed = mode.pumped.waves, balance(mode).passed
    even, odd = (waves.centre_slope + side * waves.half_split_slope for side in (1, -1))
    amplified = even.imag * passed[0] + odd.imag * passed[1]
    filling = np.array([stretch.filling for stretch in mode.pumped.stretches])
    assert ((filling > 0.3) & (filling < 0.7)).any()
    beside = (1 - filling) @ amplified * unpumped_absorption(found.film)
    generated = filling @ amplified * mode.threshold_material_gain
    assert output(found).film == pytest.approx(beside / generated, rel=1e-9)


def test_the_surface_radiates_along_x_what_the_books_say():
    for name in DEVICES.keys() - {"first order"}:
        found = beam(solved(name))
        edges = np.linspace(-1, 1, 4001) * found.emitters.extent / 2
        x = (edges[1:] + edges[:-1]) / 2
        for side in ("up", "down"):
            sent = surface_power(found, side, x).sum() * (edges[1] - edges[0])
            assert sent == pytest.approx(getattr(found.output, side), rel=2e-3), name


@settings(max_examples=15, deadline=None)
@given(
    length=st.floats(50, 800), spot=st.floats(0.2, 1.0), duty=st.floats(0.1, 0.9),
    shift=st.floats(10, 400), order=st.sampled_from([1, 2, 3, 4]),
)  # fmt: skip
def test_books_close_for_any_device(length, spot, duty, shift, order):
    made = changed(
        REFERENCE,
        {
            "grating.length": length * um, "grating.period": order * 435 * nm,
            "grating.order": order, "layers.0.lines.duty": duty,
            "pump.spot.length": spot * length * um,
            "grating.phase_shifts": (PhaseShift(position=0.4, shift=shift * nm),),
        },
    )  # fmt: skip
    try:
        found = laser(made)
    except PhysicsError:
        return  # too little gain, or no feedback
    for number in range(len(found.modes)):
        assert output(found, number).total == pytest.approx(1, abs=1e-9)


# --- the unit cell's plane waves -----------------------------------------------------------------


def born(made, order_along_x):
    """Amplitude that R sends up and down into one diffraction order, to first order in contrast."""
    lower = made.layers[0]
    bare = Device(
        substrate=1.746, superstrate=1.0, layers=[Layer(thickness=210 * nm, material=2.53)],
        target=made.target,
    )  # fmt: skip
    mode, k = slab(bare).fundamental("TE"), 2 * pi / made.target.wavelength
    nodes, weights = np.polynomial.legendre.leggauss(20)
    inside = lower.thickness * (nodes + 1) / 2
    everywhere = np.linspace(-3, 3, 60001)
    norm = np.trapezoid(np.abs(mode.field(everywhere)) ** 2, everywhere)
    norm *= mode.n_eff.real * k  # power of the guided wave, as k_z |E|² is that of a plane wave
    number = made.grating.order / 2 - order_along_x
    step = complex(lower.lines.material.permittivity(1.67)) - 2.53**2
    harmonic = step * lower.lines.duty * np.sinc(number * lower.lines.duty)
    source = k**2 * harmonic * mode.field(inside) * weights * lower.thickness / 2
    kx = np.array([2 * pi / made.grating.period * order_along_x])
    out = []
    for up, index in ((True, 1.0), (False, 1.746)):
        sent = (Bare(1.746, 2.53, 0.21).response(k, kx, inside, up) * source).sum()
        out.append(sent * np.sqrt(np.sqrt((index * k) ** 2 - kx[0] ** 2 + 0j).real / norm))
    return np.array(out)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_amplitudes_approach_the_born_approximation_as_the_contrast_falls(order):
    gaps = []
    for contrast in (0.5, 0.25, 0.125):
        made = changed(
            grating(contrast, 100),
            {"grating.order": order, "grating.period": order * 432.5 * nm,
             "grating.length": 100 * order * 432.5 * nm, "layers.0.lines.duty": 0.23},
        )  # fmt: skip
        cell = modes(made)
        found = cell_radiation(cell)
        # At the wavelength of the waves themselves.
        made = changed(made, {"target.wavelength": 4 * pi / sum(
            mode.wavenumber.real for mode in cell.band_edges)})  # fmt: skip
        numbers = found.lateral * made.grating.period / (2 * pi)
        assert numbers == pytest.approx({2: [0], 3: [-0.5, 0.5], 4: [-1, 0, 1]}[order])
        ours = np.stack([found.up, found.down])
        by_r, by_s = ours[:, 0] + ours[:, 1], ours[:, 0] - ours[:, 1]
        assert by_s == pytest.approx(by_r[:, ::-1], rel=1e-9)  # S is R seen in a mirror
        expected = np.stack([born(made, number) for number in numbers], axis=1)
        turn = np.vdot(by_r, expected)
        gaps.append(np.abs(expected - by_r * turn / abs(turn)).max() / np.abs(expected).max())
    assert gaps[2] < 0.02
    assert gaps[0] / gaps[1] == pytest.approx(2, abs=0.4)
    assert gaps[1] / gaps[2] == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_plane_light_resonates_with_the_bright_mode_as_strongly_as_that_radiates(polarization):
    """The pole of r and t at the mode has the residues -2i u u_up / n_g: emission run backwards."""
    made = grating(6, 100) if polarization == "TE" else changed(REFERENCE, IN_TM)
    made = changed(made, {"layers.0.thickness": 80 * nm})
    accuracy = {"TE": 1e-5, "TM": 1e-3}[polarization]  # TM converges slowly at the lines' corners
    cell = modes(made)
    bright, found = cell.band_edges[0], cell_radiation(cell)
    unit = -bright.wavenumber.imag
    offset = np.linspace(-6, 6, 16)
    light = scattering(made, 2 * pi / (bright.wavenumber.real + offset * unit), accuracy=accuracy)
    up, down = found.up[0, 0], found.down[0, 0]
    index = 1.746 if polarization == "TE" else 1 / 1.746  # power over |u|², below and above
    sides = ((light.reflection, up), (light.transmission, down / sqrt(index)))
    for amplitude, out in sides:
        one = amplitude[:, 0]
        columns = np.stack([one, *(offset**power for power in range(4))], axis=1)
        pole, *rest = np.linalg.lstsq(columns, one * offset, rcond=None)[0]
        assert pole == pytest.approx(-1j, abs=1e-2)
        residue = unit * sum(factor * pole**power for power, factor in enumerate(rest))
        assert residue == pytest.approx(-2j * up * out / cell.n_group, rel=1e-2)


def test_what_materials_absorb_is_told_from_what_is_radiated():
    """A dark mode only absorbs; a bright one radiates as without absorption."""
    clear = changed(REFERENCE, {f"layers.{n}.material": 2.52 for n in (0, 1)})
    lossy = changed(REFERENCE, DEVICES["absorbing film"])
    one, other = (cell_radiation(modes(made)) for made in (clear, lossy))
    assert np.abs(one.absorption).max() == 0
    assert other.loss[1] == other.absorption[1] > 0
    assert np.abs(other.up) == pytest.approx(np.abs(one.up), rel=2e-3)
    assert np.abs(other.down) == pytest.approx(np.abs(one.down), rel=2e-3)
