"""The gold gate: no event lost after silver, people everywhere the same, provenance of values, consent settled."""

from contracts.link import FIRMEST_FIRST
from contracts.marts import OF_PEOPLE, of_people, published_models
from expectations import attribution, consent, declared, marts, promises
from expectations.link import weakest_links
from expectations.rule import NoRows, Rule
from expectations.suite import Scene, Suite

_KINDS = list(FIRMEST_FIRST)
_REPORT = "report it as a fault of the mart, with the keys named here; the last release stays"


def suite(scene: Scene) -> Suite:
    """Build the gate's rules for the declared tables and the marts that there are."""
    rules: list[Rule] = []
    columns = scene.columns()
    for name, table in scene.contracts.tables.items():
        if table.schema_name == "gold" and name in columns:
            rules += declared.rules(table)
    rules += marts.rules()
    rules += [*_events(), *_people(scene, columns), *_spells(columns), *_silent_signals(scene, columns)]
    rules += [*consent.rules(), *_provenance(scene, columns), *promises.rules(scene)]
    rules += attribution.rules(scene, columns)
    return Suite("gold", tuple(rules), (consent.prepare(scene),))


def _events() -> list[Rule]:
    return [
        NoRows(
            table="silver.events",
            name="every_event_reaches_gold",
            says="Every event of silver is in gold.",
            why="an event that is lost here is missing from every mart (invariant 1)",
            do="run gold again: clew run",
            owner="platform",
            query="SELECT event_id FROM {batch} AS s ANTI JOIN gold.events AS g USING (event_id)",
        ),
        NoRows(
            table="gold.events",
            name="every_gold_event_comes_from_silver",
            says="Every event of gold is in silver.",
            why="gold is a function of silver (invariant 2)",
            do="run gold again: clew run",
            owner="platform",
            query="SELECT event_id FROM {batch} AS g ANTI JOIN silver.events AS s USING (event_id)",
        ),
        NoRows(
            table="gold.events",
            name="every_event_has_the_profile_of_its_record",
            says="An event has the profile and link that identity gives its record, or the account in whose spell it "
            "lies, no firmer and no surer than the spell; without a record it has none.",
            why="an event at the wrong person is worse than one that is missing",
            do="run gold again: clew run",
            owner="identity",
            query=f"""SELECT event_id FROM (FROM {{batch}} WHERE record_id IS NOT NULL) AS e
                      LEFT JOIN identity.stitches AS s ON s.record_id = e.record_id
                           AND e.occurred_at >= s.since AND (s.until IS NULL OR e.occurred_at < s.until)
                      LEFT JOIN identity.assignments AS a ON a.record_id = coalesce(s.account_record, e.record_id)
                      WHERE e.profile_id IS DISTINCT FROM a.profile_id
                         OR e.link_probability IS DISTINCT FROM least(a.probability, s.probability)
                         OR e.link_kind IS DISTINCT FROM CASE
                            WHEN list_position({_KINDS}, s.kind) > list_position({_KINDS}, a.kind) THEN s.kind
                            ELSE a.kind END
                      UNION ALL SELECT event_id FROM {{batch}} WHERE record_id IS NULL AND profile_id IS NOT NULL""",
        ),
    ]


def _silent_signals(scene: Scene, columns: dict[str, list[str]]) -> list[Rule]:
    """A warning only: a journey that nobody goes yet is no fault of the data."""
    signals = ", ".join(f"('{name}')" for name in sorted(scene.contracts.signals))
    if not signals or "gold.signals" not in columns:
        return []
    return [
        NoRows(
            table="gold.signals",
            name="every_signal_comes",
            says="Every signal of contracts/signals.yml has come at least once.",
            why="a stage, moment or friction that goes by it can never show, whatever people do",
            do="see whether the event is still sent, with the property that the signal asks for; else take it out",
            owner="analytics",
            severity="warn",
            query=f"SELECT signal FROM (VALUES {signals}) AS declared (signal) ANTI JOIN {{batch}} USING (signal)",
        )
    ]


def _spells(columns: dict[str, list[str]]) -> list[Rule]:
    if "gold.journey_stages" not in columns:
        return []
    return [
        NoRows(
            table="gold.journey_stages",
            name="one_spell_at_a_time",
            says="A person's spells in a journey follow one another without gap or overlap; only the last one lasts.",
            why="a person in two stages is counted twice in every funnel",
            do=_REPORT,
            owner="analytics",
            query="""SELECT journey, profile_id, spell FROM (
                         SELECT *, lead(entered_at) OVER (PARTITION BY journey, profile_id ORDER BY spell) AS next_at
                         FROM {batch})
                     WHERE left_at IS DISTINCT FROM next_at OR is_current <> (left_at IS NULL)""",
        )
    ]


