"""Whose data: everything in the lake that is of certain people, and of nobody else.

A record is a person's by identity.assignments, an event by its record, or, in a spell of identity.stitches, by the
account that had logged in. A value of an identifier is a person's alone if no record of anybody else holds it. A record
that has landed since identity was resolved is theirs if it holds such a value, and no value of anybody else. The record
of a mailbox or a number is the mailbox: where somebody else has it too, what is said from it is theirs as well, an
unsubscribe above all, and stays.

Of who has no profile it is what names them (``strangers``): refused messages, events without a record, and records that
identity does not know yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from contracts.source import Source
from lakehouse.naming import IS_HASHED, bare_name
from lakehouse.tombstones import READY, all_erased_parts
from spark_jobs.privacy.bury import Grave
from spark_jobs.privacy.fields import form_of_value, refused_fields, show_forms
from spark_jobs.privacy.keys import tokens
from spark_jobs.privacy.strangers import Stranger, add_strangers
from spark_jobs.privacy.texts import naming
from spark_jobs.silver.sql import literal, words

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

UNUSABLE_BY_FORM = ("malformed", "blocked_value", "undeclared")
NAMED_BY = {"mailbox": "email", "phone": "phone"}
"""The kinds of records that are an address and no person, with the standard of the identifier that names them."""
TABLES = (
    *("silver.events", "silver.duplicates", "silver.quarantine", "silver.identifiers", "silver.customer_records"),
    "silver.consents",
    *("identity.assignments", "identity.identifiers", "identity.stitches", "identity.decisions", "ops.erasures"),
)


@dataclass(frozen=True)
class Theirs:
    """What is of the people.

    Attributes:
        profiles: The ids of their profiles, with those that their records had or would have.
        records: Records all of whose events are theirs.
        partly: Records of which only some events are, as of a shared browser.
        event_ids: Events.
        lines: Every message of theirs, by line.
        values: (identifier, standard value) that nobody else holds and that may name somebody.
        spellings: How these came, for the search of texts.
        shared: How many values stay because others hold them.
        decisions: Numbers of the stewards' decisions about them.
        unresolved: How many records hold a value of theirs and may be of somebody else, as the next run tells.
        left: How many records of their profiles stay, because others have the mailbox or number, too.
    """

    profiles: tuple[str, ...]
    records: tuple[str, ...]
    partly: tuple[str, ...]
    event_ids: tuple[str, ...]
    lines: tuple[Grave, ...]
    values: tuple[tuple[str, str], ...]
    spellings: tuple[str, ...]
    shared: int
    decisions: tuple[int, ...] = field(default=())
    unresolved: int = 0
    left: int = 0

    @property
    def is_anything(self) -> bool:
        """Whether anything is of them."""
        return bool(self.records or self.event_ids or self.lines)


def find(
    lake: "Lake",
    profiles: Iterable[str],
    strangers: Sequence[Stranger] = (),
    *,
    with_shared_mailboxes: bool = False,
) -> Theirs:
    """Everything of some people, by the live tables.

    Args:
        lake: The lake.
        profiles: Ids of their profiles.
        strangers: Those who have none.
        with_shared_mailboxes: Whether the record of a mailbox or a number that others have, too, counts as theirs:
            what may not be deleted is more than what may.
    """
    bronze = [name for name in sorted(lake.contracts.sources) if lake.exists(f"bronze.{name}")]
    sources = [lake.contracts.sources[name] for name in bronze]
    with opened(lake, bronze) as connection:
        connection.register("asked", pa.table({"profile_id": pa.array(sorted(profiles), pa.string())}))
        _records(connection)
        _holders(connection, lake.contracts.identity, with_shared_mailboxes=with_shared_mailboxes)
        _events(connection)
        _values(connection, lake)
        add_strangers(connection, strangers, lake.contracts.identity)
        _unresolved(connection, lake.contracts.identity)
        _strays(connection, sources, lake.contracts.identity)
        _messages(connection, sources, lake.contracts.identity)
        return _found(connection, sources)


def opened(lake: "Lake", bronze: Sequence[str]) -> "duckdb.DuckDBPyConnection":
    """A connection on the live tables that say whose a message is, with the bronze tables of some sources."""
    connection = lake.duck(only=[*TABLES, *(f"bronze.{name}" for name in bronze)])
    connection.execute(READY)
    return connection


def _records(connection: "duckdb.DuckDBPyConnection") -> None:
    connection.execute("""
        CREATE TEMP TABLE mine AS SELECT record_id, own_profile_id
            FROM identity.assignments SEMI JOIN asked USING (profile_id);
    """)


def _holders(connection: "duckdb.DuckDBPyConnection", rules: IdentityRules, *, with_shared_mailboxes: bool) -> None:
    """Who holds their values, and which of their records are a mailbox or number of others, too, and so not theirs.

    What silver knows of others counts, too: identity may be a run behind. A mailbox that nobody is known to have, since
    the last who had it was erased, is nobody else.
    """
    mine = connection.execute("""SELECT DISTINCT identifier, value FROM identity.identifiers
                                 SEMI JOIN mine USING (record_id) WHERE value <> '' ORDER BY ALL""").fetchall()
    show_forms(connection, "held_forms", [(value, name, value) for name, value in mine], rules)
    own = " OR ".join(
        f"starts_with(record_id, '{kind}:') AND identifier IN ({words(_of_standard(standard, rules)) or 'NULL'})"
        for kind, standard in NAMED_BY.items()
    )
    mailboxes = " OR ".join(f"starts_with(record_id, '{kind}:')" for kind in NAMED_BY)
    connection.execute(f"""
        CREATE TEMP TABLE holders AS
            SELECT record_id, identifier, value FROM identity.identifiers
            SEMI JOIN (FROM identity.identifiers SEMI JOIN mine USING (record_id)) AS m USING (identifier, value)
            WHERE value <> '' AND (NOT ({mailboxes}) OR record_id IN (SELECT record_id FROM identity.assignments))
            UNION SELECT record_id, identifier, key FROM (
                SELECT DISTINCT record_id, identifier, {form_of_value(rules)} AS form FROM silver.identifiers
                SEMI JOIN identity.assignments USING (record_id) WHERE value <> ''
            ) JOIN held_forms USING (identifier, form);
        CREATE TEMP TABLE left_to_others AS SELECT DISTINCT record_id FROM holders SEMI JOIN mine USING (record_id)
            SEMI JOIN (FROM holders ANTI JOIN mine USING (record_id)) AS o USING (identifier, value)
            WHERE ({own}) AND {str(not with_shared_mailboxes).lower()};
        DELETE FROM mine WHERE record_id IN (SELECT record_id FROM left_to_others);
        CREATE TEMP TABLE their_profiles AS SELECT profile_id FROM asked UNION SELECT own_profile_id FROM mine;
    """)


def _of_standard(standard: str, rules: IdentityRules) -> list[str]:
    return sorted(name for name, rule in rules.identifiers.items() if rule.standard == standard)


def _events(connection: "duckdb.DuckDBPyConnection") -> None:
    """The events of their records, and of spells of their accounts; and the records that are theirs in part only."""
    connection.execute("""
        CREATE TEMP TABLE near AS SELECT record_id FROM mine
            UNION SELECT record_id FROM identity.stitches WHERE account_record IN (FROM (SELECT record_id FROM mine));
        CREATE TEMP TABLE owned AS
            SELECT e.event_id, e.source, e.position, e.part, e.record_id,
                   coalesce(s.account_record, e.record_id) IN (SELECT record_id FROM mine) AS is_theirs
            FROM silver.events AS e SEMI JOIN near USING (record_id)
            LEFT JOIN identity.stitches AS s ON s.record_id = e.record_id AND e.occurred_at >= s.since
                AND (s."until" IS NULL OR e.occurred_at < s."until");
        CREATE TEMP TABLE partly AS SELECT record_id FROM owned GROUP BY record_id
            HAVING bool_or(is_theirs) AND NOT bool_and(is_theirs);
        CREATE TEMP TABLE their_records AS SELECT record_id FROM mine ANTI JOIN partly USING (record_id)
            ANTI JOIN (SELECT record_id FROM owned WHERE NOT is_theirs) USING (record_id);
        CREATE TEMP TABLE their_events AS SELECT event_id, source, position, part FROM owned WHERE is_theirs;
    """)


def _values(connection: "duckdb.DuckDBPyConnection", lake: "Lake") -> None:
    """The values that only they hold."""
    rules = lake.contracts.identity
    patterns = (pattern.name for rule in rules.identifiers.values() for pattern in rule.blocked_patterns)
    unusable = ", ".join(literal(word) for word in sorted({*UNUSABLE_BY_FORM, *patterns}))
    connection.execute(f"""
        CREATE TEMP TABLE held AS
            SELECT identifier, value, raw_value,
                   coalesce(split_part(reason, ':', 1), '') IN ({unusable}) AS names_nobody
            FROM identity.identifiers SEMI JOIN their_records USING (record_id) WHERE value <> '';
        CREATE TEMP TABLE held_by_others AS
            SELECT DISTINCT identifier, value FROM holders ANTI JOIN their_records USING (record_id);
        CREATE TEMP TABLE alone AS SELECT DISTINCT identifier, value, raw_value FROM held
            ANTI JOIN held_by_others USING (identifier, value) WHERE NOT names_nobody;
        CREATE TEMP TABLE shared AS SELECT DISTINCT identifier, value FROM held
            SEMI JOIN held_by_others USING (identifier, value);
    """)


def _unresolved(connection: "duckdb.DuckDBPyConnection", rules: IdentityRules) -> None:
    """Records that identity does not know yet, told by their values in the forms in which messages are compared."""
    alone = connection.execute("SELECT DISTINCT identifier, value FROM alone ORDER BY ALL").fetchall()
    show_forms(connection, "forms", [(value, name, value) for name, value in alone], rules)
    form = form_of_value(rules)
    connection.execute(f"""
        CREATE TEMP TABLE new AS SELECT record_id, identifier, value, {form} AS form
            FROM silver.identifiers ANTI JOIN identity.assignments USING (record_id) WHERE value <> '';
        CREATE TEMP TABLE matching AS SELECT record_id FROM new SEMI JOIN forms USING (identifier, form)
            UNION SELECT record_id FROM strange_records ANTI JOIN identity.assignments USING (record_id);
    """)
    values = connection.execute("SELECT DISTINCT record_id, identifier, value FROM new SEMI JOIN matching "
                                "USING (record_id) ORDER BY ALL").fetchall()  # fmt: skip
    show_forms(connection, "new_forms", values, rules)
    connection.execute(f"""
        CREATE TEMP TABLE of_others AS SELECT identifier, {form} AS form FROM identity.identifiers
            SEMI JOIN identity.assignments USING (record_id) ANTI JOIN mine USING (record_id)
            WHERE value <> '' AND is_usable;
        CREATE TEMP TABLE unresolved AS
            SELECT key AS record_id FROM new_forms SEMI JOIN of_others USING (identifier, form)
            UNION SELECT record_id FROM new SEMI JOIN matching USING (record_id) SEMI JOIN of_others
                USING (identifier, form)
            UNION SELECT record_id FROM held_besides;
        CREATE TEMP TABLE taken AS SELECT record_id FROM matching ANTI JOIN unresolved USING (record_id);
        INSERT INTO their_records SELECT record_id FROM taken;
        INSERT INTO their_events SELECT event_id, source, position, part FROM silver.events
            SEMI JOIN taken USING (record_id);
        INSERT INTO alone SELECT DISTINCT identifier, f.key, n.value FROM new AS n
            SEMI JOIN taken USING (record_id) JOIN forms AS f USING (identifier, form);
    """)


def _strays(connection: "duckdb.DuckDBPyConnection", sources: Sequence[Source], rules: IdentityRules) -> None:
    """Events that name no record, and hold a value that only they hold."""
    alone = connection.execute("SELECT DISTINCT identifier, value FROM alone ORDER BY ALL").fetchall()
    show_forms(connection, "alone_forms", [(value, name, value) for name, value in alone], rules)
    told = " UNION ALL ".join(
        f"SELECT event_id, '{source.source}' AS source, position, part, '{entry.identifier}' AS identifier, "
        f"{path_sql(entry.path)} AS value FROM silver.events WHERE source = '{source.source}' AND record_id IS NULL"
        for source in sources
        for entry in source.identifiers
    )
    if told:
        connection.execute(f"""
            INSERT INTO their_events SELECT DISTINCT event_id, source, position, part FROM (
                    SELECT *, {form_of_value(rules)} AS form FROM ({told}) WHERE value <> '')
            SEMI JOIN (FROM alone_forms SELECT identifier, form UNION SELECT identifier, trim(raw_value) FROM alone)
                USING (identifier, form)
        """)


def _messages(connection: "duckdb.DuckDBPyConnection", sources: Sequence[Source], rules: IdentityRules) -> None:
    """Every message: the events, what repeats them, what was refused of them or names them."""
    values = connection.execute("SELECT DISTINCT identifier, value FROM alone").fetchall()
    named = {token for identifier, value in values for token in tokens(identifier, value, rules)}
    for (record,) in connection.execute("SELECT record_id FROM their_records").fetchall():
        named |= tokens("", record.partition(":")[2], rules)
    naming(connection, named, rules)
    refused_fields(connection, sources, rules)
    show_forms(connection, "their_forms", [(value, identifier, value) for identifier, value in values], rules)
    connection.execute("""
        CREATE TEMP TABLE their_messages AS
            SELECT source, position, part FROM their_events
            UNION SELECT source, position, part FROM silver.duplicates SEMI JOIN their_events USING (event_id)
            UNION SELECT q.source, q.position, q.part FROM silver.quarantine AS q
                JOIN their_events AS e ON e.event_id = q.source || ':' || q.message_id
            UNION SELECT source, position, part FROM naming
            UNION SELECT source, position, part FROM refused_fields SEMI JOIN their_forms USING (identifier, form);
    """)


def _found(connection: "duckdb.DuckDBPyConnection", sources: Sequence[Source]) -> Theirs:
    def column(sql: str) -> tuple:
        return tuple(row[0] for row in connection.execute(sql).fetchall())

    lines = graves(connection, sources)
    (shared,) = connection.execute("SELECT count(*) FROM shared").fetchall()[0]
    (unresolved,) = connection.execute("SELECT count(*) FROM unresolved").fetchall()[0]
    (left,) = connection.execute("SELECT count(*) FROM left_to_others").fetchall()[0]
    return Theirs(
        profiles=column("SELECT profile_id FROM their_profiles ORDER BY 1"),
        records=column("SELECT record_id FROM their_records ORDER BY 1"),
        partly=column("SELECT record_id FROM partly ORDER BY 1"),
        event_ids=column("SELECT DISTINCT event_id FROM their_events ORDER BY 1"),
        lines=lines,
        values=tuple(connection.execute("SELECT DISTINCT identifier, value FROM alone ORDER BY ALL").fetchall()),
        spellings=column("SELECT DISTINCT trim(v) FROM (SELECT unnest([value, raw_value]) AS v FROM alone) ORDER BY 1"),
        shared=shared,
        decisions=column(f"""WITH named AS (
                                 SELECT record_id FROM their_records
                                 UNION SELECT {bare_name("split_part(record_id, ':', 1)", "raw_value")}
                                 FROM identity.identifiers SEMI JOIN their_records USING (record_id) WHERE {IS_HASHED})
                             SELECT decision FROM identity.decisions
                             WHERE left_record IN (FROM named) OR right_record IN (FROM named) ORDER BY 1"""),
        unresolved=unresolved,
        left=left,
    )


def graves(connection: "duckdb.DuckDBPyConnection", sources: Sequence[Source]) -> tuple[Grave, ...]:
    """The messages in the table ``their_messages``, by line, with how many each line holds."""
    csv = [source.source for source in sources if source.format.type == "csv"]
    fates = " UNION ALL ".join(
        f"SELECT source, position, part FROM {table}"
        for table in ("silver.events", "silver.duplicates", "silver.quarantine")
    )
    buried = all_erased_parts([source.source for source in sources], csv)
    # A message that was buried before a death in between is still in silver: it counts once.
    found = connection.execute(f"""
        WITH parts AS (
            SELECT source, position, part FROM ({fates}) SEMI JOIN their_messages USING (source, position)
            UNION SELECT source, position, part FROM ({buried}) SEMI JOIN their_messages USING (source, position)),
        held AS (SELECT source, position, count(*) AS messages FROM parts GROUP BY ALL)
        SELECT source, position, list(DISTINCT part ORDER BY part), any_value(messages)
        FROM their_messages JOIN held USING (source, position) GROUP BY ALL ORDER BY ALL""").fetchall()
    return tuple(Grave(source, position, tuple(parts), messages) for source, position, parts, messages in found)


def path_sql(path: str) -> str:
    """SQL of DuckDB: the value at a path of a message; the twin of ``convert.path_value``."""
    head, _, rest = path.partition(".")
    if not rest:
        return head
    key, _, inner = rest.partition(".")
    value = f"{head}[{literal(key)}]"
    return f"json_extract_string({value}, {literal(f'$.{inner}')})" if inner else value
