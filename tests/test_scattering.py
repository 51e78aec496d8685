"""Scattering of plane light against conservation laws, closed forms and resonances."""

from itertools import pairwise
from math import asin, cos, pi, sin

import numpy as np
import pytest

from dfbdesign.device import Device, Grating, Layer, Lines, Target
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.gain.light import Beam, Slice, stack_light
from dfbdesign.materials import uniaxial
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.solvers.scattering import Scattering, scattering
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import deg, nm

ANGLES = np.array([0.0, 20 * deg, -65 * deg])
BOTH = pytest.mark.parametrize("polarization", ["TE", "TM"])
SIDES = pytest.mark.parametrize("side", ["top", "substrate"])


def cell(
    polarization: str = "TE",
    *,
    film: object = 2.53,
    line: object = 2.30,
    substrate: object = 1.746,
    thickness: float = 160 * nm,
    duty: float = 0.3,
    sidewall: float = 90 * deg,
    period: float = 865 * nm,
    target: float = 1670 * nm,
) -> Device:
    """The reference cell, or one that differs from it in what is named."""
    lines = Lines(material=line, duty=duty, sidewall=sidewall)
    return Device(
        polarization=polarization,
        substrate=substrate,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=2.53, lines=lines),
            Layer(thickness=thickness, material=film, gain=True),
        ],
        grating=Grating(period=period),
        target=Target(wavelength=target),
    )


def balance(found: Scattering) -> float:
    """Largest distance of R + T + A from one."""
    total = found.total_reflectance + found.total_transmittance + found.total_absorptance
    return float(np.abs(total - 1).max())


# --- conservation laws ---------------------------------------------------------------------------


@BOTH
@SIDES
@pytest.mark.parametrize("film", [2.53, 2.53 + 0.05j, 2.53 - 0.01j, 0.3 + 3.0j])
def test_reflectance_transmittance_and_absorptance_sum_to_one(
    polarization: str, side: str, film: complex
) -> None:
    found = scattering(
        cell(polarization, film=film, line=2.30 + 0.1j if np.imag(film) else 2.30),
        np.array([[700 * nm], [1030 * nm]]), ANGLES, side, accuracy=1e-3,
    )  # fmt: skip
    assert len(found.orders) >= 4  # several orders are open
    assert balance(found) < 1e-10
    assert np.abs(found.transmittance.sum(axis=-1) - found.total_transmittance).max() < 1e-10
    if np.imag(film) == 0:
        assert np.abs(found.absorptance).max() == 0
    else:
        assert np.all(np.sign(found.absorptance[..., 1]) == np.sign(np.imag(film)))
        assert found.gain_absorptance == pytest.approx(found.absorptance[..., 1], abs=1e-14)


@BOTH
def test_slanted_uniaxial_absorbing_lines_conserve_power(polarization: str) -> None:
    made = cell(polarization, line=uniaxial(1.9 + 0.2j, 1.6 + 0.1j), sidewall=75 * deg)
    found = scattering(made, 900 * nm, ANGLES, accuracy=1e-3)
    assert np.all(found.absorptance[..., 0] > 0.01)
    assert balance(found) < 1e-10


@BOTH
def test_light_that_enters_an_absorbing_substrate_counts_as_transmitted(polarization: str) -> None:
    found = scattering(cell(polarization, substrate=3.7 + 0.01j), 800 * nm, ANGLES, accuracy=1e-3)
    assert np.all(found.total_transmittance > 0.1)
    assert balance(found) < 1e-10


def pick(found: Scattering, order: int, transmitted: bool) -> tuple[complex, float]:
    """Amplitude and angle of one order of a single wave."""
    place = int(np.searchsorted(found.orders, order))
    if transmitted:
        return complex(found.transmission[place]), float(found.transmission_angle[place])
    return complex(found.reflection[place]), float(found.reflection_angle[place])


