"""What the e-beam tool and its process ask for: grid, write field, tone, bias, dose, layers.

The resist is positive and the lines grow in what is exposed: every polygon drawn is a line. A line
opens wider than it is drawn by the bias, so it is drawn narrower by it. Doses are factors of the
base dose, and the tool tells them apart by the datatype or by the layer of a polygon.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dfbdesign.checks import positive, within
from dfbdesign.errors import InputError
from dfbdesign.schema import Length, Part
from dfbdesign.units import nm, um

LayerNumber = Annotated[int, Field(ge=0, le=32767)]


class Layers(Part):
    """GDS layer numbers."""

    lines: LayerNumber = 1
    label: LayerNumber = 2
    marks: LayerNumber = 3
    fields: LayerNumber = 4
    """Outlines of the write fields, which are not exposed."""


class WriteField(Part):
    """The area the beam reaches without moving the stage; every grating starts a new one."""

    size: Length = 600 * um
    stitching: Length = 20 * nm
    """Standard deviation of the place of a field along x."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        positive("size (in um)", self.size)
        if not 0 <= self.stitching < 1 * um:
            raise InputError(
                f"stitching must lie between 0 and 1000 nm, got {self.stitching / nm:g} nm."
            )
        return self


class Process(Part):
    """What the e-beam tool asks for."""

    grid: Length = 1 * nm
    """Step of the machine, and database unit of the file."""
    dither: bool = True
    """Whether lines may be one step nearer or farther for the mean period to be exact."""
    bias: Length = 0.0
    """How much wider a line opens than it is drawn; negative if narrower."""
    field: WriteField | None = None
    dose_by: Literal["datatype", "layer"] = "datatype"
    """What tells doses apart: datatypes 0, 1, ... or the layers from `layers.lines` on."""
    layers: Layers = Layers()

    @model_validator(mode="after")
    def _check(self) -> Self:
        within("grid (in nm)", self.grid / nm, 0.05, 100, 'Write grid = "1 nm".')
        within("bias (in nm)", self.bias / nm, -1000, 1000)
        return self

    def numbers(self, doses: list[float]) -> dict[float, tuple[int, int]]:
        """GDS layer and datatype of the lines of every dose.

        Args:
            doses: The dose factors of a chip, from the lowest.

        Returns:
            Layer and datatype by dose factor.

        Raises:
            InputError: If the layers of the doses include one that is taken.

        Examples:
            >>> Process(dose_by="layer", layers=Layers(lines=10)).numbers([0.9, 1.0])
            {0.9: (10, 0), 1.0: (11, 0)}
        """
        lines = self.layers.lines
        if self.dose_by == "datatype":
            return {dose: (lines, number) for number, dose in enumerate(doses)}
        found = {dose: (lines + number, 0) for number, dose in enumerate(doses)}
        taken = {self.layers.label, self.layers.marks, self.layers.fields}
        if clash := sorted(taken & {layer for layer, _ in found.values()}):
            raise InputError(
                f"{len(doses)} doses by layer from layer {lines} on reach layer {clash[0]}, which "
                f"is taken. Write layers = {{ lines = {max(taken) + 1} }}."
            )
        return found
