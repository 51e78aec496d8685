"""What a hunt over random periods found: modes near a grazing order, lopsided periods, slopes."""

from math import atan, pi, sqrt

import numpy as np
import pytest
from unit_cells import cells_of, device, tm_device, zero_of_matrix

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed
from dfbdesign.errors import InputError
from dfbdesign.solvers.bands import bands
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.solvers.cell_sheets import distance_from_anomalies
from dfbdesign.solvers.modal import Cells
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import nm

# --- near a grazing order -----------------------------------------------------------------------


@pytest.mark.parametrize("polarization", ["TE", "TM"])
@pytest.mark.parametrize("decay", [0.05, 0.02, -0.02, -0.05])
def test_distance_from_a_grazing_order_is_that_of_the_slab_mode_on_either_sheet(
    polarization: str, decay: float
) -> None:
    # decay > 0: guided, so near to cut-off; decay < 0: its continuation, grown in the substrate
    film, substrate, beta = 2.53, 1.746, 2 * pi / 0.865
    k = sqrt(beta**2 - decay**2) / substrate
    across = sqrt((film * k) ** 2 - beta**2)
    p = [1.0 if polarization == "TE" else 1 / index**2 for index in (film, substrate)]
    above = sqrt(beta**2 - k**2)
    thickness = (atan(above / (p[0] * across)) + atan(p[1] * decay / (p[0] * across))) / across
    made = Device(
        polarization=polarization, substrate=substrate, superstrate=1.0,
        layers=[Layer(thickness=thickness, material=film, lines=Lines(material=film, duty=0.3))],
        grating=Grating(period=0.865), target=Target(wavelength=2 * pi / k),
    )  # fmt: skip
    (found,) = distance_from_anomalies(cells_of(made, 8), k)
    expected = decay**2 / (2 * beta**2)
    assert found == pytest.approx(expected, rel=5 * abs(decay))


def test_no_order_grazes_in_the_window_of_the_reference_cell() -> None:
    assert distance_from_anomalies(cells_of(device(0.3), 8), 2 * pi / 1.67) == np.inf


@pytest.mark.parametrize("target", [1500, 1516, 1525])
def test_modes_are_not_counted_again_with_all_functions_near_a_grazing_order(
    monkeypatch: pytest.MonkeyPatch, target: float
) -> None:
    # the guided TM pair lies at 1516 nm, first orders open in the substrate below 1510.3 nm
    made = tm_device(0.3, film_thickness=160 * nm, target=target * nm)
    solves: dict[int, int] = {}
    at = Cells.at

    def counting(self: Cells, k: np.ndarray, *others: object) -> object:
        solves[self.functions] = solves.get(self.functions, 0) + len(k)
        return at(self, k, *others)

    monkeypatch.setattr(Cells, "at", counting)
    found = modes(made)
    assert [mode.label for mode in found.modes] == ["dark", "bright"]
    assert solves[max(solves)] < 30 < 100 < solves[min(solves)]


# --- lopsided periods ---------------------------------------------------------------------------


def lopsided(polarization: str, target: float) -> Device:
    """Two unlike lines as high as the film, coupled so strongly that a tenth of k is a gap."""
    return Device(
        polarization=polarization, substrate=1.45, superstrate=1.0,
        layers=[
            Layer(
                thickness=650 * nm, material=2.2, lines=Lines(material=1.5, duty=0.2),
                further_lines=(Lines(material=1.8, duty=0.15, centre=0.3),),
            )
        ],
        grating=Grating(period=430 * nm, order=1), target=Target(wavelength=target),
    )  # fmt: skip


def test_strong_coupling_without_a_mirror_plane_is_that_of_the_bands_beside_it() -> None:
    made = lopsided("TE", 1600 * nm)
    found = modes(made, accuracy=1e-5)
    one, other = found.band_edges
    split, seen = (one.wavenumber - other.wavenumber) / 2, []
    for away in (0.004, 0.002):
        beside = modes(made, 0.5 - away, accuracy=1e-5).modes
        half = (beside[0].wavenumber - beside[-1].wavenumber) / 2
        seen.append((2 * pi * away / 0.43 / np.sqrt(half**2 - split**2)).real)
    # third bands, a few gaps away, lend the two a little of their curvature
    assert found.n_group == pytest.approx((4 * seen[1] - seen[0]) / 3, rel=0.01)
    assert found.kappa == found.n_group * split


@pytest.mark.parametrize(("polarization", "target"), [("TE", 1720), ("TM", 1550)])
def test_group_velocity_without_a_mirror_plane_is_the_slope_of_the_band(
    polarization: str, target: float
) -> None:
    made, step = lopsided(polarization, target * nm), 0.001
    found = bands(made, [0.47 - step, 0.47, 0.47 + step], accuracy=1e-5)
    slope = (found.wavenumber[:, 2] - found.wavenumber[:, 0]) * 0.43 / (4 * pi * step)
    assert len(slope) == 1
    assert abs(found.group_velocity[0, 1] - slope[0]) < 1e-3 * abs(slope[0])


# --- slopes -------------------------------------------------------------------------------------


def slope_of(mode: CellMode, paths: tuple[str, ...], value: float, step: float) -> complex:
    """Central difference of the wavenumber, of both kinds of functions in one number of them."""
    sector = 1 if mode.parity == "odd" else 0
    size = mode.cells.lateral.size
    k = [
        zero_of_matrix(
            cells_of(changed(mode.device, dict.fromkeys(paths, value + move)), size),
            mode.wavenumber,
            sector,
        )
        for move in (-2 * step, -step, step, 2 * step)
    ]
    return (k[0] - 8 * k[1] + 8 * k[2] - k[3]) / (12 * step)


@pytest.mark.parametrize("duty", [0.25, 0.36])
def test_tm_slope_exists_where_a_finer_mesh_begins(duty: float) -> None:
    # the degree of an element follows its width: just here it rises by one
    mode = modes(tm_device(duty)).modes[0]
    beside = [modes(tm_device(duty + away)).modes[0] for away in (-0.004, 0.004)]
    path = "layers.0.lines.duty"
    expected = sum(one.sensitivity(path) for one in beside) / 2
    assert mode.sensitivity(path) == pytest.approx(expected, rel=2e-3)


def test_te_slope_exists_where_lines_of_two_layers_end_above_each_other() -> None:
    lines = [Lines(material=index, duty=0.3) for index in (1.9, 2.9)]
    made = device(0.3).model_copy(
        update={
            "layers": (
                Layer(thickness=50 * nm, material=2.53, lines=lines[0]),
                Layer(thickness=60 * nm, material=2.53, lines=lines[1]),
                Layer(thickness=100 * nm, material=2.53),
            )
        }
    )
    paths = ("layers.0.lines.duty", "layers.1.lines.duty")
    for mode in modes(made).modes:
        for some in ((paths[0],), (paths[1],), paths):
            expected = slope_of(mode, some, 0.3, 2e-3)
            exact = sum(mode.sensitivity(path) for path in some)
            assert abs(exact - expected) < 1e-5 * abs(mode.sensitivity(paths[0]))


def test_slope_of_a_tm_mode_against_leaving_the_mirror_plane_is_refused() -> None:
    mode = modes(tm_device(0.3)).modes[0]
    with pytest.raises(InputError, match="mirror plane"):
        mode.sensitivity("layers.0.lines.centre")
