"""Conform: bronze lines to silver tables, by the contracts, in one pass.

Idempotence key: the landing number. A run handles every landing from the first that is not done, reads silver only
before it, and replaces whatever silver holds of it and after. So a run that died is run again from the same state,
and any batching of landings gives the same rows. The account in ops.row_counts, written last, says what is done.
"""

import functools
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts import Contracts
from contracts.source import Source
from lakehouse.erasing import refuse_half_erased
from lakehouse.errors import UsageError
from lakehouse.hold import give_way
from lakehouse.lake import Lake
from lakehouse.naming import refuse_other_names
from lakehouse.pseudonym import fingerprint
from lakehouse.run import Run, Step
from lakehouse.tombstones import tombstones
from spark_jobs.privacy.again import erase_again
from spark_jobs.silver import route
from spark_jobs.silver.dedupe import judge_repeats
from spark_jobs.silver.envelope import envelopes_of
from spark_jobs.silver.headers import headers_of
from spark_jobs.silver.keyed import pads_of
from spark_jobs.silver.messages import messages_of
from spark_jobs.silver.sql import literal, words
from spark_jobs.silver.validate import with_verdict

FATES = ("header", "kept", "duplicate", "quarantined", "erased")
MESSAGE_KEY = ("source", "position", "part")
JUDGED = (
    "source string, channel string, position bigint, part int, file string, line int, landing int, "
    "landed_at timestamp, contract_version string, contract string, is_header boolean, is_erased boolean, "
    "reasons array<string>, "
    "payload string, undecoded binary, event_id string, type string, event string, message_id string, "
    "record_id string, anonymous_id string, user_id string, occurred_at timestamp, sent_at timestamp, "
    "properties map<string,string>, traits map<string,string>, context map<string,string>, content_hash bigint"
)
"""A judged message. ``payload`` and ``undecoded`` are there only where there are reasons to refuse it."""
PROJECTIONS = ("silver.identifiers", "silver.customer_records", "silver.consents")
"""The tables that only restate silver.events."""
JUDGED_COLUMNS = tuple(column.split()[0] for column in JUDGED.split(", "))


@dataclass(frozen=True)
class Window:
    """The landings one run handles: ``first`` and all after it, to ``last``."""

    first: int
    last: int

    @property
    def predicate(self) -> str:
        return f"landing >= {self.first}"


def conform(lake: Lake, run: Run) -> dict[str, int]:
    """Bring silver up to the newest landing.

    Returns:
        Messages kept, duplicate and quarantined, and lines, over all sources; erased ones where there are any.

    Raises:
        EnvironmentFault: If this is an hourly run, and a daily one needs silver to stand still.
        DataError: If an erasure died before its end, or silver names mailboxes by another key.
    """
    # A landing under way would be accounted for before its last line.
    with run.step(lake, "conform") as step, lake.lock("land"), lake.lock("conform"):
        give_way(lake, run)
        refuse_half_erased(lake)
        refuse_other_names(lake)
        window = _window(lake)
        if window is None:
            step.message = "nothing has landed yet"
            return {}
        judged = erase_again(lake, stage(lake, _lines(lake, window), step), step)
        # What is about to be replaced is not done until it is accounted for again.
        lake.overwrite("ops.row_counts", [], where=window.predicate)
        counts = _write(lake, run, step, window, judged)
        clear_stage(lake)
        step.rows = counts["kept"]
        return counts


def reopen(lake: Lake, first: int) -> None:
    """Have the next run conform landing ``first`` and all after it anew, out of bronze.

    Raises:
        UsageError: If there is no such landing.
    """
    known = (
        lake.arrow("ops.landings", columns=["landing"])["landing"].to_pylist() if lake.exists("ops.landings") else []
    )
    if first not in known:
        raise UsageError(
            f"there is no landing {first}", "ops.landings", f"the landings are 1 to {max(known, default=0)}"
        )
    lake.ensure_tables()  # the run that comes adds columns declared since; to write here takes them already
    with lake.lock("conform"):
        lake.overwrite("ops.row_counts", [], where=f"landing >= {first}")


