"""Films over lines: the volume of film is kept, whatever shape it takes."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dfbdesign.device import Layer, Lines
from dfbdesign.errors import InputError
from dfbdesign.stacks import conformal_film, planarised_film
from dfbdesign.units import deg, nm

FILM, LINE = 2.4, 2.3


def volume(layers: tuple[Layer, ...], name: str) -> float:
    """Volume of a material per area [µm]."""
    return sum(
        layer.thickness * share
        for layer in layers
        for share, material, _ in layer.regions()
        if material.name == name
    )


@given(
    duty=st.floats(0.02, 0.95),
    height=st.floats(0.01, 0.3),
    thickness=st.floats(0.005, 0.5),
)
def test_a_conformal_film_keeps_its_volume_and_the_lines(
    duty: float, height: float, thickness: float
) -> None:
    lines = Lines(material=LINE, duty=duty)
    coat = thickness * 0.87 / (0.87 + 2 * height)
    assume(duty + 2 * coat / 0.87 < 1 or thickness > height)  # else too little film to fill gaps
    layers = conformal_film(lines, height, 0.87, film=FILM, thickness=thickness, above=1.0)
    assert volume(layers, "n = 2.4") == pytest.approx(thickness, rel=1e-9)
    assert volume(layers, "n = 2.3") == pytest.approx(height * duty, rel=1e-9)
    assert all(gain == (material.name == "n = 2.4")
               for layer in layers for _, material, gain in layer.regions())  # fmt: skip


@given(
    duty=st.floats(0.02, 0.95),
    height=st.floats(0.01, 0.1),
    thickness=st.floats(0.12, 0.5),
    planarisation=st.floats(0, 1),
)
def test_a_levelled_film_keeps_its_volume(
    duty: float, height: float, thickness: float, planarisation: float
) -> None:
    lines = Lines(material=LINE, duty=duty)
    layers = planarised_film(
        lines, height, 0.87, film=FILM, thickness=thickness, planarisation=planarisation, above=1.0
    )
    assert volume(layers, "n = 2.4") == pytest.approx(thickness, rel=1e-9)
    assert volume(layers, "n = 2.3") == pytest.approx(height * duty, rel=1e-9)


def test_a_thin_coat_lies_on_ground_walls_and_tops_alike() -> None:
    lines = Lines(material=LINE, duty=0.35)
    ground, walls, top = conformal_film(
        lines, 100 * nm, 870 * nm, film=FILM, thickness=40 * nm, above=1.0
    )
    coat = 40 * 870 / (870 + 200) * nm
    assert ground.thickness == pytest.approx(coat)
    assert top.thickness == pytest.approx(coat)
    assert walls.thickness == pytest.approx(100 * nm - coat)
    beside = (walls.further_lines[0].duty - walls.lines.duty) * 870 * nm / 2
    assert beside == pytest.approx(coat)


def test_films_that_cannot_be_are_refused() -> None:
    lines = Lines(material=LINE, duty=0.35)
    slanted = Lines(material=LINE, duty=0.35, sidewall=80 * deg)
    with pytest.raises(InputError, match="upright"):
        conformal_film(slanted, 50 * nm, 870 * nm, film=FILM, thickness=40 * nm)
    with pytest.raises(InputError, match="not enough film"):
        planarised_film(lines, 50 * nm, 870 * nm, film=FILM, thickness=10 * nm)
    with pytest.raises(InputError, match="thickness"):
        planarised_film(lines, 50 * nm, 870 * nm, film=FILM, thickness=-10 * nm)
    with pytest.raises(InputError, match="planarisation"):
        planarised_film(lines, 50 * nm, 870 * nm, film=FILM, thickness=0.2, planarisation=2)
