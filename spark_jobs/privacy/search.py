"""Search every byte that Clew keeps for values that should be gone: files as they lie, and what is packed in them.

Of a Parquet file that is every value in it as text (spark_jobs.privacy.cells), dictionaries included, and all bytes
that are no page of a column, as the statistics in the footer. Dates and times are written out where what is looked for
may be one. A compressed page is not searched as it lies: in it a longer word may be cut to a shorter; for the same
reason a statistic that is a text of the file cut short counts as that text.
Of an archive it is its content, of Delta's log the commits and the checkpoints. Places are told, values never.
"""

import hashlib
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.identity import IdentityRules
from contracts.records import KINDS
from lakehouse import spill
from spark_jobs.bronze.folders import files_within
from spark_jobs.bronze.packed import READ
from spark_jobs.privacy import cells
from spark_jobs.privacy.keys import EVENT, NUMBER, RECORD, TOKEN, WIDE, WORD, distinctive, email_form, mail_rule
from spark_jobs.privacy.state import NOT_SEARCHED
from spark_jobs.privacy.written import of_bytes

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_BESIDES = "beside the pages"
_BETWEEN = b"\x00\n"
_CHUNK = 1 << 24
_OVERLAP = 4096
_CUT = 64
"""Bytes to which writers cut a text for a statistic, at the end of a letter.

Source: ``WriterProperties`` of Rust's parquet (``statistics_truncate_length``, ``column_index_truncate_length``), and
``parquet.columnindex.truncate.length`` of Java's.
"""
_LETTER = 4
"""Bytes of the longest letter in UTF-8."""
_WORD, _WIDE, _WIDE_AT = re.compile(WORD.encode()), re.compile(WIDE.encode()), "＠".encode()
_NUMBER = re.compile(NUMBER.encode())


@dataclass(frozen=True)
class Finder:
    """What is looked for.

    Attributes:
        found: The names of what is in some bytes.
        times: Whether it may stand in a column of dates or times.
    """

    found: Callable[[bytes], set[str]]
    times: bool = False


@dataclass(frozen=True)
class Place:
    """A file in which something was found.

    Attributes:
        file: Its path, relative to the workspace where it lies in it.
        where: raw bytes, content, the column, or beside the pages of a Parquet file.
        what: Which value, by its number as it was given, or the kind of name that a hash is of.
    """

    file: str
    where: str
    what: str


@dataclass(frozen=True)
class Searched:
    """What was looked at, and where something was found."""

    files: int
    bytes: int
    places: tuple[Place, ...]


def for_values(values: Iterable[str], forms: Callable[[str], Iterable[str]] = lambda value: (value,)) -> Finder:
    """Finds values in any case of their letters; ``value 2`` is the second.

    Args:
        values: As they were given.
        forms: What to look for in place of a value.
    """
    given = [(number, form) for number, value in enumerate(values, start=1) for form in forms(value)]
    names = [(form.lower().encode(), f"value {number}") for number, form in given if form]

    def found(content: bytes) -> set[str]:
        small = of_bytes(content).lower()
        return {name for value, name in names if value in small}

    return Finder(found, times=any(cells.may_be_time(form) for _, form in given))


def for_hashes(key: bytes, hashes: Mapping[str, Iterable[str]], sources: Iterable[str], rules: IdentityRules) -> Finder:
    """Finds what has one of the keyed hashes of a certificate: every word and number is hashed and compared.

    Args:
        key: The privacy key.
        hashes: By namespace.
        sources: The declared sources, which ids of events begin with.
        rules: By which an address is known in any spelling of its mailbox.
    """
    of_mail = mail_rule(rules)
    sought = {namespace: set(its) for namespace, its in hashes.items()}
    inner = {namespace: _Hmac(key, namespace) for namespace in sought}
    of_record = tuple(f"{kind}:" for kind in KINDS)
    of_event = tuple(f"{source}:" for source in sources)
    known: dict[bytes, str | None] = {}

    def is_of(namespace: str, form: str) -> bool:
        if namespace not in sought:
            return False
        state = inner[namespace].copy()
        state.update(form.encode())
        return state.hexdigest() in sought[namespace]

    def judge(word: bytes) -> str | None:
        text = word.decode(errors="replace")
        if text.startswith(of_record) and is_of(RECORD, text):
            return RECORD
        if text.startswith(of_event) and is_of(EVENT, text):
            return EVENT
        tokens = (email_form(token, of_mail) if of_mail else token for token in distinctive(text))
        return TOKEN if any(is_of(TOKEN, token) for token in tokens) else None

    def found(content: bytes) -> set[str]:
        names = set()
        content = of_bytes(content)
        digits = (re.sub(rb"[^0-9]", b"", number) for number in set(_NUMBER.findall(content)))
        addresses = (word for word in _WIDE.findall(content) if b"@" in word or _WIDE_AT in word)
        for word in {*_WORD.findall(content), *addresses, *digits}:
            if word not in known:
                known[word] = judge(word)
            if known[word]:
                names.add(str(known[word]))
        if len(known) > 2_000_000:
            known.clear()
        return names

    return Finder(found)  # what has a hash is an id or an identifier, which no column of times holds