def stage(lake: Lake, lines: dict[str, DataFrame], step: Step) -> DataFrame:
    """Judge bronze lines, source by source, into files that the tables are then written from.

    Every table after this reads the staged columns it needs; kept in the plan instead, the parsing of all sources
    would be planned anew for each of them, which took longer than the work itself.
    """
    clear_stage(lake)
    folder = _stage_folder(lake)

    erased = tombstones(lake)
    pads = pads_of(lake.spark, lake.settings.identity_key)

    def judge_one(name: str) -> None:
        judged = judge(lines[name], lake.contracts.sources[name], lake.contracts, pads, erased)
        judged.write.parquet((folder / name).as_uri())
        step.say(f"judged {name}")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(judge_one, sorted(lines)))
    if not lines:  # a DataFrame of no Python rows would start a process of Python's
        nothing = [f"cast(null as {kind}) as {name}" for name, kind in (c.split(" ", 1) for c in JUDGED.split(", "))]
        return lake.spark.range(0).selectExpr(*nothing)
    return lake.spark.read.schema(JUDGED).parquet(*((folder / name).as_uri() for name in sorted(lines)))


def clear_stage(lake: Lake) -> None:
    """Remove staged files; a run that died may have left some."""
    folder = _stage_folder(lake)
    if folder.exists():
        shutil.rmtree(folder)


def judge(
    bronze: DataFrame, source: Source, contracts: Contracts, pads: DataFrame, erased: Sequence[str] = ()
) -> DataFrame:
    """Parse and validate bronze lines of one source.

    Args:
        bronze: Rows of its bronze table.
        source: Its contract.
        contracts: All declarations.
        pads: The identity key, as of :func:`spark_jobs.silver.keyed.pads_of`.
        erased: The texts that stand in the place of erased messages.

    Returns:
        One row per message, in the columns of :data:`JUDGED`.
    """
    messages = messages_of(bronze, source)
    headers = headers_of(messages, source) if source.format.type == "csv" else []
    verdict = with_verdict(envelopes_of(messages, source, headers), source, contracts.events.values(), pads)
    made = {
        "source": literal(source.source),
        "channel": literal(source.channel),
        # As the contract stands now: what is judged anew may have landed under an earlier one.
        "contract_version": literal(source.version),
        "event_id": f"concat({literal(source.source + ':')}, message_id)",
        "is_erased": f"coalesce(message in ({words(erased)}), false)" if erased else "false",
        "payload": "if(size(reasons) > 0, message, null)",
        "undecoded": "if(size(reasons) > 0, undecoded, null)",
    }
    return verdict.selectExpr(*[f"{made.get(column, column)} as {column}" for column in JUDGED_COLUMNS])


def texts_of(bronze: DataFrame, source: Source) -> DataFrame:
    """The text of each message of bronze lines, by source, position and part."""
    return messages_of(bronze, source).selectExpr(f"{literal(source.source)} as source", "position", "part", "message")


def account(fated: DataFrame, contracts: Contracts) -> DataFrame:
    """Lines and messages by landing, source and fate: the figures of ops.row_counts.

    And of those kept, how many may have a row in silver.customer_records and silver.consents.
    """
    fates = [F.count(F.when(F.col("fate") == fate, True)).alias(fate) for fate in FATES]
    lines = F.count(F.when(F.col("part") == 0, True)).alias("lines")
    conflicts = F.count(F.when(F.col("payload").isNull() & (F.col("fate") == "quarantined"), True)).alias("conflicts")
    kept = "count_if(fate = 'kept' and {})"
    telling = {
        "silver.customer_records": route.IDENTIFIES,
        "silver.consents": route.speaks(contracts.events.values()),
    }
    told = [F.expr(kept.format(condition)).alias(table) for table, condition in telling.items()]
    return fated.groupBy("landing", "source").agg(lines, F.count(F.lit(1)).alias("messages"), conflicts, *fates, *told)


def quarantined(lake: Lake, fated: DataFrame, repeats: DataFrame, sources: Sequence[str]) -> DataFrame:
    """Rows of silver.quarantine; a conflict's text is fetched from bronze, for the ``sources`` that have any."""
    refused = route.quarantine(fated)
    if not sources:
        return refused
    conflicts = repeats.where("is_conflict").selectExpr("substring_index(event_id, ':', 1) as source", "position")
    texts = []
    for name in sources:
        positions = F.broadcast(conflicts.where(F.col("source") == name).select("position").distinct())
        lines = lake.df(f"bronze.{name}").join(positions, "position", "left_semi")
        texts.append(texts_of(lines, lake.contracts.sources[name]))
    found = refused.join(F.broadcast(functools.reduce(DataFrame.unionByName, texts)), list(MESSAGE_KEY), "left")
    others = [column for column in refused.columns if column != "payload"]
    return found.selectExpr(*others, "coalesce(payload, message) as payload")


def replace_from(lake: Lake, table: str, df: DataFrame, first: int, *, is_empty: bool = False) -> None:
    """Replace a silver table's rows of landing ``first`` and after.

    Where there are none yet, as in every run that did not die, appending saves Delta the search for them; and where the
    new ones are known to be none, nothing need be planned.
    """
    newest = lake.highest(table, "landing")
    if newest is None or newest < first:
        if not is_empty:
            lake.append_df(table, df)
    else:
        lake.write_df(table, df, f"landing >= {first}")


