"""Readers of JSON, JSON lines and YAML: what is right is read as it is, what is damaged ends in one line and soon."""

import json
import struct
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gan_core.documents import LINE_BYTES, parse_json, parse_yaml, read_json, read_json_lines, read_yaml
from gan_core.errors import DataError
from gan_core.storage import LocalFolder
from gan_core.text import printable

pytestmark = pytest.mark.quick


@dataclass(frozen=True)
class Item:
    """A type with a whole number, a text, a list and a table."""

    step: int
    kind: str
    evidence: tuple[str, ...] = ()
    values: dict[str, float] | None = None


ITEM = TypeAdapter(Item)
NUMBERS = TypeAdapter(dict[str, float])
ANYTHING: TypeAdapter[object] = TypeAdapter(object)


def test_a_document_of_its_type_is_read_as_it_is() -> None:
    text = b'{"kind": "a\xe2\x80\xa8b", "step": 3, "evidence": ["x"], "values": {"a": NaN, "b": 1}}'
    item = parse_json(text, ITEM, "here", "remove it")
    assert (item.step, item.kind, item.evidence) == (3, "a\u2028b", ("x",))
    assert item.values and item.values["a"] != item.values["a"] and item.values["b"] == 1.0


@given(st.integers(0, 2**64 - 1))
def test_numbers_come_back_bit_for_bit(bits: int) -> None:
    number = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    back = parse_json(json.dumps({"a": number}).encode(), NUMBERS, "here", "remove it")["a"]
    assert back == number or (back != back and number != number)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", "EOF"),
        (b'{"step": 1, "kind": "a"', "EOF"),
        (b"null", "must be keys with values"),
        (b"[]", "must be keys with values"),
        (b'{"step": 1}', "kind: is missing"),
        (b'{"step": "1", "kind": "a"}', "step: must be a whole number"),
        (b'{"step": 1.0, "kind": "a"}', "step: must be a whole number"),
        (b'{"step": true, "kind": "a"}', "step: must be a whole number"),
        (b'{"step": 1, "kind": 2}', "kind: must be text"),
        (b'{"step": 1, "kind": "a", "other": 1}', "other: Unexpected keyword argument"),
        (b'{"step": 1, "kind": "a", "\\u001b[31m": 1}', r"\x1b[31m: Unexpected"),
        (b'{"step": 1, "kind": "a", "values": {"b": "1"}}', "values.b: must be a number"),
        (b'{"step": 1, "kind": "a", "evidence": "x"}', "evidence: must be a list"),
        (b'{"step": 1, "kind": "\\ud800"}', "hex escape"),
        (b'{"step": 1, "kind": "\xff"}', "invalid unicode"),
        (b"\xff\xfe\x00", "expected value"),
        (b'{"step": ' + b"1" * 5000 + b', "kind": "a"}', "number out of range"),
        (b"[" * 1_000_000, "recursion limit"),
        (b'{"step":' * 1_000_000, "recursion limit"),
    ],
)
def test_a_damaged_document_is_named_with_its_fault(text: bytes, fault: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_json(text, ITEM, "runs/a/status.json", "remove it")
    message = str(caught.value)
    assert message.startswith("runs/a/status.json: damaged (") and message.endswith("; remove it")
    assert fault in message and message.isprintable() and len(message) < 500


def test_nesting_that_python_itself_could_not_walk_is_refused() -> None:
    depth = 190
    parse_json(b"[" * depth + b"]" * depth, ANYTHING, "here", "remove it")
    with pytest.raises(DataError, match="recursion limit"):
        parse_json(b"[" * 250 + b"]" * 250, ANYTHING, "here", "remove it")


def test_lines_end_at_line_feeds_alone(tmp_path: Path) -> None:
    names = ["a\u2028b", "a\u2029b", "a\x85b", "a\x7fb"]
    lines = [json.dumps({"kind": name}, ensure_ascii=False).encode() + b"\n" for name in names]
    folder = LocalFolder(str(tmp_path))
    folder.write("x.jsonl", b"".join(lines))
    found = list(read_json_lines(folder, "x.jsonl", TypeAdapter(dict[str, str]), "remove the line"))
    assert found == [(line, {"kind": name}) for line, name in zip(lines, names, strict=True)]


@pytest.mark.parametrize(("cut_end", "expected"), [(True, 1), (False, 2)])
def test_a_last_line_without_an_end_is_left_out_only_where_a_writer_appends(
    tmp_path: Path, cut_end: bool, expected: int
) -> None:
    folder = LocalFolder(str(tmp_path))
    folder.write("x.jsonl", b'{"a": 1}\n{"a": 2}')
    assert len(list(read_json_lines(folder, "x.jsonl", NUMBERS, "remove it", cut_end))) == expected


def test_a_damaged_line_is_named_by_its_number(tmp_path: Path) -> None:
    folder = LocalFolder(str(tmp_path))
    folder.write("x.jsonl", b'{"a": 1}\n{"a": "2"}\n')
    with pytest.raises(DataError, match=r"x\.jsonl: line 2 is damaged \(a: must be a number\); remove the line"):
        list(read_json_lines(folder, "x.jsonl", NUMBERS, "remove the line"))


def test_a_line_longer_than_the_limit_takes_no_more_memory_than_the_limit(tmp_path: Path) -> None:
    folder = LocalFolder(str(tmp_path))
    folder.write("x.jsonl", b'{"a": "' + b"x" * (64 * LINE_BYTES) + b'"}\n')
    tracemalloc.start()
    with pytest.raises(DataError, match=r"line 1 is damaged \(longer than 1,048,576 bytes\)"):
        list(read_json_lines(folder, "x.jsonl", ANYTHING, "remove the line"))
    assert tracemalloc.get_traced_memory()[1] < 8 * LINE_BYTES
    tracemalloc.stop()


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "x.json", "wb") as file:
        file.truncate(1 << 40)
    folder = LocalFolder(str(tmp_path))
    with pytest.raises(DataError, match=r"x\.json: damaged \(larger than 67,108,864 bytes\); remove it"):
        read_json(folder, "x.json", ANYTHING, "remove it")
    with pytest.raises(DataError, match=r"x\.json: damaged \(larger than 1,048,576 bytes\); remove it"):
        read_yaml(folder, "x.json", "remove it")


