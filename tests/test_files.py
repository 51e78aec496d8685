"""Quantities of files: what is read without pint is what pint reads."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfbdesign.errors import InputError
from dfbdesign.files import _COMMON, _parsed_by_pint, parse_quantity

NUMBERS = st.floats(-1e12, 1e12).map(lambda x: f"{x:.12g}") | st.integers(-9999, 9999).map(str)


@pytest.mark.parametrize("kind", _COMMON)
@settings(max_examples=40, deadline=None)
@given(number=NUMBERS, data=st.data())
def test_common_units_are_read_as_pint_reads_them(kind, number, data):
    text = f"{number} {data.draw(st.sampled_from(sorted(_COMMON[kind])))}"
    assert parse_quantity(text, kind) == pytest.approx(
        _parsed_by_pint(text, kind), rel=1e-14
    )  # 15 digits


@pytest.mark.parametrize(
    "text", ["1e999 nm", "nan nm", "١ nm", "1..2 nm", "1 nm nm", "nm", "1nm x"]
)
def test_what_is_no_common_quantity_is_judged_as_before(text):
    def judged(parse):
        try:
            return parse(text, "length")
        except InputError as error:
            return str(error)

    expected = judged(_parsed_by_pint)
    found = judged(parse_quantity)
    assert found == (expected if isinstance(expected, str) else pytest.approx(expected, rel=1e-14))


def test_a_device_file_of_common_units_loads_no_pint():
    loaded = "import sys, dfbdesign.device as d; d.load_device('examples/reference.toml'); "
    said = "sys.exit('pint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded + said], check=False).returncode == 0
