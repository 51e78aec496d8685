"""One page about a device: inputs, modes, thresholds, pictures, the check against MEEP, the layout.

The page is a single HTML file that needs no network; every number in it also stands, unrounded, in
a JSON file beside it and inside the page. The same device gives the same page.
"""

import json
from dataclasses import asdict
from pathlib import Path

from dfbdesign.designs.spread import Spread
from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.fdtd import find_meep
from dfbdesign.files import writing
from dfbdesign.reports.compare import changes, previous_numbers
from dfbdesign.reports.findings import Progress, findings, report_numbers
from dfbdesign.reports.numbers import plain
from dfbdesign.reports.page import html


def report(
    device: Device,
    path: str | Path,
    verification: bool = True,
    spread: Spread | None = None,
    against: str | Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Compute everything about a device and write the page, its numbers and its layout.

    Parts that the device lacks the input for (a length, lines, ...) are left out, and the page says
    which and why.

    Args:
        device: Needs a grating and a target.
        path: The page, ending in ".html"; the layout (".gds" and what belongs to it) and the
            numbers (".json") are written beside it.
        verification: Whether to compare with MEEP.
        spread: What is not known of the device before it is made; by default as in
            `dfbdesign.designs.spread`.
        against: A previous report, the page or its numbers; the page then tells every input and
            every number that changed.
        progress: Called whenever something begins or goes on.

    Returns:
        The path of the page.

    Raises:
        InputError: If the device has no grating or target, data do not reach the wavelengths, the
            previous report cannot be read, or the page cannot be written.
        PhysicsError: If there is no mode, a solve does not converge, or the film cannot reach the
            threshold.
        MeepMissing: If MEEP is to be run and was not found; nothing has been written then.
    """
    path, tell = Path(path), progress or (lambda step, fraction: None)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f'the page must be a file that ends in ".html", got "{path.name}".')
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}.")
    previous = None if against is None else (Path(against), previous_numbers(Path(against)))
    if verification:
        find_meep()
    found = findings(device, path.with_suffix(".gds"), verification, spread or Spread(), tell)
    tell("pictures and page", None)
    numbers = plain(report_numbers(found))
    compared = previous and changes(previous[1], numbers, previous[0].name)
    if compared is not None:
        numbers["changes"] = asdict(compared)
    text = html(found, numbers, compared)
    with writing(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(numbers, indent=1, allow_nan=False) + "\n", "utf-8")
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
