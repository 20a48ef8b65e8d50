"""File names that are no UTF-8, that would change a terminal, or whose code page an archive does not name."""

import io
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.names import escape_name, shell_word, unescape_name
from gan_core.text import printable
from tests.support.datasets import failures, run_child, run_cli, shards, write_files
from tests.support.image_files import encoded, noise
from tests.support.tfrecords import label, pixels, records

LATIN = os.fsdecode(b"caf\xe9")
SMALL = ("--image-size", "8", "--resize", "stretch", "--resampler", "nearest", "--shards", "1")


def expected(content: bytes) -> bytes:
    """The same reduction by Pillow."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB").resize((8, 8), Image.Resampling.NEAREST)).tobytes()


def raw_zip(files: Mapping[bytes, bytes], system: int = 3, extra: Mapping[bytes, bytes] | None = None) -> bytes:
    """A .zip of stored files whose names are these bytes, without the UTF-8 flag."""
    body, directory = io.BytesIO(), io.BytesIO()
    for name, content in files.items():
        start, more = body.tell(), (extra or {}).get(name, b"")
        common = struct.pack("<4H3L2H", 0, 0, 0, 33, zlib.crc32(content), len(content), len(content), len(name), len(more))
        body.write(b"PK\3\4" + struct.pack("<H", 20) + common + name + more + content)
        directory.write(b"PK\1\2" + bytes([20, system, 20, 0]) + common + struct.pack("<3H2L", 0, 0, 0, 0, start) + name + more)
    size, begin = directory.tell(), body.tell()
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(files), len(files), size, begin, 0)
    return body.getvalue() + directory.getvalue() + end


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("plain name.png", "plain name.png"),
        ("ä\u2028.png", "ä\u2028.png"),
        (LATIN, r"caf\xE9"),
        (r"a\b", r"a\b"),
        (r"caf\xE9", r"caf\x5CxE9"),
        (r"caf\xe9", r"caf\xe9"),
        ("\\" + LATIN[-1], r"\\xE9"),
        (r"\x5CxE9", r"\x5Cx5CxE9"),
        (os.fsdecode(b"\xff\xfe"), r"\xFF\xFE"),
    ],
)
def test_an_escape_is_utf8_and_leads_back_to_the_name(name: str, escaped: str) -> None:
    assert escape_name(name) == escaped
    assert unescape_name(escaped) == name
    escaped.encode()


def test_what_is_printed_has_a_shape() -> None:
    assert printable("ü\x1b[2J\n\x9b\u2028\u202e" + LATIN) == r"ü\x1b[2J\n\x9b\u2028\u202ecaf\xE9"
    assert shell_word("a b") == "'a b'"
    assert shell_word(f"it's {LATIN}") == r"$'it\'s caf\xe9'"


@pytest.mark.parametrize("kind", ["folder", "zip", "zip with the names' bytes"])
def test_names_that_are_no_utf8(kind: str, tmp_path: Path) -> None:
    """As the image's name, its class, the source's name and the output folder's name; in records, JSON and pages."""
    files = {f"{title}/{LATIN}{number}.png": encoded(noise(number)) for title in (LATIN, "tea") for number in range(3)}
    files[f"{LATIN}/broken{LATIN}.png"] = b"no image"
    source, out = tmp_path / f"source {LATIN}", tmp_path / f"out {LATIN}"
    if kind == "folder":
        write_files(source, files)
    else:
        source = source.with_suffix(".zip")
        source.write_bytes(raw_zip({os.fsencode(name): content for name, content in files.items()}))
    command = ("prepare", "images", "--source", source, "-o", out, *SMALL, "--max-failure-rate", "0.5")
    # The names reach a process as bytes, and its output as a terminal has it; once is enough.
    run = run_child if kind == "folder" else run_cli

    planned = run(*command, "--dry-run", "--json")
    assert planned.code == 0, planned.err
    document = json.loads(planned.out)
    assert document["folder"] == str(tmp_path / r"out caf\xE9")
    assert document["uri"].startswith(str(tmp_path / r"source caf\xE9"))
    assert unescape_name(document["options"]["source"]) == str(source)

    ran = run(*command)
    assert (ran.code, "Traceback" in ran.err) == (0, False), ran.err
    assert r"out caf\xE9" in ran.out
    manifest = json.loads((out / "manifest.json").read_bytes().decode())
    assert manifest["features"]["label"]["class_names"] == [r"caf\xE9", "tea"]
    stored = records(out)
    good = {escape_name(name): content for name, content in files.items() if "broken" not in name}
    assert stored.keys() == good.keys()
    for name, content in good.items():
        assert pixels(stored[name], 8, 8, 3).tobytes() == expected(content)
        assert label(stored[name]) == int(name.startswith("tea"))
    (failed,) = failures(out)
    assert failed["id"] == r"caf\xE9/brokencaf\xE9.png"

    repeated = run(*command, "--json", "--retry-failed")
    assert (repeated.code, json.loads(repeated.out)["already_done"]) == (0, True), repeated.err
    for words in (("inspect", out), ("inspect", out, "--json"), ("verify", out, "--json")):
        assert run(*words).code == 0
    page = tmp_path / "page.html"
    assert run("inspect", out, "--html", "-o", page).code == 0
    assert "brokencaf\\xE9.png" in page.read_text()


