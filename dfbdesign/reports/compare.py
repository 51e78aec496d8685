"""What changed between two reports: every input and every number."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from dfbdesign.errors import InputError
from dfbdesign.reports.digits import decade, fixed
from dfbdesign.reports.headings import name_and_unit
from dfbdesign.reports.numbers import Numbers

Leaf = str | float | bool | None
Place = tuple[str | int, ...]

INPUTS = ("version", "device", "spread")
RESULTS = (
    "cell", "laser", "tolerance", "light", "published", "calibration", "verification", "layout",
    "left_out",
)  # fmt: skip
_NAMES = ("label", "quantity", "cause")
"""Keys whose texts name the entries of a list, where they tell them apart."""
_NO_RESULTS = ("files", "warnings")
_MISSING = "–"
_FIGURES = 12


@dataclass(frozen=True)
class Change:
    """One value that is not what it was."""

    name: str
    """Where it stands in the numbers, in words, with its unit."""
    before: str
    """As before; a dash where it was not there."""
    after: str
    """As it is now; a dash where it is no more."""
    difference: str
    """Of two numbers: absolute and relative; empty for texts."""
    headline: bool
    """Whether it is one of the few results one looks at first."""


@dataclass(frozen=True)
class Comparison:
    """A report beside a previous one."""

    against: str
    """File name of the previous report."""
    inputs: tuple[Change, ...]
    results: tuple[Change, ...]
    unchanged: int
    """Results that are the same to the last digit."""


class _NumbersOfPage(HTMLParser):
    """The JSON text that a page carries."""

    def __init__(self) -> None:
        super().__init__()
        self.text: str | None = None
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("id", "numbers") in attrs

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text = (self.text or "") + data


def previous_numbers(path: Path) -> Numbers:
    """The numbers of a report made before.

    Args:
        path: The page or the JSON file beside it.

    Returns:
        Its numbers.

    Raises:
        InputError: If the file cannot be read or is no report.
    """
    try:
        text: str | None = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the previous report {path}: {error}.") from None
    if path.suffix.lower() in (".html", ".htm"):
        page = _NumbersOfPage()
        page.feed(text or "")
        text = page.text
    try:
        numbers = json.loads(text or "")
    except json.JSONDecodeError:
        numbers = None
    if not (isinstance(numbers, dict) and numbers.keys() >= {"version", "device", "cell"}):
        raise InputError(
            f'{path} is no report. Give the ".html" or ".json" file that "dfb report" wrote.'
        )
    return numbers


def changes(before: Numbers, after: Numbers, against: str) -> Comparison:
    """What is not the same in two reports.

    Args:
        before: Numbers of the previous report.
        after: Numbers of this one.
        against: Name of the previous report.

    Returns:
        All inputs and results that differ, in the order of the page.

    Examples:
        >>> old = {"version": "1", "device": {"grating": {"period": "860 nm"}},
        ...        "cell": {"modes": [{"wavelength_nm": 1660.5}], "group_index": 2.4}}
        >>> new = {"version": "1", "device": {"grating": {"period": "870 nm"}},
        ...        "cell": {"modes": [{"wavelength_nm": 1675.0}], "group_index": 2.4}}
        >>> found = changes(old, new, "old.html")
        >>> found.inputs[0].name, found.inputs[0].before, found.inputs[0].after
        ('grating: period', '860 nm', '870 nm')
        >>> found.results[0].name, found.results[0].difference, found.unchanged
        ('cell, modes 1: wavelength (nm)', '+14 (+0.87 %)', 1)
    """
    inputs = list(_changes(_leaves_of(before, INPUTS), _leaves_of(after, INPUTS)))
    old, new = _leaves_of(before, RESULTS), _leaves_of(after, RESULTS)
    results = list(_changes(old, new))
    return Comparison(against, tuple(inputs), tuple(results), len({*old, *new}) - len(results))


def _leaves_of(numbers: Numbers, parts: tuple[str, ...]) -> dict[Place, Leaf]:
    found = {part: numbers[part] for part in parts if numbers.get(part) is not None}
    return dict(leaf for part, value in found.items() for leaf in _leaves(value, (part,)))


def _leaves(value: object, place: Place) -> Iterator[tuple[Place, Leaf]]:
    """Every single value with its place; names of files and words about numbers are no results."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if key not in _NO_RESULTS:
                yield from _leaves(entry, (*place, key))
    elif isinstance(value, list):
        for key, entry in zip(_entry_names(value), value, strict=True):
            yield from _leaves(entry, (*place, key))
    elif value is None or isinstance(value, str | float | int):
        yield place, value


def _entry_names(entries: list[object]) -> list[str | int]:
    """What to call the entries of a list: by their own words, or else by number."""
    words = [
        " ".join(name_and_unit(str(one[key]))[0] for key in _NAMES if key in one)
        for one in entries
        if isinstance(one, dict)
    ]
    if all(words) and len({*words}) == len(entries):
        return [*words]
    return [*range(1, len(entries) + 1)]


def _changes(before: dict[Place, Leaf], after: dict[Place, Leaf]) -> Iterator[Change]:
    for place in dict.fromkeys([*after, *before]):
        old, new = before.get(place, _MISSING), after.get(place, _MISSING)
        if old != new:
            yield Change(_name(place), *_texts(place, old, new), _is_headline(place))


def _is_headline(place: Place) -> bool:
    match place:
        case ("laser", "modes", 1, _) | ("verification", "passed"):
            return True
        case ("cell", "modes", _, key) | ("cell", key, 1):
            return key in ("wavelength_nm", "quality_factor", "kappa_per_cm")
        case ("tolerance", "quantities", str(name), key):
            return name.startswith("wavelength") and key in ("low_5_percent", "high_95_percent")
    return False


def _name(place: Place) -> str:
    """The place in words: the parts above, then the value and its unit."""
    keys = place[1:] if place[0] == "device" and len(place) > 1 else place
    last = max(i for i, key in enumerate(keys) if isinstance(key, str))
    words = ""
    for key in keys[:last]:
        joint = " " if isinstance(key, int) or not words else ", "
        words += f"{joint}{key if isinstance(key, int) else name_and_unit(key)[0]}"
    name, unit = name_and_unit(str(keys[last]))
    number = "".join(f" {key}" for key in keys[last + 1 :])
    told = f"{name}{number} ({unit})" if unit else f"{name}{number}"
    return f"{words.strip()}: {told}" if words else told


def _texts(place: Place, old: Leaf, new: Leaf) -> tuple[str, str, str]:
    """Both values to the second figure of their difference, and the difference."""
    numbers = [one for one in (old, new) if isinstance(one, float | int)]
    if len(numbers) < 2 or isinstance(old, bool):
        return _text(place, old), _text(place, new), ""
    before, after = numbers
    step = after - before
    decimals = max(0, min(1 - decade(step), _FIGURES - decade(max(abs(before), abs(after)))))
    share = f" ({100 * step / before:+.2g} %)" if abs(step) < 10 * abs(before) else ""
    difference = f"{fixed(step, decimals, sign=True)}{share}"
    return fixed(before, decimals), fixed(after, decimals), difference


def _text(place: Place, value: Leaf) -> str:
    if value is None:
        return "infinite" if "quality" in str(place[-1]) else "none"
    if isinstance(value, float | int) and not isinstance(value, bool):
        return f"{value:.8g}"
    return str(value)
