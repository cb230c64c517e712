"""The exports gate: the file that is about to be handed over, read back from disk and checked against the release.

It believes neither the marts nor the step that wrote the file: permission is looked up in silver.consents, by way of
identity.assignments, once more.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from contracts.export import HASHING, RECEIPT, Destination, FieldMap
from contracts.link import FIRMEST_FIRST, IdentityMinimum
from contracts.permission_sql import said_at
from contracts.purpose import ALL_TOPICS, KEEPS_AWAY, REFUSALS
from expectations import consent, ledgers
from expectations.ledgers import STOP
from expectations.link import as_sure_as_asked, weakest_links
from expectations.rule import NoRows, NotNull, OneOf, Rule, Unique
from expectations.suite import Scene, Suite

if TYPE_CHECKING:
    import duckdb

_KEY = ("profile_id",)


def show_staged(connection: "duckdb.DuckDBPyConnection", staged: Path, destination: str) -> str:
    """Show a staged folder as the views ``exports.<destination>`` and ``exports.<destination>_manifest``.

    Returns:
        The name of the view of the data.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS exports")
    data, manifest = (str(staged / name).replace("'", "''") for name in ("data.csv", "manifest.json"))
    connection.execute(
        f"CREATE VIEW exports.{destination} AS SELECT * FROM read_csv('{data}', header = true, all_varchar = true, "
        "nullstr = '', delim = ',', quote = '\"', escape = '\"')"
    )
    connection.execute(f"CREATE VIEW exports.{destination}_manifest AS SELECT * FROM read_json('{manifest}')")
    return f"exports.{destination}"


def suite(scene: Scene, destination: Destination, release: int) -> Suite:
    """Build the rules for one staged export, shown by ``show_staged``."""
    table = f"exports.{destination.destination}"
    policy = scene.contracts.policy.version
    rules: list[Rule] = [
        Unique(
            table=table,
            name="one_row_per_person",
            says="No person is exported twice.",
            why="a person would be contacted twice, and retracted once",
            do=STOP,
            owner=destination.owner,
            key=_KEY,
        )
    ]
    rules += [
        NotNull(
            table=table,
            name=f"{column}_is_on_the_receipt",
            says=f"Every row names its {column}.",
            why="a row that cannot show its permission must not leave (invariant 6)",
            do=STOP,
            owner="privacy",
            column=column,
            key=_KEY,
        )
        for column in RECEIPT
    ]
    for column, value in (("policy_version", policy), ("release", str(release))):
        rules.append(
            OneOf(
                table=table,
                name=f"{column}_is_the_present_one",
                says=f"Every row names {column} {value}.",
                why="a receipt of another policy or release proves nothing about this row",
                do=STOP,
                owner="privacy",
                column=column,
                allowed=(value,),
                key=_KEY,
            )
        )
    rules.append(
        OneOf(
            table=table,
            name="link_kind_is_a_known_value",
            says=f"link_kind is one of: {', '.join(FIRMEST_FIRST)}.",
            why="the kinds of links are told apart all the way to the export (invariant 5)",
            do=STOP,
            owner="identity",
            column="link_kind",
            allowed=FIRMEST_FIRST,
            key=_KEY,
        )
    )
    for part in (_links, _permission, _refused, ledgers.retracted, _content, _inert):
        rules += part(table, destination)
    caps = scene.contracts.caps
    if caps and "ops.deliveries" in scene.columns():
        held = caps.of(destination.channel, destination.purpose).items()
        rules += [ledgers.cap(table, destination, release, name, cap) for name, cap in held]
    return Suite("exports", tuple(rules), (consent.prepare(scene),))


def _links(table: str, destination: Destination) -> list[Rule]:
    found: list[Rule] = [
        NoRows(
            table=table,
            name="no_row_says_more_than_its_links",
            says="No row is of a firmer kind or a greater probability than the weakest assignment of its profile.",
            why="a link that is only likely is never presented as certain (invariant 5)",
            do=STOP,
            owner="identity",
            query=f"""SELECT x.profile_id, x.link_kind, x.link_probability, w.link_kind AS kind_found,
                             w.link_probability AS probability_found
                      FROM {{batch}} AS x JOIN ({weakest_links()}) AS w USING (profile_id)
                      WHERE coalesce(list_position({list(FIRMEST_FIRST)}, x.link_kind), 0)
                                < list_position({list(FIRMEST_FIRST)}, w.link_kind)
                         OR coalesce(try_cast(x.link_probability AS DOUBLE), 2) > w.link_probability + 1e-9""",
        )
    ]
    if destination.identity != IdentityMinimum():
        found.append(
            as_sure_as_asked(
                table,
                destination.identity,
                says=f"Every profile is as surely one person as {destination.destination} asks under identity.",
                do=STOP,
            )
        )
    return found