def test_a_zip_and_a_folder_of_the_same_names_give_the_same_digest(tmp_path: Path) -> None:
    """Whether a zip says that its names are UTF-8 or not, and whatever its code page, once that is named."""
    names = ["ソ能/é.png", "ソ能/表.png", "日本/ä.png"]
    files = {name: encoded(noise(number)) for number, name in enumerate(names)}
    japanese = {name.replace("é", "e").replace("ä", "a").encode("cp932"): content for name, content in files.items()}
    write_files(tmp_path / "folder", files)
    write_files(tmp_path / "plain", {raw.decode("cp932"): content for raw, content in japanese.items()})
    with zipfile.ZipFile(tmp_path / "flagged.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    (tmp_path / "unflagged.zip").write_bytes(raw_zip({name.encode(): content for name, content in files.items()}))
    (tmp_path / "japanese.zip").write_bytes(raw_zip(japanese, system=0))
    page = {
        raw: struct.pack("<HHBI", 0x7075, 5 + len(name.encode()), 1, zlib.crc32(raw)) + name.encode()
        for raw, name in zip(japanese, names, strict=True)
    }
    (tmp_path / "both.zip").write_bytes(raw_zip(japanese, system=0, extra=page))

    def digest(name: str, *options: str) -> str:
        out = tmp_path / f"out {name}"
        ran = run_cli("prepare", "images", "--source", tmp_path / name, "-o", out, *SMALL, *options)
        assert ran.code == 0, ran.err
        found: str = json.loads((out / "manifest.json").read_text())["digest"]
        return found

    assert digest("folder") == digest("flagged.zip") == digest("unflagged.zip") == digest("both.zip")
    assert digest("plain") == digest("japanese.zip", "--zip-encoding", "cp932")
    assert records(tmp_path / "out folder").keys() == set(names)
    assert shards(tmp_path / "out plain") == shards(tmp_path / "out japanese.zip")


def test_a_code_page_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "a.zip"
    source.write_bytes(raw_zip({"caf\xe9.png".encode("cp437"): encoded(noise(1)), b"tea.png": encoded(noise(2))}))
    command = ("prepare", "images", "--source", source, *SMALL)
    ran = run_cli(*command, "-o", tmp_path / "bytes")
    assert ran.code == 0, ran.err
    assert r"note: " in ran.err and r"1 names are not UTF-8, such as caf\x82.png; their bytes are kept" in ran.err
    assert "--zip-encoding" in ran.err
    assert records(tmp_path / "bytes").keys() == {r"caf\x82.png", "tea.png"}
    ran = run_cli(*command, "-o", tmp_path / "text", "--zip-encoding", "CP437")
    assert (ran.code, "UTF-8" in ran.err) == (0, False), ran.err
    assert records(tmp_path / "text").keys() == {"café.png", "tea.png"}
    assert json.loads((tmp_path / "text" / "manifest.json").read_text())["options"]["zip_encoding"] == "cp437"
    for page, words in {
        "utf-9": "--zip-encoding 'utf-9' is no code page; try cp437",
        "base64": "--zip-encoding 'base64' is no code page",
        "ascii": r"--zip-encoding ascii: .*: the name caf\\x82\.png is not text in it; name another one",
    }.items():
        ran = run_cli(*command, "-o", tmp_path / "refused", "--zip-encoding", page)
        assert ran.code == 2
        assert re.search(words, ran.err), ran.err


def test_a_backslash_in_a_zip_is_explained(tmp_path: Path) -> None:
    source = tmp_path / "a.zip"
    source.write_bytes(raw_zip({"ソ.png".encode("cp932"): encoded(noise(1))}))
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out", *SMALL)
    assert ran.code == 3
    assert "holds a backslash" in ran.err and "--zip-encoding" in ran.err and "give the folder" in ran.err
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out", *SMALL, "--zip-encoding", "cp932")
    assert ran.code == 0, ran.err
    assert records(tmp_path / "out").keys() == {"ソ.png"}
    folder = write_files(tmp_path / "folder", {r"a\b.png": encoded(noise(1))})
    assert run_cli("prepare", "images", "--source", folder, "-o", tmp_path / "kept", *SMALL).code == 0
    assert records(tmp_path / "kept").keys() == {r"a\b.png"}


def test_line_separators_in_names(tmp_path: Path) -> None:
    """U+2028 and U+0085 end a line for Python's splitlines, not for JSON."""
    odd = "a\u2028b\u0085c\u000bd.png"
    files = {f"good{number}.png": encoded(noise(number)) for number in range(4)} | {odd: b"no image"}
    source, out = write_files(tmp_path / "in", files), tmp_path / "out"
    command = ("prepare", "images", "--source", source, "-o", out, *SMALL, "--max-failure-rate", "0.5")
    ran = run_cli(*command)
    assert ran.code == 0, ran.err
    assert [json.loads(line)["id"] for line in (out / "failures.jsonl").read_bytes().split(b"\n")[:-1]] == [odd]
    assert run_cli("inspect", out, "--html", "-o", tmp_path / "page.html").code == 0
    (source / odd).write_bytes(encoded(noise(9)))
    ran = run_cli(*command, "--retry-failed")
    assert ran.code == 0, ran.err
    stored = records(out)
    assert stored.keys() == files.keys()
    assert pixels(stored[odd], 8, 8, 3).tobytes() == expected(encoded(noise(9)))
    assert (out / "failures.jsonl").read_bytes() == b""


def test_no_name_reaches_the_terminal_as_it_is(tmp_path: Path) -> None:
    attack = "\x1b]0;owned\x07\x9b31m\u202e\nerror: forged"
    files = {f"{attack}/{number}.png": encoded(noise(number)) for number in range(2)}
    source = write_files(tmp_path / f"in{attack}", files | {f"{attack}/bad.png": b"no image", f"{attack}.xyz": b""})
    out = tmp_path / f"out{attack}"
    command = ("prepare", "images", "--source", source, "-o", out, *SMALL)
    told = [run_child(*command), run_child(*command, "--dry-run"), run_child(*command, "--dry-run", "--json")]
    assert [ran.code for ran in told] == [3, 0, 0]
    told.append(run_child(*command, "--max-failure-rate", "0.9"))
    told += [run_child("inspect", out), run_child("inspect", out, "--json"), run_child("verify", tmp_path / attack)]
    assert [ran.code for ran in told[3:]] == [0, 0, 0, 3]
    for ran in told:
        for text in (ran.out, ran.err):
            assert all(line.isprintable() for line in text.split("\n")), repr(text)
    assert json.loads(told[2].out)["folder"] == str(out)