@BOTH
@pytest.mark.parametrize("film", [2.53, 2.53 + 0.05j])
@pytest.mark.parametrize(
    ("side", "transmitted", "order"),
    [
        ("top", False, 0),
        ("top", False, -1),
        ("substrate", False, -1),
        ("substrate", False, 1),
        ("top", True, 0),
        ("top", True, -1),
        ("top", True, -2),
    ],
)
def test_swapped_incident_and_detected_orders_have_reciprocal_amplitudes(
    polarization: str, film: complex, side: str, transmitted: bool, order: int
) -> None:
    made = cell(polarization, film=film)
    wavelength, angle = 800 * nm, 17 * deg
    there, leaving = pick(
        scattering(made, wavelength, angle, side, accuracy=1e-3), order, transmitted
    )
    back_side = {"top": "substrate", "substrate": "top"}[side] if transmitted else side
    back = scattering(made, wavelength, -leaving, back_side, accuracy=1e-3)
    again, returned = pick(back, order, transmitted)

    def weight(where: str, direction: float) -> float:
        """p k_z / k, with which the amplitude of a unit source is symmetric."""
        index = {"top": 1.0, "substrate": 1.746}[where]
        return cos(direction) * (index if polarization == "TE" else 1 / index)

    assert abs(there) > 0.01
    assert returned == pytest.approx(-angle, abs=1e-12)
    assert there * weight(back_side, leaving) == pytest.approx(
        again * weight(side, angle), abs=1e-10
    )


@BOTH
@pytest.mark.parametrize("turns", [0.5, -0.5, 1.0, -1.0])
def test_angles_at_which_even_and_odd_fields_part_are_no_exception(
    polarization: str, turns: float
) -> None:
    # alone, such an angle is solved in cosines and sines; among others, in degenerate waves
    wavelength = 600 * nm
    angle = asin(turns * wavelength / (865 * nm))
    made = cell(polarization, film=2.53 + 0.05j)
    alone = scattering(made, wavelength, angle, accuracy=1e-5)
    among = scattering(made, wavelength, [angle, angle + 1e-7, 0.1], accuracy=1e-5)
    assert balance(alone) < 1e-10
    assert balance(among) < 1e-10
    shown = np.isin(among.orders, alone.orders)
    for place in (0, 1):
        assert among.reflection[place, shown] == pytest.approx(alone.reflection, abs=2e-5)
        assert among.transmission[place, shown] == pytest.approx(alone.transmission, abs=2e-5)


# --- closed forms --------------------------------------------------------------------------------


def fresnel(
    polarization: str,
    sheets: list[tuple[complex, complex, float]],
    ends: tuple[tuple[complex, complex], tuple[complex, complex]],
    k: float,
    angle: float,
) -> tuple[complex, complex]:
    """Airy recursion of (ε_x, ε_z, thickness) from the incidence side: reflection, transmission."""
    (x, z), last = ends
    index = (
        np.sqrt(x)
        if polarization == "TE"
        else 1 / np.sqrt(sin(angle) ** 2 / z + cos(angle) ** 2 / x)
    )
    lateral = k * index * sin(angle)
    waves = []
    for across, along, _ in [(x, z, 0.0), *sheets, (*last, 0.0)]:
        if polarization == "TE":
            along_z = np.sqrt(k**2 * across - lateral**2 + 0j)
            waves.append((along_z, along_z))
        else:
            along_z = np.sqrt(across * (k**2 - lateral**2 / along) + 0j)
            waves.append((along_z, along_z / across))
    # interface matrices times phases, multiplied from the incidence side
    total = np.eye(2, dtype=complex)
    for number, (wave, following) in enumerate(pairwise(waves)):
        if number:
            phase = np.exp(-1j * wave[0] * sheets[number - 1][2])
            total = total @ np.diag([phase, 1 / phase])
        ratio = following[1] / wave[1]
        total = total @ (np.array([[1 + ratio, 1 - ratio], [1 - ratio, 1 + ratio]]) / 2)
    return total[1, 0] / total[0, 0], 1 / total[0, 0]


