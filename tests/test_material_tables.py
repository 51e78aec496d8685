"""Tables of indices that a user brings, read or refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dfbdesign.errors import InputError
from dfbdesign.materials import as_material, tabulated


@pytest.mark.parametrize(
    "header", ["wavelength_nm,n,k", " wavelength_nm , n , k ", "\ufeffwavelength_nm,n,k"]
)
def test_a_table_is_read_exact_at_its_rows_and_monotonic_between(tmp_path, header):
    text = f"{header}\n1500, 2.60, 0.10\n1600, 2.50, 0.02\n\n1700, 2.45, 0\n"
    (tmp_path / "film.csv").write_text(text, encoding="utf-8")
    film = tabulated("film.csv", tmp_path)
    assert film.wavelength_range == (1.5, 1.7)
    assert_allclose(film.index([1.5, 1.6, 1.7]), [2.60 + 0.1j, 2.50 + 0.02j, 2.45], rtol=1e-14)
    between = film.index(np.linspace(1.5, 1.7, 101))
    assert np.all(np.diff(between.real) < 0)
    assert np.all(np.diff(between.imag) < 0)
    assert as_material({"file": str(tmp_path / "film.csv")}).index(1.6) == film.index(1.6)


def test_columns_of_a_table_may_come_in_any_order_and_without_k(tmp_path):
    (tmp_path / "film.csv").write_text("n,wavelength_nm\n2.6,1500\n2.5,1600\n")
    assert_allclose(tabulated("film.csv", tmp_path).index(1.6), 2.5)


def test_a_table_is_still_found_when_the_reference_is_read_in_another_folder(tmp_path):
    (tmp_path / "film.csv").write_text("wavelength_nm,n\n1500,2.6\n1600,2.5\n")
    reference = as_material({"file": "film.csv"}, tmp_path).reference
    assert_allclose(as_material(reference, tmp_path / "elsewhere").index(1.6), 2.5)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must start with a line naming the columns"),
        ("1500,2.6,0\n1600,2.5,0\n", "must start with a line naming the columns"),
        ("wavelength_um,n,k\n1.5,2.6,0\n", "must start with a line naming the columns"),
        ("wavelength_nm,n,n\n1500,2.6,2\n", "must start with a line naming the columns"),
        ("wavelength_nm,n,k\n", "needs at least two rows, got 0"),
        ("wavelength_nm,n,k\n1500,2.6,0\n", "needs at least two rows, got 1"),
        ("wavelength_nm,n,k\n1500,2.6,0\n1600,2.5\n", "line 3: needs 3 numbers"),
        ("wavelength_nm,n,k\n1500,2.6,0,7\n", "line 2: needs 3 numbers"),
        ("wavelength_nm,n,k\n1500;2.6;0\n", "line 2: needs 3 numbers"),
        ("wavelength_nm,n,k\n# PbS\n", "line 2: needs 3 numbers"),
        ("wavelength_nm,n,k\n1500,two,0\n", "line 2: needs 3 numbers"),
        ("wavelength_nm,n,k\n1500,2.6,\n", "line 2: needs 3 numbers"),
        ("wavelength_nm,n,k\n1500,nan,0\n", "line 2: wavelength and n must be positive"),
        ("wavelength_nm,n,k\n1500,2.6,inf\n", "line 2: wavelength and n must be positive"),
        ("wavelength_nm,n,k\n-1500,2.6,0\n", "line 2: wavelength and n must be positive"),
        ("wavelength_nm,n,k\n1500,0,0\n", "line 2: wavelength and n must be positive"),
        ("wavelength_nm,n,k\n1500,2.6,-0.1\n", "k not negative"),
        ("wavelength_nm,n,k\n1500,2.6,0\n1500,2.5,0\n", "line 3: wavelengths must ascend"),
        ("wavelength_nm,n,k\n1500,2.6,0\n\n1400,2.5,0\n", "line 4: wavelengths must ascend"),
    ],
)
def test_a_bad_table_is_refused_naming_the_line(tmp_path, text, complaint):
    (tmp_path / "film.csv").write_text(text)
    with pytest.raises(InputError, match=complaint) as error:
        tabulated("film.csv", tmp_path)
    assert "film.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: No such file"):
        tabulated("none.csv", tmp_path)
    with pytest.raises(InputError, match="Is a directory"):
        tabulated(tmp_path)
    (tmp_path / "latin.csv").write_bytes(b"wavelength_nm,n\n1500,2.6 \xb5\n")
    with pytest.raises(InputError, match="not UTF-8"):
        tabulated("latin.csv", tmp_path)
