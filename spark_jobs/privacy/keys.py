"""By what messages of erased people are known again: keyed hashes of record ids, event ids and identifiers.

The same forms are made twice: here in Python from the standard values that identity keeps, when somebody is erased,
and in Spark SQL from messages, when they are conformed. A test holds the two together.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import phonenumbers

from contracts import mailbox
from contracts.identity import IdentifierRule, IdentityRules
from contracts.phone import AS_FRACTION
from contracts.plain import plain, plain_sql
from contracts.source import Source
from lakehouse.pseudonym import keyed_hash
from spark_jobs.privacy import written
from spark_jobs.silver.convert import path_value
from spark_jobs.silver.sql import case, literal

if TYPE_CHECKING:
    from lakehouse.lake import Lake

ERASED = "ops.erased"
RECORD, EVENT, TOKEN = "record", "event", "token"
Key = tuple[str, str]
"""A namespace and a form."""
_LEAST_TOKEN = 6
_LEAST_DIGITS = 9
DUCKDB = ", 'g'"
"""What DuckDB wants to be told so that it replaces each place, as Spark does."""
WORD = r"[A-Za-z0-9_.+@:-]+"
WIDE = r'[^\s"<>()\[\]{},;:=|\\]+'
NUMBER = r"\+?[0-9][0-9 ().-]{6,}[0-9]"
"""What names may look like in a text that nobody could parse. Of the wide words the addresses count, which may have
letters of any script and signs as in o'brien&co@example.com (RFC 5321, RFC 6531)."""
_AROUND = ".:-'"
"""What stands around a word and is not of it."""


def keys_of(
    records: Iterable[str], event_ids: Iterable[str], values: Iterable[tuple[str, str]], rules: IdentityRules
) -> set[Key]:
    """Everything by which messages of a person are to be known.

    Args:
        records: Ids of records, all of whose events are the person's.
        event_ids: Ids of the person's events.
        values: Kind and standard value of the identifiers that nobody else holds.
        rules: The contract of identity.
    """
    keys = {(RECORD, record) for record in records} | {(EVENT, event_id) for event_id in event_ids}
    for identifier, value in values:
        keys |= {(identifier, form) for form in forms(identifier, value, rules)}
        keys |= {(TOKEN, token) for token in tokens(identifier, value, rules)}
    for record in records:
        keys |= {(TOKEN, token) for token in distinctive(record.partition(":")[2])}
    return keys


def hashes(key: bytes, keys: Iterable[Key]) -> list[tuple[str, str]]:
    """Namespace and keyed hash of each key, sorted."""
    return sorted((namespace, keyed_hash(key, namespace, form)) for namespace, form in keys)


def forms(identifier: str, value: str, rules: IdentityRules) -> set[str]:
    """The forms of a standard value that messages are compared with."""
    rule = rules.identifiers.get(identifier)
    if rule is not None and rule.standard == "phone":
        return _phone_forms(value, rules.phone_region)
    if rule is not None and rule.standard == "email":
        return {value, unicodedata.normalize("NFD", value)}  # as it is, and with accents in pieces
    return {value}


def tokens(identifier: str, value: str, rules: IdentityRules) -> set[str]:
    """The forms by which a text names the value that nobody could parse; none where they might name another."""
    return set().union(*(distinctive(form) for form in forms(identifier, value, rules)))


def candidates(sources: Iterable[Source], rules: IdentityRules) -> str:
    """SQL of Spark: an array of (namespace, form), of all by which a judged message may be known."""
    of_source = [
        (
            f"source = {literal(source.source)}",
            "array("
            + ", ".join(
                f"struct({literal(entry.identifier)} as namespace, "
                f"{form_sql(path_value(entry.path), rules.identifiers.get(entry.identifier))} as form)"
                for entry in source.identifiers
            )
            + ")",
        )
        for source in sources
    ]
    names = (
        f"array(struct({literal(RECORD)} as namespace, record_id as form), "
        f"struct({literal(EVENT)} as namespace, event_id as form))"
    )
    return f"concat({names}, {case(of_source)}, if(payload is null, array(), {_tokens_sql('payload', rules)}))"


def of_devices(rules: IdentityRules) -> list[str]:
    """Identifiers of things that several people use or ask for: browsers, devices, orders. They name nobody else."""
    return sorted(name for name, rule in rules.identifiers.items() if rule.standard == "device" or rule.names_visitor)


