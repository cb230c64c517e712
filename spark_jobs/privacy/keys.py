"""By what messages of erased people are known again: keyed hashes of record ids, event ids and identifiers.

The same forms are made twice: here in Python from the standard values that identity keeps, when somebody is erased,
and in Spark SQL from messages, when they are conformed. A test holds the two together.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import phonenumbers
from pyspark.sql import functions as F

from contracts.identity import IdentifierRule, IdentityRules
from contracts.source import Source
from lakehouse.pseudonym import SEPARATOR, keyed_hash, pads
from spark_jobs.silver.convert import path_value
from spark_jobs.silver.sql import case, literal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

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
NUMBER = r"\+?[0-9][0-9 ().-]{6,}[0-9]"
"""What names may look like in a text that nobody could parse."""


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
    return f"concat({names}, {case(of_source)}, if(payload is null, array(), {_tokens_sql('payload')}))"


def form_sql(value: str, rule: IdentifierRule | None, every: str = "") -> str:
    """SQL of Spark, or with ``every`` = ``DUCKDB`` of DuckDB: the form of a value as it was sent."""
    standard = rule.standard if rule else "code"
    if standard == "email" and rule is not None:
        return _email_sql(f"lower(trim({value}))", rule)
    if standard == "phone":
        bare = f"regexp_replace(lower({value}), '(ext|x|#|;).*$', '')"
        return f"regexp_replace(regexp_replace({bare}, '[^0-9]', ''{every}), '^00', '')"
    return f"lower(trim({value}))" if standard == "device" else f"trim({value})"


def known_again(lake: "Lake", judged: "DataFrame") -> "DataFrame":
    """source, position and part of the judged messages that are an erased person's, each once.

    The key is a row of a table and no text of the query, so that no plan and no log shows it.
    """
    spark = lake.spark
    inner, outer = pads(lake.settings.privacy_key)
    secret = spark.createDataFrame([(bytearray(inner), bytearray(outer))], "inner_pad binary, outer_pad binary")
    sources = [lake.contracts.sources[name] for name in sorted(lake.contracts.sources)]
    told = judged.where("not is_erased and not is_header").selectExpr(
        "source", "position", "part", f"inline({candidates(sources, lake.contracts.identity)})"
    )
    message = f"cast(concat(namespace, {literal(SEPARATOR)}, form) as binary)"
    hashed = (
        told.where("form is not null and form <> ''")
        .crossJoin(F.broadcast(secret))
        .selectExpr(
            *("source", "position", "part", "namespace"),
            f"sha2(concat(outer_pad, unhex(sha2(concat(inner_pad, {message}), 256))), 256) as hash",
        )
    )
    erased = lake.df(ERASED).select("namespace", "hash").distinct()
    return hashed.join(F.broadcast(erased), ["namespace", "hash"], "left_semi").select(
        "source", "position", "part"
    ).distinct()  # fmt: skip


def has_keys(lake: "Lake") -> bool:
    """Whether anybody was ever erased."""
    from lakehouse.releases import row_count

    return lake.exists(ERASED) and row_count(lake.delta(ERASED)) > 0


def _email_sql(value: str, rule: IdentifierRule) -> str:
    local, domain = f"split_part({value}, '@', 1)", f"split_part({value}, '@', -1)"
    if rule.plus_tags == "drop":
        local = f"coalesce(nullif(split_part({local}, '+', 1), ''), {local})"
    branches = []
    for provider in rule.domains:
        named = ", ".join(literal(name) for name in (provider.domain, *provider.also))
        bare = f"coalesce(nullif(replace({local}, '.', ''), ''), {local})" if provider.ignores_dots else local
        branches.append((f"{domain} in ({named})", f"concat({bare}, {literal('@' + provider.domain)})"))
    return f"if(instr({value}, '@') > 0, {case(branches, f'''concat({local}, '@', {domain})''')}, {value})"


def _tokens_sql(text: str) -> str:
    words = f"transform(regexp_extract_all({text}, {literal(WORD)}, 0), t -> lower(trim(both '.:-' from t)))"
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
    token = text.strip().strip(".:-").lower()
    digits = sum(letter.isdigit() for letter in token)
    is_number = token.isdigit() and digits >= _LEAST_DIGITS
    is_id = digits and not token.isdigit() and len(token) >= _LEAST_TOKEN
    if "@" in token or is_number or is_id:
        yield token
