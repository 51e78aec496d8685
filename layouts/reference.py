"""The reference chip, as reference.toml makes it: `python layouts/reference.py`."""

from pathlib import Path

from dfbdesign import load_device
from dfbdesign.layout import (
    Array,
    Beam,
    Bend,
    Chip,
    CircularGrating,
    Coupler,
    Frame,
    GratingCoupler,
    LineGrating,
    Process,
    Proximity,
    Spiral,
    Splitter,
    SquareGrating,
    Straight,
    Stripe,
    Taper,
    Wafer,
    WriteField,
)
from dfbdesign.units import cm, mm, nA, nm, s, uC, um
from dfbdesign.verification.written import written_chip

HERE = Path(__file__).parent
DOSES = tuple(round(0.7 + 0.05 * step, 2) for step in range(13))
WIDTH = 800 * nm  # of all waveguides


def reference() -> Chip:
    """Ladders of period, duty and dose; waveguides; one of each other cell."""
    laser = load_device(HERE / "parts" / "laser.toml")
    periods = tuple(period * nm for period in range(840, 901, 5))
    lasers = Array(
        device=laser, period=periods, duty=(0.2, 0.4, 0.6), length=(500 * um,), spacing=(700, 900)
    )
    ladder = Array(
        device=laser, period=(870 * nm,), duty=(0.4,), length=(500 * um,), dose=DOSES,
        spacing=(700, 900),
    )  # fmt: skip
    test = Array(
        device=laser, period=(870 * nm,), duty=(0.4,), length=(50 * um,), width=50 * um, dose=DOSES,
        spacing=(700, 400),
    )  # fmt: skip
    return Chip(
        process=Process(
            substrate="sapphire",
            voltage_kv=50,
            conductive_layer="AR-PC 5090.02",
            field=WriteField(size=600 * um, stitching=20 * nm),
            beam=Beam(
                base_dose=238 * uC / cm**2, current=2 * nA, settling=1e-6 * s, stage_move=1 * s
            ),
            proximity=Proximity(step=0.02),
        ),
        frame=Frame(
            margin=150 * um, label_height=40 * um, border=350 * um,
            cleave=(75 * um, 9.325 * mm), verniers=True,
        ),
        wafer=Wafer(diameter=50.8 * mm, flat=16 * mm, edge_exclusion=2 * mm, street=200 * um),
        array=(lasers, ladder, test),
        cell=(
            *(Spiral(width=WIDTH, length=length * mm) for length in (2, 4, 8, 16)),
            *(Stripe(width=width, length=2 * mm) for width in (5 * um, 20 * um)),
            Straight(width=WIDTH, length=500 * um),
            *(Bend(width=WIDTH, radius=50 * um, euler=euler) for euler in (0, 1)),
            Taper(width=WIDTH, end_width=5 * um, length=100 * um),
            Splitter(width=WIDTH),
            *(Coupler(width=WIDTH, gap=gap * nm, length=50 * um) for gap in (200, 300, 400)),
            GratingCoupler(width=WIDTH, period=1040 * nm, duty=0.5, lines=24),
            LineGrating(
                period=870 * nm, duty=0.4, edge_duty=0.2, chirp=2 * nm, length=500 * um,
                width=200 * um,
            ),
            CircularGrating(period=870 * nm, duty=0.4, radius=50 * um),
            SquareGrating(period=870 * nm, duty=0.6, side=200 * um),
        ),
    )  # fmt: skip


if __name__ == "__main__":
    written_chip(reference(), HERE / "reference.gds")
