"""Packed files and files of other encodings."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoevol.config import DataConfig
from autoevol.core.errors import InputError
from autoevol.data import load_rows

Write = Callable[[str, object], Path]


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True) if content else b""


PACKERS: dict[str, Any] = {".gz": gzip.compress, ".zst": zstd, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.txt"])
def test_packed_files(name: str, suffix: str, write: Write) -> None:
    content = {"a.jsonl": '{"text": "Ask ü"}\n', "a.csv": "text,n\nAsk ü,1\n", "a.txt": "Ask ü\n"}[
        name
    ].encode()
    half = len(content) // 2
    packed = PACKERS[suffix](content[:half]) + PACKERS[suffix](content[half:])
    for path in (write(name + suffix, packed), write(name, packed)):
        assert [row.instruction for row in load_rows(path).rows] == ["Ask ü"]


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_file_that_was_cut_off(suffix: str, write: Write) -> None:
    packed = PACKERS[suffix](b"".join(b'{"text": "%d"}\n' % (number**5) for number in range(20_000)))
    with pytest.raises(InputError, match=rf"a.jsonl{suffix} cannot be read: .*fetch it again"):
        load_rows(write(f"a.jsonl{suffix}", packed[: len(packed) // 2]), skip_bad=True)


def test_an_archive_of_files_says_what_to_do(write: Write) -> None:
    with pytest.raises(InputError, match=r"a.jsonl is a ZIP archive. Unpack it"):
        load_rows(write("a.jsonl", b"PK\x03\x04rest"))


def test_a_text_is_a_prompt_a_line(write: Write) -> None:
    loaded = load_rows(write("a.txt", "\ufeffOne, two\r\n\n  Three\u2028four \nOne, two"))
    assert [row.instruction for row in loaded.rows] == ["One, two", "Three\u2028four"]
    assert (loaded.shape, loaded.duplicates) == ("text strings", 1)
    with pytest.raises(InputError, match=r"b.txt, line 2: not UTF-8 \(byte 4 .*--encoding"):
        load_rows(write("b.txt", b"Good\ncaf\xe9\n"))


CHINESE = "用三句话解释为什么天空是蓝色的"


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "big5hkscs", "utf-16", "utf-8-sig", "UTF_32"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json", "a.txt", "a.tsv"])
def test_other_encodings(name: str, encoding: str, write: Write) -> None:
    text = "解釋天空" if "big5" in encoding else CHINESE
    content = {
        "a.csv": f"instruction,output\n{text},x\n",
        "a.tsv": f"instruction\toutput\n{text}\tx\n",
        "a.jsonl": f'{{"instruction": "{text}"}}\n',
        "a.json": f'[{{"instruction": "{text}"}}]',
        "a.txt": f"{text}\n",
    }[name]
    path = write(name, content.encode(encoding))
    assert [row.instruction for row in load_rows(path, encoding=encoding).rows] == [text]


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30).filter(str.strip),
    st.integers(0, 3),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_recoding_changes_no_text(tmp_path: Path, text: str, before: int) -> None:
    path = tmp_path / "a.txt"
    padding = "x" * (64 * 1024 - before) + "\n"  # so that characters lie across chunks
    path.write_bytes((padding + text).encode("utf-16-le"))
    assert load_rows(path, encoding="utf-16-le").rows[-1].instruction == text.removeprefix("\ufeff").strip()


def test_a_wrong_encoding_is_told_with_the_flag(write: Write) -> None:
    path = write("a.csv", f"instruction,output\n{CHINESE},x\n".encode("gbk"))
    with pytest.raises(InputError, match=r"a.csv, line 2: not UTF-8.*--encoding \(gbk"):
        load_rows(path)
    with pytest.raises(InputError, match=r"a.csv is not ascii: .*--encoding"):
        load_rows(path, encoding="ascii", skip_bad=True)
    for unknown in ("klingon", "base64", "nul\0"):
        with pytest.raises(InputError, match=r"--encoding .* is unknown; known are"):
            load_rows(path, encoding=unknown)


def test_the_settings_carry_the_encoding(write: Write) -> None:
    path = write("a.txt", CHINESE.encode("gbk"))
    assert load_rows(path, **DataConfig(encoding="gbk").reading()).rows[0].instruction == CHINESE