@BOTH
@SIDES
@pytest.mark.parametrize("patterned", [False, True])
def test_uniform_stack_is_fresnel(polarization: str, side: str, patterned: bool) -> None:
    # with lines of the film's own material, and between other layers; uniaxial sapphire below
    sapphire, film = uniaxial(1.746, 1.738), 2.4 + 0.05j
    lines = Lines(material=film, duty=0.4) if patterned else None
    made = Device(
        polarization=polarization,
        substrate=sapphire,
        superstrate=1.3,
        layers=[
            Layer(thickness=90 * nm, material=1.5),
            Layer(thickness=210 * nm, material=film, lines=lines),
            Layer(thickness=120 * nm, material=uniaxial(1.9, 2.1)),
        ],
        grating=Grating(period=865 * nm) if patterned else None,
    )
    sheets = [(1.5**2, 1.5**2, 0.09), (film**2, film**2, 0.21), (1.9**2, 2.1**2, 0.12)]
    ends = (1.746**2, 1.738**2), (1.3**2, 1.3**2)
    wavelengths = np.array([0.6, 1.03])
    found = scattering(made, wavelengths[:, None], ANGLES, side)
    assert balance(found) < 1e-10
    assert np.abs(found.transmittance.sum(axis=-1) - found.total_transmittance).max() < 1e-10
    specular = int(np.searchsorted(found.orders, 0))
    assert np.abs(np.delete(found.reflection, specular, axis=-1)).max(initial=0.0) < 1e-10
    for i, wavelength in enumerate(wavelengths):
        for j, angle in enumerate(ANGLES):
            stack = (sheets, ends) if side == "substrate" else (sheets[::-1], ends[::-1])
            reflection, transmission = fresnel(polarization, *stack, 2 * pi / wavelength, angle)
            assert abs(found.reflection[i, j, specular] - reflection) < 1e-10
            assert abs(found.transmission[i, j, specular] - transmission) < 1e-10


def test_orders_leave_at_the_angles_of_the_grating_equation() -> None:
    angle, wavelength = 17 * deg, 600 * nm
    found = scattering(cell(), wavelength, angle)
    lateral = sin(angle) + found.orders * wavelength / (865 * nm)
    for ended, index in ((found.reflection_angle, 1.0), (found.transmission_angle, 1.746)):
        open_ = np.abs(lateral) < index
        assert np.array_equal(np.isfinite(ended), open_)
        assert np.sin(ended[open_]) == pytest.approx(lateral[open_] / index, abs=1e-14)
    assert np.all(found.reflectance[~np.isfinite(found.reflection_angle)] == 0)


@BOTH
def test_a_fine_grating_becomes_the_effective_medium(polarization: str) -> None:
    # ε along the lines: the mean; across them: the harmonic mean (Rytov, JETP 2, 466 (1956))
    line, gap, duty = 2.0, 1.5, 0.4
    mean = duty * line**2 + (1 - duty) * gap**2
    harmonic = 1 / (duty / line**2 + (1 - duty) / gap**2)
    smeared = uniaxial(np.sqrt(mean if polarization == "TE" else harmonic), np.sqrt(mean))

    def stack(material: object, period: float | None) -> complex:
        layer = Layer(
            thickness=300 * nm, material=material,
            lines=None if period is None else Lines(material=line, duty=duty),
        )  # fmt: skip
        grating = None if period is None else Grating(period=period)
        made = Device(
            polarization=polarization, substrate=1.45, superstrate=1.0, layers=[layer],
            grating=grating,
        )  # fmt: skip
        return complex(scattering(made, 1.0, 35 * deg, accuracy=1e-7).reflection[0])

    limit = stack(smeared, None)
    gaps = [abs(stack(gap, period) - limit) for period in (0.06, 0.03, 0.015)]
    rates = np.log2(np.array(gaps[:-1]) / gaps[1:])
    assert gaps[-1] < 1e-3
    assert rates[-1] > (1.85 if polarization == "TE" else 0.9)


# --- independent calculations --------------------------------------------------------------------


