"""Headings of results: the name and the unit that a key of the JSON holds."""

_UNITS = {
    "_uj_per_cm2": "µJ/cm²",
    "_w_per_cm2": "W/cm²",
    "_ps": "ps",
    "_per_cm": "1/cm",
    "_nm": "nm",
    "_pm": "pm",
    "_um2": "µm²",
    "_um": "µm",
    "_deg": "°",
    "_ps_per_nm_km": "ps/(nm km)",
}


def name_and_unit(key: str) -> tuple[str, str]:
    """What a key says.

    Args:
        key: Of the JSON.

    Returns:
        The name in words, and the unit, empty for a pure number.

    Examples:
        >>> name_and_unit("threshold_fluence_uj_per_cm2"), name_and_unit("n_eff")
        (('threshold fluence', 'µJ/cm²'), ('n_eff', ''))
    """
    for ending, unit in _UNITS.items():
        if key.endswith(ending):
            return key.removesuffix(ending).replace("_", " "), unit
    return (key if key.startswith("n_") else key.replace("_", " ")), ""
