"""Reading CSV files as people make them."""

import codecs
import gzip
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import UsageError
from newsletter.people.columns import read_columns
from newsletter.people.csv_rows import open_csv

Plain = list[tuple[int, list[str] | str]]


def rows(folder: Path, data: bytes | str, name: str = "people.csv") -> Plain:
    """The rows of a file: the line, and the cells or the problem."""
    file = folder / name
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    with open_csv(file) as found:
        return [(row.line, row.problem or row.cells) for row in found]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_any_encoding_that_spreadsheets_write(tmp_path: Path, encoding: str) -> None:
    assert rows(tmp_path, "email;Größe\r\nada@example.org;groß\r\n".encode(encoding)) == [
        (1, ["email", "Größe"]),
        (2, ["ada@example.org", "groß"]),
    ]


def test_big_endian_utf_16(tmp_path: Path) -> None:
    data = codecs.BOM_UTF16_BE + "email\nada@example.org".encode("utf-16-be")
    assert rows(tmp_path, data)[1] == (2, ["ada@example.org"])


def test_bytes_that_windows_does_not_know_are_latin_1(tmp_path: Path) -> None:
    assert rows(tmp_path, b"email\n\x81\xe9")[1] == (2, ["\x81é"])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_of_four_delimiters(tmp_path: Path, delimiter: str) -> None:
    text = f'email{delimiter}"name, or; so"\nada@example.org{delimiter}Ada\n'
    assert rows(tmp_path, text)[1] == (2, ["ada@example.org", "Ada"])


def test_excels_own_mark_and_empty_lines_come_before_the_header(tmp_path: Path) -> None:
    assert rows(tmp_path, "sep=;\r\nemail;name\r\na;b\r\n") == [(2, ["email", "name"]), (3, ["a", "b"])]
    assert rows(tmp_path, "\n\nemail;name\na;b\n") == [(3, ["email", "name"]), (4, ["a", "b"])]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_ends(tmp_path: Path, end: str) -> None:
    assert rows(tmp_path, f"email{end}a{end}{end}b") == [(1, ["email"]), (2, ["a"]), (4, ["b"])]


def test_gzip(tmp_path: Path) -> None:
    data = gzip.compress(b"email\nada@example.org\n")
    assert rows(tmp_path, data, "people.csv.gz")[1] == (2, ["ada@example.org"])


def test_lines_are_physical_ones_after_cells_of_several_lines(tmp_path: Path) -> None:
    assert rows(tmp_path, 'email,notes\na,"one\ntwo\n\nfour"\nb,\nc,"x\r\ny"\nd,\n') == [
        (1, ["email", "notes"]),
        (2, ["a", "one\ntwo\n\nfour"]),
        (6, ["b", ""]),
        (7, ["c", "x\r\ny"]),
        (9, ["d", ""]),
    ]


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path: Path) -> None:
    assert rows(tmp_path, 'email\na\n"b\nc\nd\n') == [
        (1, ["email"]),
        (2, ["a"]),
        (3, "a quote is opened and never closed"),
        (4, ["c"]),
        (5, ["d"]),
    ]


def test_a_quote_that_meets_the_next_ones_costs_one_line(tmp_path: Path) -> None:
    assert rows(tmp_path, 'email,name\n"a,A\n"b","B"\nc,C\n') == [
        (1, ["email", "name"]),
        (2, "the quotes in it do not match"),
        (3, ["b", "B"]),
        (4, ["c", "C"]),
    ]


def test_a_cell_that_is_too_long_costs_one_line(tmp_path: Path) -> None:
    found = rows(tmp_path, "email,x\na," + "x" * 131_073 + "\nb,\n")
    assert (found[1][0], found[2]) == (2, (3, ["b", ""]))
    assert "longer than 131072 characters" in found[1][1]


def test_a_quote_that_swallows_a_long_file_costs_one_line(tmp_path: Path) -> None:
    found = rows(tmp_path, 'email\n"\n' + "reader@example.org\n" * 10_000)
    assert len(found) == 10_002
    assert "perhaps a quote is not closed" in found[1][1]
    assert found[-1] == (10_002, ["reader@example.org"])


