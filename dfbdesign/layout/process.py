"""What the e-beam tool and its process ask for: grid, write field, tone, bias, dose, layers.

The resist is positive and the lines grow in what is exposed: every polygon drawn is a line. A line
opens wider than it is drawn by the bias, so it is drawn narrower by it. Doses are factors of the
base dose, and the tool tells them apart by the datatype or by the layer of a polygon.

A chip file holds these tables under `[process]`, or names a file of them: `process = "tool.toml"`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dfbdesign.checks import positive, within
from dfbdesign.errors import InputError
from dfbdesign.files import read_toml
from dfbdesign.layout.cells import Dither
from dfbdesign.layout.proximity import PointSpread, point_spread
from dfbdesign.schema import Current, Exposure, Length, Part, Time
from dfbdesign.units import nm, um

_CONDUCTING = ("silicon",)  # well enough for an electron beam
LayerNumber = Annotated[int, Field(ge=0, le=32767)]


class Layers(Part):
    """GDS layer numbers."""

    lines: LayerNumber = 1
    label: LayerNumber = 2
    marks: LayerNumber = 3
    fields: LayerNumber = 4
    """Outlines of the write fields, which are not exposed."""
    outline: LayerNumber = 5
    """Outline of the wafer, which is not exposed."""


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


class Beam(Part):
    """What the write time is made of, beside the area."""

    base_dose: Exposure
    """Charge per area at dose 1."""
    current: Current
    settling: Time = 0.0
    """Time the beam takes to settle at every shape."""
    stage_move: Time = 0.0
    """Time from one write field to the next."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        positive("base_dose", self.base_dose)
        positive("current", self.current)
        for name in ("settling", "stage_move"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} must not be negative, got {getattr(self, name):g} ps.")
        return self


class Proximity(Part):
    """Doses line by line against the background of scattered electrons."""

    step: float = Field(default=0.01, gt=0, le=0.2)
    """Ratio of neighbouring doses minus 1."""
    file: str | None = None
    """Point spreads to use instead of those of the package, in the form of its file."""


class Process(Part):
    """What the e-beam tool asks for."""

    grid: Length = 1 * nm
    """Step of the machine, and database unit of the file."""
    dither: Dither = "rounding"
    """How lines of a period that is no whole number of steps are put on the grid."""
    bias: Length = 0.0
    """How much wider a line opens than it is drawn; negative if narrower."""
    field: WriteField | None = None
    dose_by: Literal["datatype", "layer"] = "datatype"
    """What tells doses apart: datatypes 0, 1, ... or the layers from `layers.lines` on."""
    layers: Layers = Layers()
    substrate: str = "sapphire"
    """What scatters the electrons: sapphire, silicon, fused-silica, or what the user's file has."""
    voltage_kv: int = Field(default=50, gt=0)
    """Acceleration voltage [kV]."""
    conductive_layer: str | None = None
    """What is spun over the resist so that the charge flows off."""
    beam: Beam | None = None
    """For the write time; `None` for no estimate."""
    proximity: Proximity | None = None
    """`None` for the same dose on all lines of a grating."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        within("grid (in nm)", self.grid / nm, 0.05, 100, 'Write grid = "1 nm".')
        within("bias (in nm)", self.bias / nm, -1000, 1000)
        return self

    @property
    def charging_note(self) -> str:
        """What to know about charging on this substrate; empty on one that conducts."""
        if self.substrate in _CONDUCTING:
            return ""
        if self.conductive_layer:
            return (
                f"{self.substrate} insulates: the charge flows off through "
                f"{self.conductive_layer}. "
                "Ground it at the holder and check its sheet resistance before writing."
            )
        return (
            f"{self.substrate} insulates and no conductive_layer is named: the beam will charge "
            "the resist and displace the pattern. Spin a conductive polymer or evaporate a thin "
            "metal over the resist."
        )

    def point_spread(self) -> PointSpread:
        """The point spread of this substrate and voltage.

        Raises:
            InputError: If it is not known.
        """
        if self.proximity is not None and self.proximity.file is not None:
            return point_spread(self.substrate, self.voltage_kv, Path(self.proximity.file))
        return point_spread(self.substrate, self.voltage_kv)

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
        others = self.layers
        taken = {others.label, others.marks, others.fields, others.outline}
        if clash := sorted(taken & {layer for layer, _ in found.values()}):
            raise InputError(
                f"{len(doses)} doses by layer from layer {lines} on reach layer {clash[0]}, which "
                f"is taken. Write layers = {{ lines = {max(taken) + 1} }}."
            )
        return found


def process_tables(value: Any, info: Any) -> Any:
    """The tables of a process, read from their file if that is named instead.

    Args:
        value: Tables, or the path of a file of them beside the chip file.
        info: What pydantic knows about the validation.

    Returns:
        The tables.

    Raises:
        InputError: If the file cannot be read.
    """
    if not isinstance(value, str):
        return value
    folder = info.context["folder"] if info.context else Path()
    tables = read_toml(folder / value)
    spread = tables.get("proximity", {})
    if isinstance(spread, dict) and "file" in spread:
        spread["file"] = str((folder / value).parent / spread["file"])
    return tables