@BOTH
@SIDES
def test_the_gap_to_another_fourier_modal_code_closes_with_its_orders(
    polarization: str, side: str
) -> None:
    film, line, wavelength, angle = 2.53 + 0.05j, 2.30 + 0.1j, 800 * nm, 20 * deg
    made = cell(polarization, film=film, line=line)
    exact = scattering(made, wavelength, angle, side, accuracy=1e-7)
    sheets = (Slice(50 * nm, 2.53, line, 0.3), Slice(160 * nm, film))
    first, last = (1.746, 1.0) if side == "substrate" else (1.0, 1.746)
    counts, gaps = np.array([8, 16, 32, 64]), []
    for orders in counts:
        light = stack_light(
            first,
            sheets if side == "substrate" else sheets[::-1],
            last,
            Beam(wavelength, angle, polarization),
            865 * nm,
            int(orders),
        )
        shown = np.searchsorted(light.orders, exact.orders)
        absorbed = light.absorbed if side == "substrate" else light.absorbed[::-1]
        gaps.append(
            max(
                np.abs(light.reflection[shown] - exact.reflection).max(),
                np.abs(absorbed - exact.absorptance).max(),
            )
        )
    assert gaps[-1] < (2e-6 if polarization == "TE" else 2e-4)
    assert np.log2(gaps[0] / gaps[-1]) / 3 > (2.5 if polarization == "TE" else 1.5)


@BOTH
def test_stairs_of_rectangular_lines_tend_to_the_slanted_lines(polarization: str) -> None:
    height, duty, slope, wavelength, angle = 100 * nm, 0.4, 70 * deg, 800 * nm, 20 * deg

    def reflection(layers: list[Layer]) -> np.ndarray:
        made = Device(
            polarization=polarization, substrate=1.746, superstrate=1.0, layers=layers,
            grating=Grating(period=865 * nm),
        )  # fmt: skip
        return scattering(made, wavelength, angle, accuracy=6e-4).reflection

    lines = Lines(material=2.3, duty=duty, sidewall=slope)
    slanted = reflection([Layer(thickness=height, material=1.5, lines=lines)])
    gaps = []
    for count in (1, 2, 4):
        heights = height * ((np.arange(count) + 0.5) / count - 0.5)
        duties = duty - 2 * heights / np.tan(slope) / (865 * nm)
        stairs = [
            Layer(
                thickness=height / count,
                material=1.5,
                lines=Lines(material=2.3, duty=float(one)),
            )
            for one in duties
        ]
        gaps.append(np.abs(reflection(stairs) - slanted).max())
    rates = np.log2(np.array(gaps[:-1]) / gaps[1:])
    assert gaps[-1] < 1e-3
    assert np.all(rates > (1.8 if polarization == "TE" else 1.2))


# --- modes as resonances -------------------------------------------------------------------------


def bright(device: Device, accuracy: float = 1e-8) -> CellMode:
    (mode,) = [mode for mode in modes(device, accuracy=accuracy).modes if mode.label == "bright"]
    return mode


def fitted_pole(made: Device, near: complex, accuracy: float, widths: float = 3.0) -> complex:
    """Pole of r(k) = polynomial(k)/(k - pole), fitted to complex specular reflection at real k."""
    place = np.cos(pi * (np.arange(30) + 0.5) / 30)
    scale = 2 * widths * abs(near.imag)
    found = scattering(made, 2 * pi / (near.real + scale * place), accuracy=accuracy)
    reflection = found.reflection[:, np.searchsorted(found.orders, 0)]
    terms = np.column_stack([reflection, *(place**power for power in range(7))])
    solution, *_ = np.linalg.lstsq(terms, reflection * place, rcond=None)
    return complex(near.real + scale * solution[0])


@pytest.mark.parametrize(
    ("made", "accuracy"),
    [
        (cell(), 1e-6),
        (cell(thickness=220 * nm, duty=0.7, target=1760 * nm), 1e-6),
        (cell(film=2.53 + 2e-4j), 1e-6),
        (cell("TM", thickness=400 * nm, target=1760 * nm), 2e-3),
    ],
    ids=["TE", "TE, other duty", "TE, absorbing", "TM"],
)
def test_poles_are_the_scattering_resonances(made: Device, accuracy: float) -> None:
    mode = bright(made).wavenumber
    pole = fitted_pole(made, mode, accuracy)
    assert pole.real == pytest.approx(mode.real, rel=1e-7)
    assert pole.imag == pytest.approx(mode.imag, rel=1e-4)