def test_yaml_is_read_as_pyyaml_reads_it() -> None:
    text = "a: &a {x: 1, when: 2020-12-31}\nb: {<<: *a, y: [2.5, yes, ~, 'é']}\n---\n- 0x1F\n"
    first, second = parse_yaml(text)
    assert first["b"]["x"] == 1 and first["b"]["y"] == [2.5, True, None, "é"] and second == [31]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1", "line 1"),
        ("steps: " + "1" * 5000, "...111111111111111111111111111111111111111111111111' is no int"),
        ("steps: 1" + ":1" * 50_000, "is no int"),
        ("steps: 0x" + "f" * 50, "is no int of 64 bits"),
        ("a: 1\nwhen: 2020-13-45", "line 2: '2020-13-45' is no timestamp"),
        ("a: !!int x", "line 1: 'x' is no int"),
        ("a: !!float x", "line 1: 'x' is no float"),
        ("a: !!bool x", "line 1: 'x' is no bool"),
        ("a: !!timestamp x", "line 1: 'x' is no timestamp"),
        ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
        ("? [a]\n: b", "unhashable key"),
        ("a: \x1b[31m", "unacceptable character"),
        ("&a [*a]", "alias *a refers to nothing before it"),
        ("[" * 100_000, "nested deeper than 50 levels"),
        ("{a: " * 100_000, "nested deeper than 50 levels"),
        ("- " * 100_000, "nested deeper than 50 levels"),
        ("a: [" + "x," * 500_000 + "]", "more than 100,000 values"),
        ("x" * 2_000_000, "larger than 1,048,576 bytes"),
        (b"\xff\xfe\xff", "unacceptable character"),
    ],
)
def test_damaged_or_hostile_yaml_ends_soon_with_its_fault(text: str | bytes, fault: str) -> None:
    start = time.process_time()
    with pytest.raises(ValueError) as caught:
        parse_yaml(text)
    assert fault in str(caught.value) and str(caught.value).isprintable() and len(str(caught.value)) < 400
    assert time.process_time() - start < 5


def test_aliases_count_as_all_that_they_stand_for() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{new}: &{new} [{','.join(['*' + old] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    with pytest.raises(ValueError, match="more than 100,000 values"):
        parse_yaml("\n".join(lines))
    with pytest.raises(ValueError, match="more than 100,000 values"):
        parse_yaml("a: &a {x: 1}\nb: {<<: [" + "*a," * 60_000 + "]}")


def test_text_from_a_file_cannot_colour_or_break_a_line() -> None:
    assert printable("é\x1b[31m\n\u202ea") == r"é\x1b[31m\n\u202ea"
