"""Two witnesses of the same band edges: when they agree, and that they do."""

from dataclasses import replace
from importlib import import_module
from math import inf
from pathlib import Path

import pytest

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed, load_device
from dfbdesign.errors import InputError
from dfbdesign.fdtd import BandEdge, Extrapolated
from dfbdesign.solvers import unit_cell
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.units import nm
from dfbdesign.verification.verify import Comparison, Verification, verify

module = import_module(
    "dfbdesign.verification.verify"
)  # the package's own name for it is the function
REFERENCE = Path(__file__).parents[1] / "examples" / "reference.toml"


def device() -> Device:
    return Device(
        substrate=1.744,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=2.53, lines=Lines(material=2.2762, duty=0.35)),
            Layer(thickness=160 * nm, material=2.53),
        ],
        grating=Grating(period=870 * nm),
        target=Target(wavelength=1670 * nm),
    )


def compared(difference: float, solver_error: float = 0.0, fdtd_error: float = 0.0) -> Comparison:
    value = 1.67
    return Comparison(
        "bright",
        "wavelength",
        value * (1 + difference),
        solver_error * value,
        value,
        fdtd_error * value,
    )


@pytest.mark.parametrize(
    ("difference", "solver_error", "fdtd_error", "verdict"),
    [
        (0.0, 0.0, 0.0, "agrees"),
        (4.9e-5, 0.0, 0.0, "agrees"),
        (-5.1e-5, 0.0, 0.0, "disagrees"),
        (3e-5, 1e-5, 1.5e-5, "agrees"),
        (3e-5, 1e-5, 2.5e-5, "undecided"),
        (-7e-5, 3e-5, 0.0, "undecided"),
        (8e-5, 1e-5, 2e-5, "disagrees"),
        (0.0, 0.0, 6e-5, "undecided"),
    ],
)
def test_a_verdict_is_given_only_as_far_as_the_uncertainties_allow(
    difference, solver_error, fdtd_error, verdict
):
    assert compared(difference, solver_error, fdtd_error).verdict == verdict


def test_a_verification_passes_only_when_every_quantity_agrees():
    good, unclear, bad = compared(0.0), compared(0.0, 1e-3), compared(1e-3)
    assert Verification(1.67, (good, good)).passed
    assert not Verification(1.67, (good, unclear)).passed
    assert not Verification(1.67, (good, bad)).passed


def edge(like: CellMode, quality_factor: float | None) -> BandEdge:
    """A time-domain result of the mode's wavelength."""
    q = None if quality_factor is None else Extrapolated(quality_factor, 1.0, ())
    return BandEdge("even", Extrapolated(like.wavelength, 0.0, ()), q)


@pytest.mark.parametrize(
    ("solver", "fdtd", "verdict"),
    [
        (inf, None, "agrees"),
        (1e9, None, "agrees"),  # too little loss to see
        (inf, 6000.0, "disagrees"),
        (6000.0, None, "disagrees"),
        (6000.0, 6030.0, "agrees"),
        (6000.0, 6100.0, "disagrees"),
    ],
)
def test_a_loss_that_only_one_witness_sees_is_a_disagreement(solver, fdtd, verdict):
    (mode, _) = unit_cell.modes(device()).band_edges
    k = mode.wavenumber.real
    mode = replace(mode, wavenumber=complex(k, -k / (2 * solver)), wavelength_error=1e-8)
    wavelength, quality_factor = module._compared(mode, edge(mode, fdtd))
    assert wavelength.verdict == "agrees"
    assert quality_factor.verdict == verdict


def test_a_level_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match='level must be "unit-cell", got "cell"'):
        verify(device(), level="cell")


def test_a_device_the_check_cannot_handle_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr(module, "band_edges", None)
    with pytest.raises(InputError, match="TE devices only"):
        verify(changed(device(), {"polarization": "TM"}))


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_the_reference_device_is_confirmed_by_meep():
    found = verify(load_device(REFERENCE))
    assert found.passed
    kinds = [(comparison.label, comparison.quantity) for comparison in found.comparisons]
    assert kinds == [
        ("bright", "wavelength"),
        ("bright", "quality factor"),
        ("dark", "wavelength"),
        ("dark", "quality factor"),
    ]
    assert [c.fdtd == inf for c in found.comparisons] == [False, False, False, True]


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_a_solver_of_a_slightly_different_film_is_contradicted(monkeypatch):
    def wrong(device: Device, accuracy: float) -> unit_cell.CellModes:
        thicker = changed(device, {"layers.1.thickness": device.layers[1].thickness + 0.1 * nm})
        return unit_cell.modes(thicker, accuracy=accuracy)

    monkeypatch.setattr(module, "unit_cell", type("Solver", (), {"modes": staticmethod(wrong)}))
    found = verify(load_device(REFERENCE))
    assert not found.passed
    assert [c.verdict for c in found.comparisons if c.quantity == "wavelength"] == 2 * ["disagrees"]
