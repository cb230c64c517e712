"""Standard forms of what people and programs type, and the reason where a value has none.

Every function takes one value and gives its standard form; doing it twice changes nothing. The identity
contract names the function for each identifier, so a new identifier needs code only if its form is new.
"""

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa

from contracts.identity import Attributes, IdentifierRule, IdentityRules, MailDomain
from contracts.mailbox import address
from contracts.phone import LONGEST_SENT, e164
from contracts.plain import plain

_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\]\\]+@(?:[^@\s.\"(),:;<>\[\]\\]+\.)+[^@\s.\"(),:;<>\[\]\\]{2,}")
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u0652]")
_LATIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_DEVICE = re.compile(r"[\w\-.:]{1,128}")
_DATES = (
    ("%Y-%m-%d", re.compile(r"\d{4}-\d{1,2}-\d{1,2}")),
    ("%Y/%m/%d", re.compile(r"\d{4}/\d{1,2}/\d{1,2}")),
    ("%Y%m%d", re.compile(r"\d{8}")),
    ("%m/%d/%Y", re.compile(r"\d{1,2}/\d{1,2}/\d{4}")),
    ("%d.%m.%Y", re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}")),
    ("%d-%m-%Y", re.compile(r"\d{1,2}-\d{1,2}-\d{4}")),
    ("%d %b %Y", re.compile(r"\d{1,2} [A-Za-z]{3} \d{4}")),
    ("%d %B %Y", re.compile(r"\d{1,2} [A-Za-z]{4,} \d{4}")),
    ("%b %d, %Y", re.compile(r"[A-Za-z]{3} \d{1,2}, \d{4}")),
    ("%B %d, %Y", re.compile(r"[A-Za-z]{4,} \d{1,2}, \d{4}")),
)
_STREET_WORDS = {
    "street": "st", "avenue": "ave", "av": "ave", "road": "rd", "drive": "dr", "lane": "ln", "boulevard": "blvd",
    "court": "ct", "place": "pl", "terrace": "ter", "highway": "hwy", "parkway": "pkwy", "circle": "cir",
    "north": "n", "south": "s", "east": "e", "west": "w", "apartment": "apt", "suite": "ste", "unit": "apt",
}  # fmt: skip
LONGEST_EMAIL, LONGEST_CODE, LONGEST_TEXT = 254, 512, 256
"""What is longer is no address (RFC 5321), key, name or line of an address. Comparing two names takes time by the
product of their lengths: a pair of 100,000 letters each would take as long as millions of pairs."""
_NOT_A_NAME = frozenset({"n/a", "na", "none", "null", "unknown", "test", "tba", "xxx", "nan", "undefined"})


@dataclass(frozen=True)
class Standard:
    """A value's standard form; ``reason`` says why it does not identify, and is None where it does."""

    value: str
    reason: str | None = None


def email(raw: str, plus_tags: str = "keep", domains: tuple[MailDomain, ...] = ()) -> Standard:
    """The address alone, NFKC, lower case; the ``+tag``, and dots at some providers, dropped where that is declared."""
    too_long = "malformed: longer than an e-mail address may be"
    if len(raw) > LONGEST_SENT:
        return Standard(raw.strip().lower(), too_long)
    value = address(" ".join(unicodedata.normalize("NFKC", plain(raw)).lower().split()))
    if len(value) > LONGEST_EMAIL:
        return Standard(value, too_long)
    if not _EMAIL.fullmatch(value):
        return Standard(value, "malformed: not an e-mail address")
    if plus_tags == "drop":
        local, domain = value.split("@")
        value = f"{local.split('+')[0] or local}@{domain}"
    local, domain = value.split("@")
    for provider in domains:
        if domain == provider.domain or domain in provider.also:
            bare = local.replace(".", "") if provider.ignores_dots else local
            return Standard(f"{bare or local}@{provider.domain}")
    return Standard(value)


def phone(raw: str, region: str) -> Standard:
    """E.164, a number without a country code taken as of ``region``; an extension is dropped."""
    return Standard(*e164(raw, region))


def code(raw: str) -> Standard:
    """A business key: trimmed, otherwise as it is, because case may tell keys apart."""
    value = raw.strip()
    if len(value) > LONGEST_CODE:
        return Standard(value, "malformed: longer than a key may be")
    return Standard(value) if value else Standard(value, "malformed: empty")


def device(raw: str) -> Standard:
    """A machine-made id: trimmed and lower case, since SDKs differ in the case of a UUID."""
    value = raw.strip().lower()
    if not _DEVICE.fullmatch(value):
        return Standard(value, "malformed: not an id that an SDK makes")
    return Standard(value)