@SIDES
def test_weak_absorption_on_resonance_follows_from_the_emission_of_the_mode(side: str) -> None:
    # one mode, emitting the share s to the lit side: A = 4 s γ_rad γ_abs/(γ_rad + γ_abs)²
    # (Fan, Suh, Joannopoulos, J. Opt. Soc. Am. A 20, 569 (2003)), up to the direct absorption
    lossless = bright(cell())
    emission = lossless.emission()
    assert emission is not None
    share = float((emission.up if side == "top" else emission.down)[0])
    losses, gaps = np.array([4e-4, 2e-4, 1e-4]), []
    for loss in losses:
        made = cell(film=2.53 + 1j * loss)
        mode = bright(made).wavenumber
        radiated = lossless.wavenumber.imag
        absorbed = mode.imag - radiated
        found = scattering(made, 2 * pi / mode.real, side=side)
        expected = 4 * share * radiated * absorbed / mode.imag**2
        gaps.append(float(found.total_absorptance) / expected - 1)
    assert np.abs(gaps).max() < 2e-3


def test_absorptance_of_weak_loss_is_linear_and_the_integral_of_the_lossless_field() -> None:
    # first order: A/n'' tends to its limit linearly in n''
    losses = np.array([4e-3, 2e-3, 1e-3])
    rates = np.array(
        [
            float(scattering(cell(film=2.53 + 1j * loss), 900 * nm, accuracy=1e-9).absorptance[1])
            / loss
            for loss in losses
        ]
    )
    assert (rates[0] - rates[1]) / (rates[1] - rates[2]) == pytest.approx(2.0, rel=0.02)


# --- arrays, accuracy and bad input --------------------------------------------------------------


@BOTH
def test_arrays_give_what_single_waves_give(polarization: str) -> None:
    made = cell(polarization, film=2.53 + 0.05j)
    wavelengths = np.array([[700 * nm], [1030 * nm]])
    together = scattering(made, wavelengths, ANGLES, accuracy=1e-5)
    assert together.absorptance.shape == (2, 3, 2)
    assert together.reflection.shape == (2, 3, len(together.orders))
    for i, j in np.ndindex(2, 3):
        one = scattering(made, wavelengths[i, 0], ANGLES[j], accuracy=1e-5)
        shown = np.isin(together.orders, one.orders)
        assert one.reflection == pytest.approx(together.reflection[i, j, shown], abs=2e-5)
        assert one.absorptance == pytest.approx(together.absorptance[i, j], abs=2e-5)


@BOTH
def test_the_stated_error_bounds_the_distance_to_a_finer_solve(polarization: str) -> None:
    made = cell(polarization, film=2.53 + 0.05j, sidewall=80 * deg)
    fine = scattering(made, 800 * nm, ANGLES, accuracy=3e-5 if polarization == "TM" else 1e-5)
    coarse = scattering(made, 800 * nm, ANGLES, accuracy=1e-2)
    distance = np.abs(coarse.reflection - fine.reflection).max(axis=-1)
    assert np.all(distance < coarse.error)
    assert np.all(coarse.error <= 1e-2)
    assert np.all(fine.error <= 3e-5)


def test_an_accuracy_out_of_reach_is_an_error_with_the_residual() -> None:
    with pytest.raises(NotConverged, match=r"1\.0e-12 is wanted"):
        scattering(cell("TM"), 800 * nm, accuracy=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wavelength": -1.0}, "wavelength must be positive"),
        ({"wavelength": []}, "at least one"),
        ({"wavelength": 20.0}, "outside"),
        ({"angle": 95 * deg}, "angle must lie between -90 and 90 degrees, got 95"),
        ({"angle": np.nan}, "angle must lie"),
        ({"side": "left"}, 'side must be "top" or "substrate"'),
        ({"side": "substrate"}, "light cannot come in"),
        ({"polarization": "p"}, 'polarization must be "TE" or "TM"'),
        ({"accuracy": 0.0}, "accuracy must lie in"),
    ],
)
def test_bad_input_is_one_clear_error(change: dict[str, object], message: str) -> None:
    made = cell(film="tio2-ald", substrate=1.746 + 0.01j)
    with pytest.raises(InputError, match=message):
        scattering(made, **{"wavelength": 800 * nm, **change})
