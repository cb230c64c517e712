"""The step that works out who is who: silver and the stewards' decisions in, the identity tables out.

It reads the live tables and writes each identity table in one commit, and says last what it went by; so running it
again after a kill gives the same result. Where that is what the last run went by, too, only what changed since is
resolved (``identity.incremental``). Nothing in the content depends on the clock, on the order of rows or on an
earlier run, but in identity.history, which keeps what earlier runs said.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from identity.basis import KEPT, Basis, Last, last, publish, versions, why_whole
from identity.changes import changes, id_churn, publish_changes
from identity.decisions import Decision, read_decisions, standing
from identity.derived import assigned, counted, questions, spells
from identity.engine import engine_for
from identity.history import append_history, believed_before, has_spoken
from identity.incremental import replacement
from identity.model import Model, compared_people, load_model
from identity.records import SILVER, build_nodes, read_silver, standard_forms, with_browsers
from identity.renamed import Renamed, name_anew
from identity.resolution import Resolution, resolved
from identity.score import probabilistic_edges
from identity.sql import query
from identity.stored import Stored
from identity.timeline import timelines
from lakehouse.duck import changed_column
from lakehouse.erasing import refuse_half_erased
from lakehouse.errors import DataError
from lakehouse.naming import refuse_other_names

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run, Step

BATCH_ROWS = 100_000
"""Rows of a table that are on their way at a time while it is rewritten."""


@dataclass(frozen=True)
class _Resolved:
    """The records that a run resolved, with their edges and assignments.

    ``about`` is record_id of all that may differ from what was believed; None for all there are.
    """

    records: pa.Table
    resolution: Resolution
    about: pa.Table | None


def resolve(lake: "Lake", run: "Run") -> dict[str, int]:
    """Resolve all records of the lake, or, after a run that differs in data and decisions only, what those touch.

    Returns:
        Counts: records, identifiers, unusable identifiers, edges by kind and by state, profiles, merged profiles,
            spells between log-ins, questions to stewards, and what changed since the run before, as
            ops.identity_changes has it.
    """
    with run.step(lake, "resolve") as step, lake.lock("resolve"):
        refuse_half_erased(lake)
        refuse_other_names(lake)
        rules = lake.contracts.identity
        model = load_model(rules.probabilistic.model, lake.settings.models)
        basis, before, renamed = Basis.of(lake, model), last(lake), Renamed()
        if before is None or before.basis.key != basis.key:
            renamed = name_anew(lake, keeps_gone=before is None)
            if renamed.names:
                step.say("records named anew", rows=renamed.names)
        decisions = standing(read_decisions(lake), run.as_of)
        step.say("decisions standing", rows=len(decisions))
        read = versions(lake, SILVER)
        candidates, why = _candidates(lake, before, basis)
        if candidates is None:
            step.say(f"all records are resolved, since {why}")
            made = _whole(lake, step, decisions, model)
        else:
            step.say("records that may have changed", rows=candidates.num_rows)
            made = _changed(lake, step, candidates, decisions, model)
        visits, queue = spells(lake, decisions), questions(lake)
        lake.overwrite("identity.stitches", visits)
        lake.overwrite("identity.review_queue", queue)
        counts = counted(lake) | {"spells": visits.num_rows, "questions": queue.num_rows}
        asked = None if has_spoken(lake, run) else made.about  # what an earlier try changed is not about this one's
        changed = changes(believed_before(lake, run, asked), assigned(lake, asked))
        changed |= {name: counts[name] for name in ("records", "profiles")}
        publish_changes(lake, run, changed)  # before the history, by which another try would find nothing changed
        told = timelines(made.records, made.resolution.edges, made.resolution.assignments)
        step.say("history appended", rows=append_history(lake, run, told, made.about))
        publish(lake, run.run_id, basis, read)
        step.rows, step.message = counts["records"], "; ".join(filter(None, (_told(changed, why), renamed.told)))
    return counts | changed


def _candidates(lake: "Lake", before: Last | None, basis: Basis) -> tuple[pa.Table | None, str | None]:
    """The records that may have changed; or None, and why all are to be resolved."""
    why = why_whole(lake, before, basis)
    if why is not None or before is None:
        return None, why
    try:
        found = [changed_column(lake.settings.places, name, at, "record_id") for name, at in before.silver.items()]
    except DataError as error:
        return None, error.what
    changed = query("SELECT DISTINCT record_id FROM found ORDER BY record_id", found=pa.concat_tables(found))
    return with_browsers(lake, changed), None


def _whole(lake: "Lake", step: "Step", decisions: list[Decision], model: Model) -> _Resolved:
    rules, key = lake.contracts.identity, lake.settings.identity_key
    silver = read_silver(lake, rules)
    step.say("records read", rows=silver.events.num_rows)
    nodes = build_nodes(silver, rules)
    step.say("identifiers standardised", rows=nodes.identifiers.num_rows)
    if engine_for(nodes.records.num_rows, lake.settings.identity_engine) == "spark":
        from identity.spark.resolve import resolve_in_parts

        resolution = resolve_in_parts(lake.spark, nodes, decisions, rules, model, key)
    else:
        scored = probabilistic_edges(compared_people(nodes.records), model, rules.probabilistic.review_weight)
        step.say("pairs weighed", rows=scored.num_rows)
        resolution = resolved(nodes, scored, decisions, rules, key)
    step.say("records joined", rows=nodes.records.num_rows)
    lake.overwrite("identity.records", nodes.records)
    lake.overwrite("identity.identifiers", nodes.identifiers)
    if resolution.spread is None:
        lake.overwrite("identity.edges", resolution.edges)
    else:
        lake.write_df("identity.edges", resolution.spread)
        resolution.spread.unpersist()
    lake.overwrite("identity.assignments", resolution.assignments)
    return _Resolved(nodes.records, resolution, None)


def _changed(lake: "Lake", step: "Step", candidates: pa.Table, decisions: list[Decision], model: Model) -> _Resolved:
    rules, key = lake.contracts.identity, lake.settings.identity_key
    said = standard_forms(read_silver(lake, rules, candidates), rules)
    with lake.duck(only=KEPT) as connection:
        made = replacement(Stored(connection), candidates, said, decisions, rules, model, key)
        step.say("records joined again", rows=made.touched.num_rows)
        for table, (stays, gone, fresh) in made.parts().items():
            if gone.num_rows == 0:
                continue
            connection.register("gone", gone)
            connection.register("fresh", fresh)
            rows = connection.sql(f"{stays.format(table)} UNION ALL BY NAME SELECT * FROM fresh")
            lake.overwrite(table, rows.to_arrow_reader(BATCH_ROWS))
            connection.unregister("gone")
            connection.unregister("fresh")
            step.say(f"{table} written", rows=fresh.num_rows)
    return _Resolved(made.records, made.resolution, made.touched)


def _told(changed: dict[str, int], why: str | None) -> str:
    """What changed, in one line of the ledger."""
    named = ", ".join(f"{changed[name]:,} {name}" for name in ("merges", "splits", "redirects"))
    new = f"{changed['records_new']:,} new records, {named}, id churn {id_churn(changed):.2%}"
    return new + (f"; all resolved, since {why}" if why else "; only what changed was resolved")