def standard_of(rule: IdentifierRule, region: str) -> Callable[[str], Standard]:
    """The whole standard of an identifier: its form, then the contract's blocked values and patterns."""
    forms: dict[str, Callable[[str], Standard]] = {
        "email": lambda raw: email(raw, rule.plus_tags or "keep", rule.domains),
        "phone": lambda raw: phone(raw, region),
        "code": code,
        "device": device,
    }
    form = forms[rule.standard]
    blocked = {item.value: item.why for item in rule.blocked_values}
    patterns = [(item, re.compile(item.pattern)) for item in rule.blocked_patterns]

    def standard(raw: str) -> Standard:
        result = form(raw)
        if result.value in blocked:
            return Standard(result.value, f"blocked_value: {blocked[result.value]}")
        if len(result.value) > LONGEST_CODE:  # malformed; a pattern may be slow by the square of a length
            return result
        for item, pattern in patterns:
            if pattern.fullmatch(result.value):
                return Standard(result.value, f"{item.name}: {item.why}")
        return result

    return standard


def standard_values(values: pa.Table, rules: IdentityRules) -> pa.Table:
    """Standard forms of distinct (identifier, raw_value) pairs.

    Args:
        values: Columns identifier, raw_value; one row a pair.
        rules: The contract; an identifier that it does not know is kept and marked.

    Returns:
        The pairs with value and reason.
    """
    standards = {name: standard_of(rule, rules.phone_region) for name, rule in rules.identifiers.items()}
    kinds, raws = values["identifier"].to_pylist(), values["raw_value"].to_pylist()
    unknown = "undeclared: contracts/identity.yml has no rule for this identifier"
    results = [
        standards[kind](raw) if kind in standards else Standard(raw.strip(), unknown)
        for kind, raw in zip(kinds, raws, strict=True)
    ]
    return pa.table(
        {
            "identifier": pa.array(kinds, pa.string()),
            "raw_value": pa.array(raws, pa.string()),
            "value": pa.array([result.value for result in results], pa.string()),
            "reason": pa.array([result.reason for result in results], pa.string()),
        }
    )


def name(raw: str | None) -> str | None:
    """Casefolded, without accents and punctuation; None for what is no name."""
    if raw is None or len(raw) > LONGEST_TEXT:
        return None
    letters = _joined(_without_accents(raw))
    value = " ".join("".join(letter if _is_of_a_word(letter) else " " for letter in letters).split())
    return None if not value or value in _NOT_A_NAME or raw.strip().lower() in _NOT_A_NAME else value


def _without_accents(raw: str) -> str:
    """Casefolded; Latin, Greek and Cyrillic accents and Hebrew and Arabic vowel points are dropped."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", raw).casefold())
    return "".join(letter for letter in decomposed if not _ACCENTS.match(letter)).translate(_LATIN)


def _is_of_a_word(letter: str) -> bool:
    """A letter, or a mark without which a word of an Indic script would fall apart."""
    return letter.isalpha() or unicodedata.category(letter).startswith("M")


def _joined(text: str) -> str:
    """O'Brien and Obrien are one spelling; a hyphen stays a gap."""
    return text.replace("'", "").replace("’", "").replace("`", "")


def birth_date(raw: str | None, rules: Attributes) -> str | None:
    """ISO date, from the formats that channels send; None for placeholders and impossible dates."""
    if raw is None or len(raw) > LONGEST_TEXT:
        return None
    text = " ".join(raw.strip().split())
    text = text.split("T")[0] if re.match(r"\d{4}-\d\d-\d\dT", text) else text
    text = text.removesuffix(" 00:00:00")
    for form, shape in _DATES:
        if shape.fullmatch(text):
            parsed = _parsed(text, form)
            if parsed is None and form == "%m/%d/%Y":
                parsed = _parsed(text, "%d/%m/%Y")
            placeholders = {item.value for item in rules.placeholder_birth_dates}
            if parsed is None or parsed < rules.oldest_birth_date or parsed in placeholders:
                return None
            return parsed.isoformat()
    return None


def _parsed(text: str, form: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return None


def street(raw: str | None) -> str | None:
    """Lower case, without punctuation, with the usual abbreviations of street words."""
    bare = address_part(raw)
    return None if bare is None else " ".join(_STREET_WORDS.get(word, word) for word in bare.split())


def address_part(raw: str | None) -> str | None:
    """Casefolded letters and digits with single spaces."""
    if raw is None or len(raw) > LONGEST_TEXT:
        return None
    kept = "".join(letter if letter.isdigit() or _is_of_a_word(letter) else " " for letter in _without_accents(raw))
    return " ".join(kept.split()) or None


def postcode(raw: str | None) -> str | None:
    """Upper case without gaps; a US ZIP+4 is cut to its ZIP."""
    if raw is None or len(raw) > LONGEST_TEXT:
        return None
    value = re.sub(r"[^0-9A-Z]", "", raw.upper()) if raw.isascii() else raw.strip().upper()
    return (value[:5] if re.fullmatch(r"\d{9}", value) else value) or None


def mapped(column: Iterable[str | None], form: Callable[[str | None], str | None]) -> pa.Array:
    """A column in standard form; each distinct value is worked out once."""
    values = list(column)
    known = {value: form(value) for value in set(values)}
    return pa.array([known[value] for value in values], pa.string())
