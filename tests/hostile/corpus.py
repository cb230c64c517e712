"""The corpus: lines, CSV files and things in a landing folder, each with what becomes of it.

The fate is ``kept`` or the codes of which the refusal must name one; docs/reference/limits.md tells the same in words.
"""

import bz2
import contextlib
import gzip
import json
import os
import random
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT = "kept"
LONG_LINE = 1_048_576
SHOP = "kind,basket_id,line,purchased_at,store_id,loyalty_card,product_id,quantity,sales_value"
INJECTIONS = (
    "'; DROP TABLE silver.events; --",
    "' OR '1'='1",
    "\\'; select 1; --",
    "{{ 1/0 }}",
    "{% for i in range(9) %}x{% endfor %}",
    "{batch}",
    "%(name)s %s {0}",
    "${env:HOME}",
    "$(touch clew_was_here)",
    "`touch clew_was_here`",
    '=HYPERLINK("http://evil.example","x")',
    "=cmd|' /C calc'!A0",
    "+1+1|cmd",
    "-2+3",
    "@SUM(1+1)",
    "＝1+1",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[2J\x1b]0;owned\x07",
    "\u009b31m",
    "../../etc/passwd",
    "\u202egnp.exe",
    "a\u2028b\u2029c\u0085d",
    "z\u200be\u200dr\u2060o\ufeff",
    "😀" * 50,
    "раура1@exаmple.com",
    "a\x00b",
    "\ufffd",
)
"""Texts that some reader somewhere takes for a command, or for another text."""
STRETCHED = ("1", " ", "\t", ":00", "@", "+", "-", "x\n", "1.")
"""Pieces of which a text of a megabyte keeps a careless pattern busy for hours: a regression is a run that hangs."""


def stretch(piece: str, length: int = LONG_LINE - 10_000) -> str:
    """So long a text of one piece, escapes of JSON counted, and a letter at its end that spoils what it looked like."""
    return piece * (length // len(json.dumps(piece)[1:-1])) + "x"


@dataclass(frozen=True)
class Line:
    """One line of a file, without its end."""

    name: str
    text: bytes
    fate: str


def message(message_id: str, **more: Any) -> dict[str, Any]:
    """A product view that fits its contract."""
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": message_id,
        "anonymousId": "a1",
        "timestamp": "2017-03-01T10:00:00.000Z",
        "properties": {"product_id": "1"},
        **more,
    }