def _people(scene: Scene, columns: dict[str, list[str]]) -> list[Rule]:
    found: list[Rule] = [
        NoRows(
            table="identity.assignments",
            name="every_person_has_a_profile",
            says="Every profile of identity.assignments has a row in gold.profiles.",
            why="a person without a row is in no audience and in no report",
            do=_REPORT,
            owner="analytics",
            query="SELECT DISTINCT profile_id FROM {batch} AS a ANTI JOIN gold.profiles AS p USING (profile_id)",
        ),
        NoRows(
            table="gold.profiles",
            name="every_profile_has_records",
            says="Every row of gold.profiles is a profile of identity.assignments.",
            why="a profile without records is nobody, and cannot be explained",
            do=_REPORT,
            owner="analytics",
            query="SELECT profile_id FROM {batch} AS p ANTI JOIN identity.assignments AS a USING (profile_id)",
        ),
        NoRows(
            table="gold.profiles",
            name="every_profile_is_as_firm_as_its_weakest_link",
            says="link_kind and link_probability of a profile are those of its weakest record.",
            why="receipts of exports show them (invariant 5)",
            do=_REPORT,
            owner="identity",
            query=f"""SELECT p.profile_id FROM {{batch}} AS p JOIN ({weakest_links()}) AS w USING (profile_id)
                      WHERE p.link_kind IS DISTINCT FROM w.link_kind
                         OR abs(coalesce(p.link_probability, -1) - w.link_probability) > 1e-9""",
        ),
        NoRows(
            table="gold.profile_redirects",
            name="every_retired_id_leads_where_identity_says",
            says="Each own id of identity.assignments that is no profile's leads to the profile of its record.",
            why="who kept an id from before a merge finds nobody by it, or somebody else (invariant 4)",
            do=_REPORT,
            owner="identity",
            query="""SELECT retired_profile_id, m.profile_id FROM {batch} AS m FULL JOIN (
                         SELECT own_profile_id AS retired_profile_id, profile_id FROM identity.assignments
                         WHERE own_profile_id <> profile_id) AS a USING (retired_profile_id)
                     WHERE m.profile_id IS DISTINCT FROM a.profile_id""",
        ),
    ]
    # What is declared no more is built no more: a table left by an earlier version says nothing of today.
    declared_now = {*scene.contracts.tables, *(f"gold.{model['name']}" for _, model in published_models())}
    marts_of_people = [
        table
        for table, names in sorted(columns.items())
        if table.startswith("gold.")
        and table in declared_now - {"gold.profiles", "gold.events"}
        and "profile_id" in names
    ]
    found += [
        NoRows(
            table=table,
            name="every_person_is_a_profile",
            says=f"Every profile_id of {table} is in gold.profiles.",
            why="a row about a person without a profile cannot be exported, explained or erased",
            do=_REPORT,
            owner="analytics",
            query="SELECT DISTINCT profile_id FROM {batch} AS m "
            "ANTI JOIN gold.profiles AS p USING (profile_id) WHERE profile_id IS NOT NULL",
        )
        for table in marts_of_people
    ]
    return found


def _provenance(scene: Scene, columns: dict[str, list[str]]) -> list[Rule]:
    exported = {column for d in scene.contracts.destinations.values() for column in d.profile_columns}
    tables = of_people()
    return [
        _has_provenance(table, columns.get(table, []), {name for name in exported if tables.get(name) == table})
        for table in OF_PEOPLE
    ]


def _has_provenance(table: str, have: list[str], exported: set[str]) -> Rule:
    attributes = sorted(exported | {name.removesuffix("_source") for name in have if name.endswith("_source")})
    parts = []
    for name in attributes:
        if {name, f"{name}_source", f"{name}_at"} <= set(have):
            lacks = f'"{name}" IS NOT NULL AND ("{name}_source" IS NULL OR "{name}_at" IS NULL)'
        else:
            lacks = "true"  # a value that has no columns for its provenance has none, in every row
        parts.append(f"SELECT profile_id, '{name}' AS attribute FROM {{batch}} WHERE {lacks}")
    return NoRows(
        table=table,
        name="every_value_has_provenance",
        says=f"Every value of {', '.join(attributes)} has its source and its time.",
        why="a value that cannot say where it comes from can be neither corrected nor explained (invariant 5)",
        do="mend dbt_project/models/intermediate/int_profile_attributes_survived.sql, which picks value and source",
        owner="analytics",
        query=" UNION ALL ".join(parts) or "SELECT profile_id FROM {batch} WHERE false",
    )