def test_a_nul_costs_one_line(tmp_path: Path) -> None:
    assert rows(tmp_path, "email\na\0b\nc\n")[1:] == [(2, "there is a NUL character in it"), (3, ["c"])]


def test_of_a_line_without_end_only_the_beginning_is_kept(tmp_path: Path) -> None:
    cells = ",".join(["x" * 1000] * 6000)  # 6 MB, and no cell is too long
    assert rows(tmp_path, f"email\n{cells}\nb\n") == [
        (1, ["email"]),
        (2, "the line is longer than 4,000,000 characters"),
        (3, ["b"]),
    ]
    assert rows(tmp_path, f"email\n{cells}")[1:] == [(2, "the line is longer than 4,000,000 characters")]


@pytest.mark.slow
def test_a_gzip_bomb_of_one_line_takes_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "bomb.csv.gz"
    with gzip.open(file, "wb", compresslevel=1) as bomb:
        bomb.write(b"email\n")
        for _ in range(200):
            bomb.write(b"A" * 1_000_000)
    tracemalloc.start()
    try:
        with open_csv(file) as found:
            assert len(list(found)) == 2
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_rows_without_content_are_left_out(tmp_path: Path) -> None:
    assert rows(tmp_path, "email,name\n,\n  , \n\na,\n") == [(1, ["email", "name"]), (5, ["a", ""])]


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("people.csv.gz", b"email\n", "not a whole gzip file"),
        ("people.csv.gz", gzip.compress(b"email\n" * 9000, mtime=0)[:40], "not a whole gzip file"),
        ("people.csv", b"PK\x03\x04rest", "a spreadsheet, not a CSV file"),
        ("people.csv", b"\xd0\xcf\x11\xe0rest", "a spreadsheet, not a CSV file"),
        ("people.csv", codecs.BOM_UTF16_LE + b"e\x00m", "not text in utf-16"),
    ],
)
def test_what_is_no_csv_file_is_a_usage_error(tmp_path: Path, name: str, data: bytes, what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        rows(tmp_path, data, name)
    assert caught.value.hint


def test_a_pipe_that_can_be_read_but_once_is_a_usage_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is not a file"), open_csv(tmp_path / "pipe"):
        pass


def test_utf_16_without_a_mark_is_said_to_be_that_and_can_be_named(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes("email\nada@example.org\n".encode("utf-16-le"))
    with open_csv(file) as found, pytest.raises(UsageError, match="NUL") as caught:
        read_columns(file, next(found, None))
    assert "--encoding utf-16-le" in caught.value.hint
    with open_csv(file, encoding="utf-16-le") as found:
        assert [row.cells for row in found] == [["email"], ["ada@example.org"]]


def test_what_outlook_and_google_call_the_column_of_addresses_is_known(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    for name in ("E-mail Address", "E-Mail-Adresse", "E-mail 1 - Value", "Emailadresse"):
        file.write_text(f"Name,{name}\n")
        with open_csv(file) as found:
            assert read_columns(file, next(found, None)).email == 1


def test_a_missing_file_or_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"), open_csv(path):
            pass


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("name,city\nAda,Berlin\n", r"csv:1: there is no column of addresses. The columns are: name, city\."),
        ("Ada,ada@example.org\n", r"The columns are: Ada, \(an address\)\."),
        ("email,City,city\n", r"csv:1: two columns are called city"),
        ("email,Email\n", r"csv:1: two columns are called email"),
        ('"email\n', r"csv:1: the first line cannot be read: a quote is opened and never closed"),
    ],
)
def test_a_first_line_that_does_not_help_is_a_usage_error(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text)
    with pytest.raises(UsageError, match=what), open_csv(file) as found:
        read_columns(file, next(found, None))


@settings(deadline=None)
@given(data=st.binary(max_size=300) | st.text(alphabet='ab@",;\n\r\t\0ü', max_size=200).map(str.encode))
def test_any_bytes_are_rows_or_a_usage_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    try:
        found = rows(tmp_path_factory.getbasetemp(), data, "any.csv")
    except UsageError:
        return
    lines = [line for line, _ in found]
    assert lines == sorted(set(lines))