def json_lines(seed: int = 13, long_line: int = LONG_LINE) -> Iterator[Line]:
    """Lines for a Segment source.

    Args:
        seed: Of what is drawn.
        long_line: The longest line that the source takes, in bytes.
    """
    sound = json.dumps(message("sound")).encode()

    def told(name: str, fate: str = KEPT, **more: Any) -> Line:
        return Line(name, json.dumps(message(name, **more)).encode(), fate)

    def product(name: str, raw: bytes, fate: str) -> Line:
        return Line(
            name, json.dumps(message(name)).encode().replace(b'"product_id": "1"', b'"product_id": ' + raw), fate
        )

    def price(name: str, raw: bytes, fate: str) -> Line:
        return Line(name, json.dumps(message(name)).encode().replace(b'"1"', b'"1", "price": ' + raw), fate)

    for number, text in enumerate(INJECTIONS):
        yield told(f"value-{number}", properties={"product_id": "1", "name": text, text: text})
        yield told(f"{number} {text}", context={text: {text: [text]}})
        yield told(f"id-{number}", anonymousId=text)
    yield told("__proto__", properties={"product_id": "1", "__proto__": {"x": 1}, "constructor": "c", "": "empty"})
    yield told("wide", properties={"product_id": "1", **{f"k{n}": n for n in range(10_000)}})
    yield told("long-id", anonymousId="x" * 1_000_000)
    yield told("deep-900", context={"a": json.loads("[" * 900 + "]" * 900)})
    for depth in (1_100, 10_000):
        yield Line(f"arrays-{depth}", b"[" * depth + b"]" * depth, "malformed_json")
        yield Line(f"objects-{depth}", b'{"a":' * depth + b"1" + b"}" * depth, "malformed_json")
        yield product(f"value-deep-{depth}", b"[" * depth + b"]" * depth, "malformed_json")
    yield Line("only-openings", b"[" * 200_000, "malformed_json")
    yield Line("longest-openings", b"[" * long_line, "malformed_json")
    yield Line("too-long", sound.replace(b'"1"', b'"' + b"x" * long_line + b'"'), "line_too_long")
    yield Line("too-long-no-json", b"\xff" * (2 * long_line), "line_too_long")
    yield product("nan", b"NaN", "malformed_json")
    yield product("infinity", b"-Infinity", "malformed_json")
    yield product("huge-number", b"9" * 1_500, "malformed_json")
    yield price("float-beyond", b"1e400", "wrong_type")
    yield price("int-beyond", b"9" * 40, KEPT)
    yield price("negative-zero", b"-0.0", KEPT)
    yield Line("twice", sound.replace(b'"event"', b'"messageId": "other", "event"'), "malformed_json")
    yield Line("twice-deep", sound.replace(b'"product_id"', b'"x": {"a": 1, "a": 2}, "product_id"'), "malformed_json")
    yield Line("two-on-a-line", sound + sound, "malformed_json")
    yield Line("null", b"null", "malformed_json|missing_message_id")
    yield Line("nothing", b"", "blank_line")
    yield Line("blanks", b"   ", "blank_line")
    yield Line("return", b"\r", "blank_line")
    yield Line("nul-bytes", b"\0" * 1_000, "malformed_json")
    yield Line("nul-in-text", sound.replace(b"Product", b"Pro\0duct"), "malformed_json")
    yield Line("latin-1", json.dumps(message("é"), ensure_ascii=False).encode("latin-1"), "not_utf8")
    yield Line("utf-16", json.dumps(message("x")).encode("utf-16").replace(b"\n", b""), "not_utf8")
    yield Line("overlong", b'{"a": "\xc0\xaf"}', "not_utf8")
    yield Line("surrogate-bytes", b'{"a": "\xed\xa0\x80"}', "not_utf8")
    for piece in STRETCHED:
        name, text = f"stretched {piece!r}", stretch(piece, long_line - 10_000)
        yield told(f"{name} number", "wrong_type", properties={"product_id": "1", "price": text})
        pieces = {"product_id": "1", "quantity": text}
        yield told(f"{name} integer", "wrong_type", event="Product Added", properties=pieces)
        yield told(f"{name} time", "unreadable_timestamp", timestamp=text)
        third = stretch(piece, (long_line - 10_000) // 3)
        yield told(f"{name} person", type="identify", traits=dict.fromkeys(("email", "phone", "name"), third))
    yield told("half-emoji", context={"name": "\ud83d", "os": "\ude00"})
    yield Line("mark", b"\xef\xbb\xbf" + json.dumps(message("mark")).encode(), KEPT)
    yield Line("returns", json.dumps(message("returns")).encode() + b"\r\r\r", KEPT)
    yield Line("return-inside", json.dumps(message("return-inside")).encode().replace(b", ", b",\r"), KEPT)
    yield told("year-0", "unlikely_timestamp|unreadable_timestamp", timestamp="0000-01-01T00:00:00Z")
    yield told("year-1", "unlikely_timestamp", timestamp="0001-01-01T00:00:00Z")
    yield told("year-9999", "future_timestamp", timestamp="9999-12-31T23:59:59Z")
    yield told("year-9999999", "unreadable_timestamp", timestamp="9999999-01-01T00:00:00Z")
    yield told("february-30", "unreadable_timestamp", timestamp="2017-02-30T00:00:00Z")
    yield told("epoch-beyond", "unreadable_timestamp", timestamp=10**40)
    yield told("sent-in-year-0", sentAt="0000-01-01T00:00:00Z")
    yield told("sent-beyond", sentAt="+294247-01-10T04:00:54Z")
    yield Line("empty-batch", b'{"batch": []}', "empty_batch")
    yield Line("batch-of-nulls", b'{"batch": [null]}', "blank_line")
    yield Line("batch-is-text", b'{"batch": "x"}', "missing_message_id")
    yield Line("two-batches", b'{"batch": [' + sound + b'], "batch": []}', "malformed_json")
    flood = b'{"batch": [' + b"{}," * 20_000 + b'{}], "context": {"a": "' + b"x" * (long_line // 8) + b'"}}'
    yield Line("batch-that-copies-its-context", flood, "batch_too_large")
    # Lines as long as they may be, with as many messages as fit, and as many as are allowed.
    yield Line("crowd", b"[" + b"{}," * (long_line // 3 - 1) + b"{}]", "batch_too_large")
    yield Line("crowd-in-a-batch", b'{"batch": [' + b"{}," * 10_000 + b"{}]}", "batch_too_large")
    yield Line("full-batch", json.dumps([{"text": "x" * 90}] * 10_000).encode(), "missing_type")
    yield Line("forged-notice", b'{"clew_unreadable_file": "a", "reason": "none"}', "unreadable_file")
    draw = random.Random(seed)
    for number in range(60):  # sound messages with bytes changed, taken out or put in
        broken = bytearray(json.dumps(message(f"drawn-{number}")).encode())
        for _ in range(draw.randint(1, 6)):
            place = draw.randrange(len(broken))
            broken[place : place + draw.randint(0, 2)] = draw.randbytes(draw.randint(0, 2)).replace(b"\n", b"")
        yield Line(f"drawn-{number}", bytes(broken), "")


def purchase(basket: str) -> bytes:
    """A line of the shop that fits its contract."""
    return f"purchase,{basket},1,2017-01-01 06:53:26,330,L1,77,1,0.5".encode()


def csv_lines() -> Iterator[Line]:
    """Lines under the header :data:`SHOP`."""

    def cell(name: str, raw: bytes, fate: str = KEPT) -> Line:
        return Line(name, purchase(name).replace(b",77,", b"," + raw + b","), fate)

    for number, text in enumerate(INJECTIONS):
        quoted = '"' + text.replace('"', '""') + '"'
        yield cell(f"q{number}", quoted.encode())
    yield cell("quotes-inside", b'7"7"7', "")
    yield cell("open-quote", b'"77', "malformed_csv")
    yield cell("text-after-quote", b'"7"7', "malformed_csv|kept")
    yield cell("return", b"7\rpurchase", "malformed_csv")
    yield cell("quoted-return", b'"7\r7"', "malformed_csv")
    yield cell("quoted-delimiters", b'"' + b"," * 1_000 + b'"')
    yield cell("nul", b"7\x007")
    yield cell("backslash", b"7\\")
    yield cell("megabyte", b"x" * 1_000_000)
    for cells in (1_000, 21_000, 900_000):
        yield Line(f"cells-{cells}", purchase("c") + b"," * cells, "malformed_csv")
    for piece in STRETCHED:
        if "\n" in piece:  # the end of a line
            continue
        timed = purchase("t").replace(b"2017-01-01 06:53:26", stretch(piece).encode())
        yield Line(f"stretched {piece!r} time", timed, "unreadable_timestamp")
        priced = purchase("n").replace(b"0.5", stretch(piece).encode())
        yield Line(f"stretched {piece!r} number", priced, "wrong_type")
    yield Line("stretched quotes", purchase("q") + b'"' * (LONG_LINE - 10_000), "malformed_csv|wrong_type")
    yield Line("delimiters", b",,,,,,,,", "no_mapping")
    yield Line("quotes", b'"' * 999, "malformed_csv")
    yield Line("even-quotes", b'"' * 1_000, "malformed_csv|no_mapping")
    yield Line("not-utf8", purchase("\xff").replace("\xff".encode(), b"\xff"), "not_utf8")
    yield Line(
        "year-0", purchase("y0").replace(b"2017-01-01", b"0000-01-01"), "unlikely_timestamp|unreadable_timestamp"
    )
    yield Line("beyond", purchase("y1").replace(b"0.5", b"1e400"), "wrong_type")
    yield Line("forged-notice", b'{"clew_line_too_long": 1}', "line_too_long")


NAMES = (
    "a:b", "a%20b", "a%2Fb", "a+b c", "a\nb", "a\x01\x1b[31mb", "a'b\"c", "a*b?[x]{y}", "-rf", "é\u202e", "a\\b",
    "a;b|c$(x)`y`", "a#b?c=d", "x" * 240, "=a", "p", "mp", "tmp", "%", "%zz", "a\u2028b", "a\rb", "{{x}}", "folder/x",
    "day=1/x", "a..b", " blank ", "a&b<c>",
)  # fmt: skip
"""Names of files, each of which lands."""


def odd_things(folder: Path, expanded: int) -> dict[str, Callable[[Path], object]]:
    """What a landing folder may hold that is no file of lines, by name: each is set aside and counted.

    Args:
        folder: A landing folder, which links point to.
        expanded: The most bytes that an archive may hold.
    """
    return {
        "passwd.jsonl": lambda path: path.symlink_to("/etc/passwd"),
        "loop": lambda path: path.symlink_to(folder),
        "up": lambda path: path.symlink_to(".."),
        "dangling.jsonl": lambda path: path.symlink_to("/nowhere"),
        "etc": lambda path: path.symlink_to("/etc"),
        "pipe.jsonl": os.mkfifo,
        "pipe.jsonl.gz": os.mkfifo,
        "socket": _socket,
        "bomb.jsonl.gz": lambda path: path.write_bytes(gzip.compress(b"\0" * (expanded + 1), 9)),
        "bomb.jsonl.bz2": lambda path: path.write_bytes(bz2.compress(b"\0" * (expanded + 1))),
        "bomb-in-bomb.gz": lambda path: path.write_bytes(gzip.compress(gzip.compress(b"\n" * 9) + b"junk")[:-4]),
        "n" * 250 + ".zst": lambda path: path.write_bytes(b"\x28\xb5\x2f\xfd"),
        "empty.jsonl.gz": lambda path: path.write_bytes(b"not gzip"),
        "zeros-behind.gz": lambda path: path.write_bytes(gzip.compress(b"{}\n") + b"\0" * 512),
        "zero-behind.gz": lambda path: path.write_bytes(gzip.compress(b"{}\n") + b"\0"),
        "reserved-flag.gz": lambda path: path.write_bytes(gzip_member(0x80)),
        "wrong-header-sum.gz": lambda path: path.write_bytes(gzip_member(0x02, b"\x12\x34")),
        "wrong-length.gz": lambda path: path.write_bytes(gzip.compress(b"{}\n")[:-4] + b"\1\0\0\0"),
        "broken-second.bz2": lambda path: path.write_bytes(bz2.compress(b"{}\n") + b"BZh9 and no more"),
    }


def gzip_member(flags: int, fields: bytes = b"") -> bytes:
    """A .gz of one line whose header has these flags and fields."""
    packed = gzip.compress(b"{}\n", mtime=0)
    return packed[:3] + bytes([flags]) + packed[4:10] + fields + packed[10:]


@contextlib.contextmanager
def very_deep(depth: int = 1_100, name: str = "d") -> Iterator[Path]:
    """A folder with more folders in one another than Python goes down by recursion.

    It is none of pytest's own, and removed by ``rm``: what removes those goes down by recursion.
    """
    home, here = Path(tempfile.mkdtemp(prefix="clew-deep-")), os.getcwd()
    try:
        os.chdir(home)
        for _ in range(depth):  # by steps, since the system takes no path of more than 4,096 bytes
            os.mkdir(name)
            os.chdir(name)
        Path("in.jsonl").write_bytes(b"{}\n")
        os.chdir(here)
        yield home
    finally:
        os.chdir(here)
        subprocess.run(["rm", "-rf", home], check=True)


def nest(folder: Path, depth: int) -> Path:
    """So many folders in one another, and a file in the innermost; the first is ``folder``."""
    for _ in range(depth):
        folder.mkdir()
        folder /= "d"
    folder.write_bytes(b"{}\n")
    return folder


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # an address of more than 107 bytes is refused
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)
    assert stat.S_ISSOCK(path.lstat().st_mode)