def search(lake: "Lake", finder: Finder, hear: Callable[[int, int], None] = lambda *_: None) -> Searched:
    """Search all files of the lake, landing/, exports/ and what Clew keeps beside them.

    What processes put aside that are no more is removed before; what others at work have put aside goes with them.

    Args:
        lake: The lake.
        finder: What to look for.
        hear: Is told how many files of how many were searched, after each.
    """
    spill.clear(lake.settings.state)
    size = 0
    places: list[Place] = []
    paths = list(files_of(lake))
    for number, path in enumerate(paths, start=1):
        size += path.stat().st_size
        name = _shown(lake, path)
        places += [Place(name, "its name", what) for what in sorted(finder.found(name.encode()))]
        for where, content in _contents(path, finder.times):
            names = finder.found(content)
            if names and where == _BESIDES:
                names = finder.found(_without_cuts(content, path))
            places += [Place(name, where, what) for what in sorted(names)]
        hear(number, len(paths))
    unique = sorted(set(places), key=lambda place: (place.file, place.where, place.what))
    return Searched(len(paths), size, tuple(unique))


def files_of(lake: "Lake") -> Iterator[Path]:
    """Every file that Clew keeps, but the jars and the keys."""
    settings = lake.settings
    roots = {settings.lake, settings.landing, settings.exports, settings.state, settings.certificates}
    roots |= {settings.places.restricted}
    for root in sorted(root for root in roots if not any(root.is_relative_to(other) for other in roots - {root})):
        for path in files_within(root):
            place = path.relative_to(root)
            is_ours = root == settings.state and (place.parts[0] in NOT_SEARCHED or path.suffix == ".key")
            if not is_ours:
                yield path


def _contents(path: Path, times: bool) -> Iterator[tuple[str, bytes]]:
    if path.suffix == ".parquet" and (pages := _pages(path)):
        try:
            yield from _texts(path, times)
            yield from ((_BESIDES, content) for content in _besides(path, pages))
        except (OSError, ValueError):
            pass  # broken: it is read as it lies
        else:
            return
    with path.open("rb") as file:
        yield from (("raw bytes", part) for part in _parts(file.read))
    if path.suffix.lower() in READ:
        try:
            with READ[path.suffix.lower()](path) as packed:
                yield from (("content", part) for part in _parts(packed.read))
        except (OSError, EOFError, zlib.error):
            return  # broken: what can be read of it was read


def _parts(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """A file part by part, each with the end of the one before it, so that no value is cut."""
    before = b""
    while part := read(_CHUNK):
        yield before + part
        before = part[-_OVERLAP:]


def _pages(path: Path) -> list[tuple[int, int]]:
    """Where the pages of a Parquet file's columns begin and end, in order; none where it is none, or has no row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        told = pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid):
        return []  # no Parquet file, whatever it is called
    columns = [
        told.row_group(group).column(number)
        for group in range(told.num_row_groups)
        for number in range(told.row_group(group).num_columns)
    ]
    begins = [
        (min(column.dictionary_page_offset or column.data_page_offset, column.data_page_offset), column)
        for column in columns
    ]
    return sorted((begin, begin + column.total_compressed_size) for begin, column in begins)


def _besides(path: Path, pages: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """What of a file lies beside its pages."""
    with path.open("rb") as file:
        at = 0
        for begin, end in pages:
            if begin > at:
                file.seek(at)
                yield file.read(begin - at)
            at = max(at, end)
        file.seek(at)
        yield file.read()


def _without_cuts(content: bytes, path: Path) -> bytes:
    """What lies beside a Parquet file's pages, without statistics that are a text of its pages cut short.

    ``web:17`` may stand there for ``web:170`` of somebody else; and the whole text was searched.
    """
    texts = (text for _, joined in _texts(path) for text in joined.split(_BETWEEN))
    cuts = {cut for text in texts if len(text) > _CUT for cut in _cut(text)}
    left = bytearray(content)
    for at in range(len(content)):
        for length in range(_CUT - _LETTER + 1, _CUT + 1):
            if content[at : at + length] in cuts:
                left[at : at + length] = b" " * length
    return bytes(left)


def _cut(text: bytes) -> Iterator[bytes]:
    """A long text as a least value and as a greatest, whose last letter is the next in order."""
    least = text[:_CUT].decode(errors="ignore")
    if least:  # else it is no text
        yield least.encode()
        yield (least[:-1] + chr(min(ord(least[-1]) + 1, sys.maxunicode))).encode(errors="replace")


def _texts(path: Path, times: bool = False) -> Iterator[tuple[str, bytes]]:
    """Every value in a Parquet file as text; dates and times only where they are asked for.

    Raises:
        OSError, ValueError: If a page of it is broken.
    """
    import pyarrow.parquet as pq

    flat = [field.name for field in pq.read_schema(path) if cells.is_one_of(field.type, cells.TEXTS)]
    file = pq.ParquetFile(path, read_dictionary=flat)
    for batch in file.iter_batches(batch_size=65_536):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            for texts in cells.leaves(column, times):
                joined = _BETWEEN.join(_bytes(text) for text in texts.to_pylist() if text is not None)
                yield f"column {name}", joined


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


class _Hmac:
    """HMAC-SHA256 of a namespace, begun, so that each word costs two short hashes."""

    def __init__(self, key: bytes, namespace: str) -> None:
        from lakehouse.pseudonym import SEPARATOR, pads

        first, second = pads(key)
        self._inner, self._outer = hashlib.sha256(first + (namespace + SEPARATOR).encode()), hashlib.sha256(second)

    def copy(self) -> "_Hmac":
        made = object.__new__(_Hmac)
        made._inner, made._outer = self._inner.copy(), self._outer.copy()
        return made

    def update(self, content: bytes) -> None:
        self._inner.update(content)

    def hexdigest(self) -> str:
        self._outer.update(self._inner.digest())
        return self._outer.hexdigest()


def _shown(lake: "Lake", path: Path) -> str:
    home = lake.settings.home.absolute()
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)
