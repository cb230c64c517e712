"""Conform: bronze lines to silver tables, by the contracts, in one pass.

Idempotence key: the landing number. A run handles every landing from the first that is not done, reads silver only
before it, and replaces whatever silver holds of it and after. So a run that died is run again from the same state,
and any batching of landings gives the same rows. The account in ops.row_counts, written last, says what is done.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from contracts import Contracts
from contracts.source import Source
from lakehouse.lake import Lake
from lakehouse.run import Run, Step
from spark_jobs.silver import route
from spark_jobs.silver.dedupe import judge_repeats
from spark_jobs.silver.envelope import envelopes_of
from spark_jobs.silver.headers import headers_of
from spark_jobs.silver.messages import messages_of
from spark_jobs.silver.sql import literal
from spark_jobs.silver.validate import with_verdict

FATES = ("header", "kept", "duplicate", "quarantined")
MESSAGE_KEY = ("source", "position", "part")


@dataclass(frozen=True)
class Window:
    """The landings one run handles: ``first`` and all after it."""

    first: int
    last: int

    @property
    def predicate(self) -> str:
        return f"landing >= {self.first}"


def conform(lake: Lake, run: Run) -> dict[str, int]:
    """Bring silver up to the newest landing.

    Returns:
        Messages kept, duplicate and quarantined, and lines, over all sources.
    """
    with run.step(lake, "conform") as step, lake.lock("conform"):
        window = _window(lake, run)
        if window is None:
            step.message = "nothing has landed yet"
            return {}
        sources = [lake.contracts.sources[name] for name in sorted(lake.contracts.sources)]
        lines = {
            source.source: lake.df(f"bronze.{source.source}").where(window.predicate).where(f"landing <= {window.last}")
            for source in sources
        }
        step.say("parse and validate")
        judged, texts = judge(lines, lake.contracts)
        judged = judged.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            counts = _write(lake, run, step, window, judged, texts)
        finally:
            judged.unpersist()
        step.rows = counts["kept"]
        return counts


def judge(lines: dict[str, DataFrame], contracts: Contracts) -> tuple[DataFrame, DataFrame]:
    """Parse and validate bronze lines of all sources.

    Args:
        lines: Bronze rows by source.
        contracts: The declarations.

    Returns:
        The judged messages, without their text, and the texts by source, position and part.
    """
    judged, texts = [], []
    for name, bronze in sorted(lines.items()):
        source = contracts.sources[name]
        messages = messages_of(bronze, source).selectExpr("*", f"{literal(name)} as source")
        judged.append(_judge_source(messages, source, contracts))
        texts.append(messages.select(*MESSAGE_KEY, "message", "undecoded"))
    return _union(judged), _union(texts)


def _judge_source(messages: DataFrame, source: Source, contracts: Contracts) -> DataFrame:
    headers = headers_of(messages, source) if source.format.type == "csv" else []
    verdict = with_verdict(envelopes_of(messages, source, headers), source, contracts.events.values())
    dropped = {"message", "undecoded", "line_fault", "shape_fault", "has_time", "batch_sent_at"}
    kept = [column for column in verdict.columns if column not in dropped]
    event_id = f"concat({literal(source.source + ':')}, message_id) as event_id"
    return verdict.selectExpr(*kept, event_id, f"{literal(source.channel)} as channel")


def account(fated: DataFrame) -> DataFrame:
    """Lines and messages by landing, source and fate: the figures of ops.row_counts."""
    fates = [F.count(F.when(F.col("fate") == fate, True)).alias(fate) for fate in FATES]
    lines = F.count(F.when(F.col("part") == 0, True)).alias("lines")
    return fated.groupBy("landing", "source").agg(lines, F.count(F.lit(1)).alias("messages"), *fates)


def _write(lake: Lake, run: Run, step: Step, window: Window, judged: DataFrame, texts: DataFrame) -> dict[str, int]:
    accepted = judged.where(~F.col("is_header") & (F.size("reasons") == 0))
    history = lake.df("silver.events").where(f"landing < {window.first}")
    repeats = judge_repeats(accepted, history).persist()
    fated = route.with_fate(judged, repeats)
    try:
        counts = [row.asDict() for row in account(fated).collect()]  # one row a landing and source
        total = {fate: sum(row[fate] for row in counts) for fate in FATES}
        step.say("silver.events", total["kept"])
        lake.write_df("silver.events", route.events(fated), window.predicate)
        step.say("silver.duplicates", total["duplicate"])
        lake.write_df("silver.duplicates", route.duplicates(fated), window.predicate)
        step.say("silver.quarantine", total["quarantined"])
        lake.write_df("silver.quarantine", route.quarantine(fated, texts), window.predicate)
    finally:
        repeats.unpersist()
    kept = lake.df("silver.events").where(window.predicate)
    write_projections(lake, kept, window.predicate, step)
    _close_account(lake, run, window, counts)
    return {
        "lines": sum(row["lines"] for row in counts),
        "kept": total["kept"],
        "duplicates": total["duplicate"],
        "quarantined": total["quarantined"],
    }


def write_projections(lake: Lake, kept: DataFrame, predicate: str, step: Step) -> None:
    """The three tables that only restate silver.events: identifiers, customer records, consents."""
    step.say("silver.identifiers")
    sources = [lake.contracts.sources[name] for name in sorted(lake.contracts.sources)]
    lake.write_df("silver.identifiers", route.identifiers(kept, sources), predicate)
    step.say("silver.customer_records")
    lake.write_df("silver.customer_records", route.customer_records(kept), predicate)
    step.say("silver.consents")
    lake.write_df("silver.consents", route.consents(kept, lake.contracts.events.values()), predicate)


def _window(lake: Lake, run: Run) -> Window | None:
    landings = {row["landing"]: row["run_id"] for row in lake.arrow("ops.landings").to_pylist()}
    if not landings:
        return None
    done = max(lake.arrow("ops.row_counts", columns=["landing"])["landing"].to_pylist(), default=0)
    # A retried run may have landed more under a number that was done before: its landing is always taken again.
    mine = [landing for landing, run_id in landings.items() if run_id == run.run_id]
    last = max(landings)
    return Window(first=min([done + 1, last, *mine]), last=last)


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
                    "erased": 0,
                }
            )
    lake.overwrite("ops.row_counts", rows, where=window.predicate)


def _union(frames: Iterable[DataFrame]) -> DataFrame:
    first, *others = frames
    for other in others:
        first = first.unionByName(other)
    return first