def write_projections(lake: Lake, kept: DataFrame, put: Callable[[str, DataFrame], None], step: Step) -> None:
    """Put down what PROJECTIONS names."""
    sources = [lake.contracts.sources[name] for name in sorted(lake.contracts.sources)]
    projections = {
        "silver.identifiers": lambda: route.identifiers(kept, sources),
        "silver.customer_records": lambda: route.customer_records(kept),
        "silver.consents": lambda: route.consents(kept, lake.contracts.events.values()),
    }

    def write(table: str) -> None:
        put(table, projections[table]())
        step.say(table)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, projections))


def _write(lake: Lake, run: Run, step: Step, window: Window, judged: DataFrame) -> dict[str, int]:
    accepted = judged.where(route.ACCEPTED)
    # Of a version: what is kept of the table as it stands now, Spark would make anew after each write to it.
    history = lake.df("silver.events", lake.version("silver.events")).where(f"landing < {window.first}")
    repeats = judge_repeats(accepted, history).persist()
    fated = route.with_fate(judged, repeats)
    try:
        counts = [row.asDict() for row in account(fated, lake.contracts).collect()]  # one row a landing and source
        total = {fate: sum(row[fate] for row in counts) for fate in FATES}
        with_conflicts = sorted({row["source"] for row in counts if row["conflicts"]})
        step.say("silver.events", total["kept"])
        replace_from(lake, "silver.events", route.events(fated), window.first, is_empty=not total["kept"])
        step.say("silver.duplicates", total["duplicate"])
        none_twice = not total["duplicate"]
        replace_from(lake, "silver.duplicates", route.duplicates(fated), window.first, is_empty=none_twice)
        step.say("silver.quarantine", total["quarantined"])
        refused = quarantined(lake, fated, repeats, with_conflicts)
        replace_from(lake, "silver.quarantine", refused, window.first, is_empty=not total["quarantined"])
    finally:
        repeats.unpersist()
    kept = lake.df("silver.events").where(window.predicate)
    telling = {table: sum(row.get(table, row["kept"]) for row in counts) for table in PROJECTIONS}

    def put(table: str, df: DataFrame) -> None:
        replace_from(lake, table, df, window.first, is_empty=not telling[table])

    write_projections(lake, kept, put, step)
    _close_account(lake, run, window, counts)
    return {
        "lines": sum(row["lines"] for row in counts),
        "kept": total["kept"],
        "duplicates": total["duplicate"],
        "quarantined": total["quarantined"],
        **({"erased": total["erased"]} if total["erased"] else {}),
    }


def _window(lake: Lake) -> Window | None:
    landings = lake.arrow("ops.landings", columns=["landing"])["landing"].to_pylist()
    if not landings:
        return None
    done = max(lake.arrow("ops.row_counts", columns=["landing"])["landing"].to_pylist(), default=0)
    last = max(landings)
    return Window(first=min(done + 1, last), last=last)


def _lines(lake: Lake, window: Window) -> dict[str, DataFrame]:
    """Bronze lines of the window, for the sources that have any."""
    found = {}
    for source in sorted(lake.contracts.sources):
        newest = lake.highest(f"bronze.{source}", "landing")
        if newest is not None and newest >= window.first:
            found[source] = lake.df(f"bronze.{source}").where(window.predicate).where(f"landing <= {window.last}")
    return found


def _stage_folder(lake: Lake) -> Path:
    return lake.settings.places.restricted / "_work" / "conform"


def _close_account(lake: Lake, run: Run, window: Window, counts: Sequence[dict]) -> None:
    by_key = {(row["landing"], row["source"]): row for row in counts}
    rows = []
    for landing in range(window.first, window.last + 1):
        for source in sorted(lake.contracts.sources):
            row = by_key.get((landing, source), {})
            rows.append(
                {
                    "run_id": run.run_id,
                    "landing": landing,
                    "source": source,
                    "lines": row.get("lines", 0),
                    "headers": row.get("header", 0),
                    "unpacked": row.get("messages", 0) - row.get("lines", 0),
                    "kept": row.get("kept", 0),
                    "duplicates": row.get("duplicate", 0),
                    "quarantined": row.get("quarantined", 0),
                    "erased": row.get("erased", 0),
                    "record_key": fingerprint(lake.settings.identity_key),
                }
            )
    lake.overwrite("ops.row_counts", rows, where=window.predicate)
