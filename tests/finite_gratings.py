"""Finite gratings of one film, and their chains of slices."""

from dfbdesign import Device, Grating, Layer, Lines, Target
from dfbdesign.solvers.finite import GratingSection
from dfbdesign.solvers.finite_chain import Chain
from dfbdesign.solvers.finite_slices import heights
from dfbdesign.units import nm

PERIOD = 865 * nm


def device(periods, line=2.42, duty=0.3, gain=True, period=PERIOD, **grating):
    return Device(
        substrate=1.746,
        superstrate=1.0,
        layers=[
            Layer(
                thickness=50 * nm, material=2.53, gain=gain, lines=Lines(material=line, duty=duty)
            ),
            Layer(thickness=160 * nm, material=2.53, gain=gain),
        ],
        grating=Grating(period=period, length=periods * period, **grating),
        target=Target(wavelength=1670 * nm),
    )


def chain(made, degree=9, sections=None, cut=None):
    """The device in one basis, cut in the middle."""
    count = made.grating.periods
    if sections is None:
        sections, cut = (GratingSection(count // 2), GratingSection(count - count // 2)), 1
    return Chain(made, sections, cut, 0.0, heights(made, degree))
