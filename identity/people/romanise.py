"""Names of Cyrillic and Greek letters in Latin ones, as passports write them, so that Дмитрий meets Dmitri.

Alphabets only: letter by letter says little of a name that is written without vowels, or in characters of whole words.
"""

_LATIN = str.maketrans(
    dict(zip("абвгдезиклмнопрстуфыэіїјћђґў", "abvgdeziklmnoprstufyeiijcdgu", strict=True))
    | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya", "ъ": "", "ь": ""}
    | {"є": "ye", "љ": "lj", "њ": "nj", "џ": "dz"}
    | dict(zip("αβγδεζηικλμνξοπρσςτυφω", "avgdeziiklmnxoprsstyfo", strict=True))
    | {"θ": "th", "χ": "ch", "ψ": "ps"}
)


def romanised(name: str) -> str:
    """A name in standard form (``identity.standardise.name``) in Latin letters; those of other scripts stay."""
    return name if name.isascii() else name.translate(_LATIN)
