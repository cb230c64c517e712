"""Marts: the consent of everybody by the policy, then dbt, in this process and in this Spark session.

Idempotence key: each mart is replaced whole, in one Delta commit, by a function of the tables it reads, the event
dictionary and the run's date.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts import DBT_MODELS
from contracts.link import FIRMEST_FIRST
from contracts.marts import identity_minimums
from contracts.signal_sql import conditions
from lakehouse.attach import attach
from lakehouse.erasing import refuse_half_erased
from lakehouse.errors import DataError
from lakehouse.masks import masked
from lakehouse.private import make_private, open_private
from lakehouse.releases import row_count
from spark_jobs.gold.consent_state import build_consent_state
from spark_jobs.gold.declared import lay_out

if TYPE_CHECKING:
    import datetime

    from dbt.cli.main import dbtRunnerResult

    from lakehouse.lake import Lake
    from lakehouse.run import Run

PROJECT = DBT_MODELS.parent
READ = (
    "silver.customer_records",
    "silver.identifiers",
    "identity.records",
    "identity.identifiers",
    "identity.assignments",
    "gold.events",
)
NOT_RUN = "path:models/semantic"
"""Views for MetricFlow, which nothing of a run reads."""
_TOLD = ("info", "warn", "error")
_WHOLE_TABLES = {
    "spark.databricks.delta.stats.skipping": "false",
    "spark.sql.optimizer.runtime.bloomFilter.enabled": "false",
}
"""Marts read whole tables: to ask each scan which files to skip was a tenth of a build of a small lake."""


class ModelFailed(DataError):
    """A dbt model could not be built. Look at the model and at the rows it reads before running again."""


def build_marts(lake: "Lake", run: "Run") -> dict[str, int]:
    """Decide over everybody's consent, then build every mart and audience, for the run's date.

    Returns:
        Rows of each table built.

    Raises:
        ContractError: If the consent policy was changed without a new version.
        ModelFailed: If a model cannot be built; the others, and its own last version, stay readable.
    """
    with run.step(lake, "build_marts") as step:
        built: dict[str, int] = {}

        def hear(event: Any) -> None:
            if event.info.name != "NodeFinished" or event.data.node_info.materialized != "table":
                return
            name, status = event.data.node_info.node_name, event.data.run_result.status
            if status != "skipped":
                step.parts[f"gold.{name}"] = status == "success"
            if status == "success":
                built[name] = row_count(lake.delta(f"gold.{name}"))
                step.say(name, built[name])

        with lake.lock("gold.marts"):
            refuse_half_erased(lake)
            built["consent_state"] = build_consent_state(lake, run, step)
            invoke_dbt(lake, ["run", "--exclude", NOT_RUN], run.as_of, hear)
        step.rows = sum(built.values())
        return dict(sorted(built.items()))


def build_docs(lake: "Lake", out: Path) -> Path:
    """Write the documentation of all models, with their lineage, as one HTML page.

    Args:
        lake: The lake whose tables the page describes.
        out: The folder for the page.

    Returns:
        The page.
    """
    invoke_dbt(lake, ["docs", "generate", "--static"])
    out.mkdir(parents=True, exist_ok=True)
    page = out / "index.html"
    shutil.copyfile(state_folder(lake) / "target" / "static_index.html", page)
    return page


def invoke_dbt(
    lake: "Lake",
    command: list[str],
    as_of: "datetime.date | None" = None,
    hear: Callable[[Any], None] | None = None,
) -> "dbtRunnerResult":
    """Call dbt on this lake, in this session.

    Args:
        lake: Where dbt reads and writes.
        command: A dbt command and its own options.
        as_of: The run's data date.
        hear: Is called with each of dbt's events.

    Raises:
        ModelFailed: If dbt reports a failure.
    """
    from dbt.cli.main import dbtRunner  # 2 s, which only those who call dbt should pay

    state = state_folder(lake)
    options = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    options += ["--target-path", str(state / "target"), "--log-path", str(state / "logs")]
    options += ["--log-level", "none", "--log-level-file", "none"]
    if command[0] == "run":
        options += ["--no-write-json"]  # run_results.json would have the text of an error, and the value in it
    variables: dict[str, Any] = {
        "firmest_first": FIRMEST_FIRST,
        "restricted_marts": sorted(name for name, mart in lake.contracts.marts.items() if mart.is_restricted),
        "conditions": conditions(lake.contracts.signals),
        **lake.contracts.mart_rules.variables(),
        "identity_minimums": {name: asked.model_dump() for name, asked in identity_minimums().items()},
    }
    if as_of is not None:
        variables["as_of"] = as_of.isoformat()
    options += ["--vars", _as_yaml(variables)]
    log = make_private(make_private(state) / "logs") / "dbt.log"
    with _session_for_dbt(lake), _logged(log, hear) as heard:
        result = dbtRunner(callbacks=[heard]).invoke([*command, *options])
    if not result.success:
        raise _failure(result, state)
    return result


def _as_yaml(variables: dict[str, Any]) -> str:
    """Variables as dbt reads them: in YAML, of which JSON is no part where it writes a letter as two surrogates."""
    text = json.dumps(variables, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def state_folder(lake: "Lake") -> Path:
    """Where dbt keeps its manifest and its log."""
    return lake.settings.state / "dbt"


@contextmanager
def _session_for_dbt(lake: "Lake") -> Iterator[None]:
    """The tables attached, the dictionary laid out, and afterwards the session as it was."""
    spark = lake.spark
    attach(lake, {*READ, *lake.contracts.marts})
    lay_out(spark, lake.contracts)
    before = {name: spark.conf.get(name, None) for name in ("spark.sql.ansi.enabled", *_WHOLE_TABLES)}
    for name, value in _WHOLE_TABLES.items():
        spark.conf.set(name, value)
    os.environ["CLEW_DBT_LAKE"] = str(lake.settings.lake)
    os.environ["CLEW_DBT_RESTRICTED"] = str(lake.restricted_folder())
    try:
        yield
    finally:
        for name, was in before.items():  # dbt-spark switches ANSI off for the whole session
            if was is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, was)


def _failure(result: "dbtRunnerResult", state: Path) -> ModelFailed:
    log = f"see {state / 'logs' / 'dbt.log'}"
    failed = [item for item in getattr(result.result, "results", None) or () if item.status in ("error", "fail")]
    if not failed:
        return ModelFailed(f"dbt could not start: {_without_values(str(result.exception))}", str(PROJECT), log)
    names = ", ".join(item.node.name for item in failed)
    return ModelFailed(
        f"dbt could not build {names}: {_without_values(failed[0].message or 'no message')}",
        failed[0].node.original_file_path,
        log,
    )


def _without_values(message: str) -> str:
    """A message on one line without what may be personal; names are in backticks or bare."""
    return " ".join(masked(message).split())[:600]


@contextmanager
def _logged(log: Path, hear: Callable[[Any], None] | None) -> Iterator[Callable[[Any], None]]:
    """What hears dbt's events and writes them, without values of people, to a log: dbt's own would have them."""
    file = open_private(log, os.O_WRONLY | os.O_APPEND)

    def heard(event: Any) -> None:
        if hear:
            hear(event)
        if event.info.level in _TOLD:
            at = f"{event.info.ts.ToDatetime():%Y-%m-%d %H:%M:%S}"
            os.write(file, f"{at} {event.info.level}: {masked(event.info.msg)}\n".encode())

    try:
        yield heard
    finally:
        os.close(file)
