"""Opening a text file: unpacked, and as UTF-8 whatever its encoding is."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import IO, cast

from autoevol.core.errors import InputError

PACKED = (".gz", ".zst", ".zstd", ".bz2", ".xz")
_CHUNK = 64 * 1024

Opener = Callable[[], IO[bytes]]


@contextmanager
def opened(opener: Opener, name: str, encoding: str | None = None) -> Iterator[IO[bytes]]:
    """The bytes of a text file as UTF-8, unpacked (told by content, not by name).

    Args:
        opener: Opens it.
        name: What messages call it.
        encoding: That of the file; None for UTF-8, in which what is wrong is found record by record.

    Raises:
        InputError: It cannot be read, it is empty, or it has another encoding. Also if the file
            turns out damaged inside the `with` block: what is lost cannot be counted, so a
            damaged file is never skipped over.
    """
    try:
        with opener() as file:
            stream = _unpacked(_buffered(file), name)
            if not stream.peek(1):
                raise InputError(f"{name} is empty")
            if encoding is None:
                _check_utf8(stream.peek(4)[:4], name)
            else:
                stream = _buffered(_Pipe(_recoded(stream, encoding)))
            yield stream
    except UnicodeError as exc:
        raise InputError(f"{name} is not {encoding}: {exc}. Give its own encoding with --encoding") from exc
    # The exception of a packing library that is not loaded cannot be named; all of Arrow's are OSErrors.
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as exc:
        raise InputError(f"{name} cannot be read: {exc}. Check the file, or fetch it again") from exc


def check_encoding(encoding: str) -> None:
    """Raise InputError unless `encoding` is one that text can have."""
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError, ValueError):
        raise InputError(
            f"--encoding {encoding!r} is unknown; known are utf-8, utf-16, gbk, gb18030, big5, shift_jis, "
            "euc-kr, cp1252, latin-1 and the others of Python"
        ) from None


def _unpacked(stream: io.BufferedReader, name: str) -> io.BufferedReader:
    start = stream.peek(6)[:6]
    if start.startswith(b"\x1f\x8b"):
        return _buffered(gzip.GzipFile(fileobj=stream))
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa  # heavy, and the one dependency that knows Zstandard

        return _buffered(pa.CompressedInputStream(stream, "zstd"))
    if start.startswith(b"BZh"):
        return _buffered(bz2.BZ2File(stream))
    if start.startswith(b"\xfd7zXZ\0"):
        return _buffered(lzma.LZMAFile(stream))
    if start.startswith(b"PK\x03\x04"):
        raise InputError(f"{name} is a ZIP archive. Unpack it, and give the file in it")
    return stream


def _buffered(raw: object) -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, raw))


def _check_utf8(start: bytes, name: str) -> None:
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{name}, line 1: the file is UTF-16. Say so with --encoding utf-16")


def _recoded(stream: IO[bytes], encoding: str) -> Generator[bytes, None, None]:
    """The same text as UTF-8, a chunk at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    while chunk := stream.read(_CHUNK):
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


class _Pipe(io.RawIOBase):
    """Chunks of bytes as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
