"""The one form of a telephone number in which two are compared, whoever asks: E.164 (ITU-T, 2010)."""

import re
import unicodedata

import phonenumbers

from contracts.plain import plain

LONGEST_SENT = 1_000
"""What is longer is no number. Putting accents in order takes time by the square of their number."""
_GAPS = str.maketrans("", "", " ()-.")
AS_FRACTION = r"([+]?[0-9]{7,15})[.]0"
"""A number that a spreadsheet took for one with a fraction."""
_NORTH_AMERICAN = re.compile(r"(?:\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})")


def e164(raw: str, region: str) -> tuple[str, str | None]:
    """A number in its one form, one without a country code taken as of ``region``; an extension is dropped.

    Returns:
        The number, or the text as it is where it is none; and why it is none, or None.
    """
    if len(raw) > LONGEST_SENT:
        return raw.strip(), "malformed: not a phone number"
    text = unicodedata.normalize("NFKC", plain(raw)).strip()
    fraction = re.fullmatch(AS_FRACTION, text)
    text = fraction[1] if fraction else text
    usual = _NORTH_AMERICAN.fullmatch(text.translate(_GAPS)) if region == "US" else None
    if usual:  # what phonenumbers would say, thirty times as fast
        return "+1" + usual[1], None
    try:
        number = phonenumbers.parse(text, region)
        if text.startswith("00") and not phonenumbers.is_possible_number(number):
            number = phonenumbers.parse(f"+{text[2:]}", region)  # as most of the world dials abroad (ITU-T E.164)
    except phonenumbers.NumberParseException:
        return text, "malformed: not a phone number"
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return value, None if phonenumbers.is_possible_number(number) else "malformed: no such length of phone number"
