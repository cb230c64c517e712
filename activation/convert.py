"""The named converters of export contracts, as DuckDB macros.

Hashing follows Google's rules for Customer Match, "Format user data" of the Data Manager API
(developers.google.com/data-manager/api/devguides/concepts/formatting):

* e-mail: take out all white space, lower case; for gmail.com and googlemail.com also take out every dot before
  the ``@`` and a plus sign with all that follows it; other domains keep dots and plus signs;
* telephone: E.164 with the plus sign, all else digits;
* SHA-256 over the UTF-8 text, written as lower-case hex digits.

Two addresses that differ in a tag only are one mailbox, whatever identity makes of tags, and so are two spellings that
the identity contract declares to be one at their provider: ``clew_mailbox`` says so for refusals and for the one row an
address.

Files are opened in spreadsheets, which run a cell that begins as a formula does (OWASP, "CSV Injection"). So readable
text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line end, blanks and signs that show nothing apart, gets an
apostrophe before it, unless it is a number or a telephone with its plus sign; and so does what stands so behind a
delimiter. An address cannot take one: of those, none that begins so, or goes on so behind a delimiter, is written.
Neither can a consent event or a notice, which are looked up by what the receipt says: a yes that is named so is not
exported, and a retraction does not name such a refusal.

Other platforms normalise otherwise, so their hashes differ: a destination for one needs converters of its own.
"""

from collections.abc import Iterable, Mapping

import duckdb

from contracts.export import Converter
from contracts.identity import MailDomain
from contracts.mailbox import DUCKDB, address_sql
from contracts.plain import plain_sql

_ADDRESS_FORM = r"'^[^@\s]+@[^@\s]+\.[^@\s.]+$'"
_UNSEEN = r"[:cntrl:]\s\pZ"
_SIGNS = r"[=+\-@＝＋－＠]"
"""What a formula begins with; Excel takes the full-width signs for the others."""
FORMULA = rf"'^[{_UNSEEN}]*{_SIGNS}|^[\t\r\n]'"
"""What a spreadsheet takes for the beginning of a formula; some pass over blanks."""
LATER_CELL = rf"""'([;,|\t\r\n][{_UNSEEN}"]*)({_SIGNS})'"""
"""Where a spreadsheet that splits at another delimiter would see one; it takes away a quote before it."""
PLAIN_NUMBER = r"'^\s*[+-]?[0-9]+([.][0-9]+)?\s*$'"
_PLAIN = r"nullif(trim(regexp_replace(value, '[[:cntrl:]\s]+', ' ', 'g')), '')"
_ADDRESS = address_sql(rf"lower(regexp_replace(nfc_normalize({plain_sql('value')}), '\s', '', 'g'))", DUCKDB)

MACROS: Mapping[Converter, str] = {
    "as_is": "clew_inert(value)",
    "plain_text": f"clew_inert({_PLAIN})",
    "email_address": f"""
        CASE WHEN regexp_matches(trim(value), {_ADDRESS_FORM}) AND NOT regexp_matches(trim(value), {FORMULA})
                  AND NOT regexp_matches(value, {LATER_CELL})
             THEN trim(value) END""",
    "google_email_sha256": "sha256(clew_google_email(value))",
    "google_phone_sha256": "sha256(clew_google_phone(value))",
}

_STEPS = {
    "clew_inert": rf"""
        CASE WHEN regexp_matches(value, {FORMULA}) AND NOT regexp_matches(value, {PLAIN_NUMBER}) THEN chr(39)
             ELSE '' END
        || regexp_replace(value, {LATER_CELL}, '\1''\2', 'g')""",
    "clew_address": _ADDRESS,
    "clew_google_mailbox": r"""
        CASE WHEN regexp_matches(clew_address(value), '@(gmail|googlemail)\.com$')
             THEN replace(regexp_replace(split_part(clew_address(value), '@', 1), '\+.*$', ''), '.', '')
                  || '@' || split_part(clew_address(value), '@', 2)
             ELSE clew_address(value) END""",
    "clew_google_email": f"""
        CASE WHEN regexp_matches(clew_google_mailbox(value), {_ADDRESS_FORM}) THEN clew_google_mailbox(value) END""",
    "clew_untagged": r"regexp_replace(clew_address(value), '^([^@+]+)\+[^@]*@', '\1@')",
    "clew_google_phone": r"""
        CASE WHEN regexp_matches(regexp_replace(value, '[\s().\-/]', '', 'g'), '^\+[1-9][0-9]{6,14}$')
             THEN regexp_replace(value, '[\s().\-/]', '', 'g') END""",
}


def macro(converter: Converter) -> str:
    """Name of the converter's macro."""
    return f"clew_convert_{converter}"


def named_safely(column: str) -> str:
    """SQL of whether a name, which is exported as it is or not at all, is none that a spreadsheet would run."""
    return f"clew_inert({column}) = {column}"


def install(connection: duckdb.DuckDBPyConnection, domains: Iterable[MailDomain]) -> None:
    """Make the converters known on a connection. A value that a converter cannot use becomes NULL.

    Args:
        connection: Gets the macros.
        domains: The providers of mailboxes that have several spellings.
    """
    for name, body in {**_STEPS, "clew_mailbox": _mailbox(domains)}.items():
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {name}(value) AS ({body})")
    for converter, body in MACROS.items():
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro(converter)}(value) AS ({body})")


def _mailbox(domains: Iterable[MailDomain]) -> str:
    """The one spelling of a mailbox: without its tag, and as its provider has it."""
    local = "split_part(clew_untagged(value), '@', 1)"
    domain = "regexp_extract(clew_untagged(value), '^[^@]+@([^@]+)$', 1)"
    cases = []
    for provider in domains:
        names = ", ".join(_text(name) for name in (provider.domain, *provider.also))
        bare = f"coalesce(nullif(replace({local}, '.', ''), ''), {local})" if provider.ignores_dots else local
        cases.append(f"WHEN {domain} IN ({names}) THEN {bare} || {_text('@' + provider.domain)}")
    return f"CASE {' '.join(cases)} ELSE clew_untagged(value) END" if cases else "clew_untagged(value)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
