"""Packed files: unpacked as strictly as Spark's reader does it, and packed so that the same lines give the same bytes.

Python passes over what ends Spark's stream: zeros behind a .gz, flags that no reader knows, a wrong sum of its header.
"""

import bz2
import gzip
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

READ: dict[str, Callable[[Path], gzip.GzipFile | bz2.BZ2File]] = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File}
CHUNK = 1 << 20
STEP = 1 << 13
"""So much is unpacked at a time: what is behind a member is read again, and there may be very many members."""
HEADER_BYTES = 1 << 16
"""The longest name or comment in a header."""
RESERVED, CHECKED, EXTRA, TEXTS = 0xE0, 0x02, 0x04, (0x08, 0x10)
"""Flags of a header (RFC 1952): unknown, a sum of it, more fields, a name and a comment."""


def unpacked(path: Path) -> Iterator[bytes]:
    """The content of a .gz or .bz2, part by part.

    Raises:
        OSError, EOFError, zlib.error: If a reader that takes everything seriously would stop there.
    """
    with path.open("rb") as file:
        members = _gzip_member if path.suffix.lower() == ".gz" else _bz2_member
        while file.read(1):
            file.seek(-1, os.SEEK_CUR)
            yield from members(file)


def opened(path: Path) -> BinaryIO:
    """The text of a file, unpacked, to be read."""
    unpack = READ.get(path.suffix.lower())
    return unpack(path) if unpack else path.open("rb")  # type: ignore[return-value]


def packing(ending: str, raw: BinaryIO) -> BinaryIO:
    """What writes to ``raw`` as files of that ending are packed."""
    if ending.lower() == ".gz":
        return gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0)  # type: ignore[return-value]
    if ending.lower() == ".bz2":
        return bz2.BZ2File(raw, "wb")  # type: ignore[return-value]
    return open(raw.fileno(), "wb", closefd=False)


def _gzip_member(file: BinaryIO) -> Iterator[bytes]:
    _pass_header(file)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    check = size = 0
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or file.read(STEP)
        part = unpacker.decompress(packed, CHUNK)
        if not packed and not part and not unpacker.eof:
            raise EOFError("it is cut off")
        check, size = zlib.crc32(part, check), size + len(part)
        yield part
    file.seek(-len(unpacker.unused_data), os.SEEK_CUR)
    if struct.unpack("<II", _exactly(file, 8)) != (check, size & 0xFFFFFFFF):
        raise gzip.BadGzipFile("its sum or its length is not that of its content")


def _pass_header(file: BinaryIO) -> None:
    at = file.tell()
    head = file.read(3)
    if head != b"\x1f\x8b\x08":
        raise gzip.BadGzipFile(f"something that is no gzip lies behind its {at} bytes" if at else "it is no gzip")
    head += _exactly(file, 7)
    flags = head[3]
    if flags & RESERVED:
        raise gzip.BadGzipFile("its header has flags that are reserved")
    if flags & EXTRA:
        head += (size := _exactly(file, 2))
        head += _exactly(file, int.from_bytes(size, "little"))
    for flag in TEXTS:
        head += _text(file) if flags & flag else b""
    if flags & CHECKED and int.from_bytes(_exactly(file, 2), "little") != zlib.crc32(head) & 0xFFFF:
        raise gzip.BadGzipFile("the sum of its header is wrong")


def _text(file: BinaryIO) -> bytes:
    text = bytearray()
    while len(text) < HEADER_BYTES:
        text += _exactly(file, 1)
        if not text[-1]:
            return bytes(text)
    raise gzip.BadGzipFile(f"a text in its header is longer than {HEADER_BYTES} bytes")


def _exactly(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise EOFError("it is cut off")
    return content


def _bz2_member(file: BinaryIO) -> Iterator[bytes]:
    unpacker = bz2.BZ2Decompressor()
    while not unpacker.eof:
        packed = file.read(STEP) if unpacker.needs_input else b""
        if unpacker.needs_input and not packed:
            raise EOFError("it is cut off")
        yield unpacker.decompress(packed, CHUNK)
    file.seek(-len(unpacker.unused_data), os.SEEK_CUR)
