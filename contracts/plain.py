"""Letters, signs, digits and blanks of other widths and scripts, as ASCII has them; without signs that show nothing.

It is the part of Unicode's NFKC (UAX #15) that telephones and addresses are written with, and digits of every script,
which `phonenumbers` reads. Neither Spark nor DuckDB has NFKC, and all three must call one number the same.
"""

import unicodedata

_BMP = 0x10000  # Spark's translate takes what lies beyond for two letters


def _pairs() -> dict[str, str]:
    full_width = {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)}
    others = (chr(code) for code in range(0x80, _BMP))
    digits_and_blanks = {
        letter: " " if unicodedata.category(letter) == "Zs" else str(unicodedata.decimal(letter))
        for letter in others
        if unicodedata.category(letter) in ("Nd", "Zs")
    }
    return {other: plain for other, plain in {**full_width, **digits_and_blanks}.items() if plain not in "'\\"}


_PAIRS = _pairs()
_UNSEEN = "".join(chr(code) for code in range(0x80, _BMP) if unicodedata.category(chr(code)) == "Cf")
"""Zero-width blanks, soft hyphens, marks of direction."""
_FROM, _TO = "".join(_PAIRS) + _UNSEEN, "".join(_PAIRS.values())
_TABLE = str.maketrans(dict.fromkeys(_UNSEEN, "") | _PAIRS)


def plain(text: str) -> str:
    """The text with these as ASCII has them."""
    return text.translate(_TABLE)


def plain_sql(value: str) -> str:
    """The same in SQL of Spark and DuckDB, both of which leave out what has no counterpart."""
    return f"translate({value}, '{_FROM}', '{_TO}')"