def form_sql(value: str, rule: IdentifierRule | None, every: str = "") -> str:
    """SQL of Spark, or with ``every`` = ``DUCKDB`` of DuckDB: the form of a value as it was sent."""
    standard = rule.standard if rule else "code"
    group = mailbox.DUCKDB if every else mailbox.SPARK
    if standard == "email" and rule is not None:
        composed = f"nfc_normalize({value})" if every else value  # Spark cannot: `forms` has both
        alone, named = mailbox.address_sql(f"lower(trim({plain_sql(composed)}))", group), email_sql("v", rule)
        # Once in the text of the query, which names it many times.
        return (
            f"list_transform([{alone}], lambda v: {named})[1]"
            if every
            else f"transform(array({alone}), v -> {named})[0]"
        )
    if standard == "phone":
        # To the end of the text and not of a line: otherwise each x of many would be tried anew.
        alone = f"regexp_replace(lower({plain_sql(value)}), '(?s)(ext|x|#|;).*', '')"
        whole = f"regexp_replace({alone}, '^ *{AS_FRACTION} *$', '{group}1')"
        return f"regexp_replace(regexp_replace({whole}, '[^0-9]', ''{every}), '^00', '')"
    return f"lower(trim({value}))" if standard == "device" else f"trim({value})"


def has_keys(lake: "Lake") -> bool:
    """Whether anybody was ever erased."""
    from lakehouse.releases import row_count

    return lake.exists(ERASED) and row_count(lake.delta(ERASED)) > 0


def email_sql(value: str, rule: IdentifierRule) -> str:
    """SQL of Spark and DuckDB: an address, lower case and trimmed, in the one spelling of its mailbox."""
    local, domain = f"split_part({value}, '@', 1)", f"split_part({value}, '@', -1)"
    if rule.plus_tags == "drop":
        local = f"coalesce(nullif(split_part({local}, '+', 1), ''), {local})"
    branches = []
    for provider in rule.domains:
        named = ", ".join(literal(name) for name in (provider.domain, *provider.also))
        bare = f"coalesce(nullif(replace({local}, '.', ''), ''), {local})" if provider.ignores_dots else local
        branches.append((f"{domain} in ({named})", f"concat({bare}, {literal('@' + provider.domain)})"))
    return f"if(instr({value}, '@') > 0, {case(branches, f'''concat({local}, '@', {domain})''')}, {value})"


def email_form(word: str, rule: IdentifierRule) -> str:
    """The same in Python."""
    if "@" not in word:
        return word
    local, *_, domain = word.split("@")
    if rule.plus_tags == "drop":
        local = local.split("+")[0] or local
    for provider in rule.domains:
        if domain in (provider.domain, *provider.also):
            bare = local.replace(".", "") if provider.ignores_dots else local
            return f"{bare or local}@{provider.domain}"
    return f"{local}@{domain}"


def mail_rule(rules: IdentityRules) -> IdentifierRule | None:
    """By which words of a text that are addresses are compared; None where no identifier is one."""
    return next((rule for _, rule in sorted(rules.identifiers.items()) if rule.standard == "email"), None)


def word_sql(word: str, rules: IdentityRules) -> str:
    """SQL of Spark and DuckDB: a word of a text, trimmed and lower case, in the form of tokens."""
    rule = mail_rule(rules)
    return email_sql(word, rule) if rule else word


def _tokens_sql(payload: str, rules: IdentityRules) -> str:
    text = written.spark_sql(payload)
    wide = f"filter(regexp_extract_all({text}, {literal(WIDE)}, 0), t -> contains(t, '@'))"
    every = f"concat(regexp_extract_all({text}, {literal(WORD)}, 0), {wide})"
    trimmed = f"transform({every}, t -> lower(trim(both {literal(_AROUND + ' ')} from t)))"
    words = f"transform({trimmed}, t -> {word_sql('t', rules)})"
    numbers = f"transform(regexp_extract_all({text}, {literal(NUMBER)}, 0), t -> regexp_replace(t, '[^0-9]', ''))"
    return (
        f"transform(array_distinct(concat({words}, {numbers})), t -> struct({literal(TOKEN)} as namespace, t as form))"
    )


def _phone_forms(value: str, region: str) -> set[str]:
    digits = "".join(letter for letter in value if letter.isdigit())
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return {digits} if digits else set()
    made = {digits}
    if number.country_code == phonenumbers.country_code_for_region(region):
        local = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        nationally = phonenumbers.national_significant_number(number)
        made |= {nationally, f"{number.country_code}{nationally}", "".join(c for c in local if c.isdigit())}
    return made | {form.removeprefix("00") for form in made}  # as form_sql reads what is dialled abroad


def distinctive(text: str) -> Iterator[str]:
    """The token, where it is one that stands for a single thing: an address, or a long word with a digit."""
    token = plain(text).strip(_AROUND + " ").lower()
    digits = sum(letter.isdigit() for letter in token)
    is_number = token.isdigit() and digits >= _LEAST_DIGITS
    is_id = digits and not token.isdigit() and len(token) >= _LEAST_TOKEN
    if "@" in token or is_number or is_id:
        yield token