def _permission(table: str, destination: Destination) -> list[Rule]:
    purpose = destination.purpose
    one_of_them = f" OR list_contains(string_split(s.topics_refused, ','), '{destination.topic}')"
    topic = {None: "", ALL_TOPICS: " OR s.topics_refused IS NOT NULL"}.get(destination.topic, one_of_them)
    return [
        NoRows(
            table=table,
            name="every_consent_event_says_yes",
            says=f"The consent event of every row granted {purpose}, with the notice that the row names.",
            why="no use without permission (invariant 6)",
            do=STOP,
            owner="privacy",
            query=f"""SELECT x.profile_id, x.consent_event_id FROM {{batch}} AS x ANTI JOIN silver.consents AS c
                      ON c.event_id = x.consent_event_id AND c.purpose = '{purpose}' AND c.status = 'granted'
                      AND c.notice_version = x.notice_version""",
        ),
        NoRows(
            table=table,
            name="every_consent_event_is_the_persons_own",
            says="The consent event of every row was said by a record of the same profile.",
            why="nobody can consent for somebody else",
            do=STOP,
            owner="privacy",
            query=f"""SELECT x.profile_id, x.consent_event_id FROM {{batch}} AS x ANTI JOIN (
                          SELECT a.profile_id, c.event_id FROM silver.consents AS c
                          JOIN identity.assignments AS a USING (record_id) WHERE c.purpose = '{purpose}') AS own
                      ON own.profile_id = x.profile_id AND own.event_id = x.consent_event_id""",
        ),
        NoRows(
            table=table,
            name="nobody_said_no_later",
            says=f"No record of an exported person refused or withdrew {purpose} at or after the consent of the row.",
            why="the last word counts, and of two at one instant the stricter",
            do=STOP,
            owner="privacy",
            query=f"""SELECT DISTINCT x.profile_id, c.event_id AS refused_by FROM {{batch}} AS x
                      JOIN silver.consents AS yes ON yes.event_id = x.consent_event_id AND yes.purpose = '{purpose}'
                      JOIN identity.assignments AS a ON a.profile_id = x.profile_id
                      JOIN silver.consents AS c ON c.record_id = a.record_id AND c.purpose = '{purpose}'
                      WHERE list_contains({list(REFUSALS)}, c.status) AND c.topic IS NULL
                        AND c.given_at >= {said_at("yes")}""",
        ),
        NoRows(
            table=table,
            name="the_policy_permits_every_row",
            says=f"The policy, over the statements of the release, lets {purpose} use every exported person.",
            why="a yes that has expired, was given too young or elsewhere, or is paused, permits nothing (invariant 6)",
            do=STOP,
            owner="privacy",
            query=f"""SELECT x.profile_id, s.status, s.rule FROM {{batch}} AS x
                      LEFT JOIN consent_recount AS s ON s.profile_id = x.profile_id AND s.purpose = '{purpose}'
                      WHERE s.may_use IS NOT TRUE OR s.event_id IS DISTINCT FROM x.consent_event_id{topic}""",
        ),
    ]


def _refused(table: str, destination: Destination) -> list[Rule]:
    """For each address: it is none that another person gave, by whatever record, whose last word was no."""
    found: list[Rule] = []
    for name in destination.address:
        field = destination.fields[name]
        found.append(
            NoRows(
                table=table,
                name=f"nobody_refused_the_{name}",
                says=f"No exported {name} is of a person whose last word on {destination.purpose} was no.",
                why="whoever reads a shared mailbox and said no must not be written to there",
                do=STOP,
                owner="privacy",
                query=f"""WITH refused AS (
                              SELECT i.value FROM consent_recount AS w
                              JOIN identity.assignments AS a USING (profile_id)
                              JOIN identity.identifiers AS i USING (record_id)
                              WHERE w.purpose = '{destination.purpose}' AND i.identifier = '{field.profile}'
                                AND list_contains({list(KEEPS_AWAY)}, w.status)
                          ), written AS (
                              SELECT {_written(field)} AS address FROM identity.identifiers AS i
                              WHERE i.identifier = '{field.profile}' AND i.value IN (SELECT value FROM refused)
                              UNION SELECT {_written(field)} FROM {table}_refused_since AS i
                              WHERE i.identifier = '{field.profile}'
                          )
                          SELECT profile_id FROM {{batch}} AS x
                          SEMI JOIN written AS t ON lower(x."{name}") = t.address""",
            )
        )
    return found


def _written(field: FieldMap) -> str:
    """The ways in which a file may have the value of row ``i`` of identity.identifiers, one a row."""
    # Identity may drop the tag of an address and the dots of a mailbox, and mail goes to the address as given.
    given = r"lower(regexp_replace(i.raw_value, '\s', '', 'g'))"
    forms = ["i.value", "replace(i.value, '@', regexp_extract(lower(i.raw_value), '([+][^@]*)@', 1) || '@')", given]
    if field.convert in HASHING:
        # Google asks for its own addresses without dots and tag. At other domains a dot tells two mailboxes apart.
        forms += [
            rf"CASE WHEN regexp_matches({form}, '@(gmail|googlemail)\.com$') THEN "
            f"replace(split_part(split_part({form}, '@', 1), '+', 1), '.', '') || '@' || split_part({form}, '@', 2) "
            "END"
            for form in ("i.value", given)
        ]
        forms = [f"sha256({form})" for form in forms]
    return f"unnest([{', '.join(forms)}])"


def _content(table: str, destination: Destination) -> list[Rule]:
    addresses = ", ".join(f'"{name}"' for name in destination.address)
    found: list[Rule] = [
        NoRows(
            table=table,
            name="every_row_can_be_matched",
            says=f"Every row has one of {', '.join(destination.address)}.",
            why="a row without an address reaches nobody and still tells the destination of a person",
            do=STOP,
            owner=destination.owner,
            query=f"SELECT profile_id FROM {{batch}} WHERE coalesce({addresses}) IS NULL",
        ),
        NoRows(
            table=table,
            name="every_row_is_a_profile_of_the_release",
            says="Every exported person is in gold.profiles of the release.",
            why="exports read releases, never live tables (invariant 7)",
            do=STOP,
            owner=destination.owner,
            query="SELECT profile_id FROM {batch} AS x ANTI JOIN gold.profiles AS p USING (profile_id)",
        ),
        NoRows(
            table=table,
            name="the_manifest_counts_the_rows",
            says="The manifest says how many rows the file has, and counts everybody considered once.",
            why="the destination checks what it received against the manifest",
            do=STOP,
            owner=destination.owner,
            query=f"""SELECT m.rows AS rows_said, (SELECT count(*) FROM {{batch}}) AS rows_found, m.considered
                      FROM {table}_manifest AS m
                      WHERE m.rows <> (SELECT count(*) FROM {{batch}})
                         OR m.considered < m.rows
                         OR m.considered <> m.rows + (SELECT sum(value::BIGINT) FROM json_each(to_json(m.refused)))""",
        ),
    ]
    for name, field in destination.fields.items():
        if field.convert in HASHING:
            found.append(
                NoRows(
                    table=table,
                    name=f"{name}_is_hashed",
                    says=f"Every {name} is a SHA-256 in lower-case hex digits.",
                    why="this destination must not see readable addresses",
                    do=STOP,
                    owner="privacy",
                    query=f"SELECT profile_id FROM {{batch}} "
                    f"WHERE NOT regexp_full_match(\"{name}\", '[0-9a-f]{{{{64}}}}')",
                )
            )
    if destination.one_row_per:
        field = destination.fields[destination.one_row_per]
        found.append(
            NoRows(
                table=table,
                name=f"one_row_per_{destination.one_row_per}",
                says=f"No {destination.one_row_per} is exported twice.",
                why="one mailbox would get every offer twice",
                do=STOP,
                owner=destination.owner,
                query=f"""WITH mailboxes AS (
                              SELECT address, min(value) AS mailbox FROM (
                                  SELECT i.value, {_written(field)} AS address FROM identity.identifiers AS i
                                  WHERE i.identifier = '{field.profile}')
                              GROUP BY address)
                          SELECT profile_id FROM {{batch}} AS x
                          LEFT JOIN mailboxes AS m ON m.address = lower(x."{destination.one_row_per}")
                          WHERE x."{destination.one_row_per}" IS NOT NULL
                          QUALIFY count(*) OVER (
                              PARTITION BY coalesce(m.mailbox, lower(x."{destination.one_row_per}"))) > 1""",
            )
        )
    return found


def _inert(table: str, destination: Destination) -> list[Rule]:
    """No cell of a file is run by the spreadsheet that it is opened in (OWASP, CSV Injection)."""
    readable = [name for name, field in destination.fields.items() if field.convert not in HASHING]
    columns = [*readable, "consent_event_id", "notice_version"]
    signs, unseen = "[=+\\-@＝＋－＠]", "[:cntrl:]\\s\\pZ"
    runs = " OR ".join(
        f"""regexp_matches("{name}", '^[{unseen}]*{signs}|^[\\t\\r\\n]')
            AND NOT regexp_full_match("{name}", '\\s*[+-]?[0-9]+([.][0-9]+)?\\s*')"""
        for name in columns
    )
    later = {name: f"""regexp_matches("{name}", '[;,|\\t\\r\\n][{unseen}"]*{signs}')""" for name in columns}
    return [
        NoRows(
            table=table,
            name="no_cell_is_a_formula",
            says="No text begins as a formula does in a spreadsheet, or goes on so behind a delimiter; numbers and "
            "telephones with their sign may begin so.",
            why="somebody's name would be run as a program on the machine of whoever opens the file",
            do=STOP,
            owner="privacy",
            query=f"""SELECT profile_id FROM {{batch}} WHERE {runs} OR {" OR ".join(later.values())}
                      UNION ALL SELECT profile_id FROM {table}_retractions WHERE {later["consent_event_id"]}""",
        )
    ]
