"""What every task of Clew has in common: its settings, its words on the Airflow page, and how it fails.

Airflow puts the DAG folder on the import path, so a DAG file imports this module by its bare name.
"""

import datetime
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow.sdk import Param, get_current_context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Progress, Run

ENVIRONMENT_FAULT = 3
PRIVACY = "clew_privacy"


class StepFunction(Protocol):
    """A step of the pipeline: does its work in the lake, safe to run again, and returns counts to show."""

    def __call__(self, lake: "Lake", run: "Run", /) -> dict[str, int]: ...


@dataclass(frozen=True)
class Step:
    """What a reader of the Airflow page needs to know about one task."""

    what: str
    inputs: str
    outputs: str
    on_failure: str
    mended_by: str = ""
    """The task to clear after mending, where clearing the failed one would only look at the same rows again."""
    again: str = "Yes: a second run of the same DAG run writes the same rows once."

    def doc_md(self) -> str:
        return (
            f"{self.what}\n\n**Inputs:** {self.inputs}\n\n**Outputs:** {self.outputs}\n\n"
            f"**Safe to re-run?** {self.again}\n\n**When it fails:** {self.on_failure}\n"
        )


GATE_FAILED = (
    "A closed gate is never retried and the last release stays. Read the reasons and the rows' keys with "
    '`clew query "select * from ops.check_results where not success" --release live`. Clearing the gate alone checks '
    "the same rows again: "
)
STEPS: dict[str, Step] = {
    "land": Step(
        "Reads every new file under landing/ as raw text into one append-only table a source.",
        "landing/<source>/",
        "bronze.<source>",
        "Clear the task: files already landed are not landed twice. If a file cannot be read, move it out of "
        "landing/ first.",
    ),
    "conform": Step(
        "Maps, validates and de-duplicates what landed, by the contracts; what they refuse goes to quarantine.",
        "bronze.*, contracts/",
        "silver.events, silver.identifiers, silver.customer_records, silver.consents, silver.quarantine, "
        "silver.duplicates, ops.row_counts",
        "`clew check` names a wrong contract with file and line. Mend it and clear the task.",
    ),
    "gate_silver": Step(
        "Stops the run unless silver is whole: no row lost, no key twice, nothing without its source.",
        "silver.*, ops.row_counts",
        "ops.check_results",
        GATE_FAILED + "mend the contract, then clear conform, which builds the newest landing anew. Where the rows "
        "came with landing N before it: `clew run --from-landing N`, with the date of this run.",
        mended_by="conform",
    ),
    "resolve": Step(
        "Works out which records are one person: deterministic and probabilistic edges, constrained clusters.",
        "silver.events, silver.identifiers, silver.customer_records, identity.decisions, contracts/identity.yml",
        "identity.records, identity.identifiers, identity.edges, identity.assignments, identity.history, "
        "identity.stitches, identity.review_queue, ops.identity_changes",
        "Clear the task. `clew explain <record> <record>` shows why two records are, or are not, one person.",
    ),
    "gate_identity": Step(
        "Stops the run unless every link has its evidence and every record exactly one profile.",
        "identity.*",
        "ops.check_results",
        GATE_FAILED + "mend contracts/identity.yml, then clear resolve, which builds all of identity anew.",
        mended_by="resolve",
    ),
    "build_events": Step(
        "Gives every event the profile that its record belongs to, or the account that had logged in.",
        "silver.events, identity.assignments, identity.stitches",
        "gold.events",
        "Clear the task.",
    ),
    "build_marts": Step(
        "Builds profiles, journeys and the other marts with dbt, in the same Spark session.",
        "gold.events, silver.*, identity.*",
        "gold.profiles, gold.journey_stages and the other gold.* marts",
        "The task's log names the dbt model. Mend it under dbt_project/models/ and clear the task.",
    ),
    "measure": Step(
        "Computes what statistics say of the marts, each with its interval.",
        "silver.*, identity.*, gold.*, contracts/",
        "the tables under contracts/tables/gold whose writer is measures.step",
        "Clear the task.",
    ),
    "gate_gold": Step(
        "Stops the run unless the marts are complete, consistent and of known provenance.",
        "gold.*",
        "ops.check_results",
        GATE_FAILED
        + "mend the model under dbt_project/models/, then clear build_events, which build_marts and measure follow.",
        mended_by="build_events",
    ),
    "release": Step(
        "Publishes the set of table versions that passed every gate together; readers see it from now on.",
        "all tables",
        "ops.releases",
        "Clear the task: readers stay on the release before until it is done.",
    ),
    "export": Step(
        "Writes, for each destination, the people whose consent for its purpose is granted, and the addresses that "
        "it is to remove, behind a last gate.",
        "the latest release, contracts/exports/",
        "exports/<destination>/<release>/",
        "Nothing half-written is left. Mend contracts/exports/ and clear this task: it writes the file anew and checks "
        "it. Where the rows of the release are wrong, mend the model under dbt_project/models/ and clear build_events. "
        'Read the reasons with `clew query "select * from ops.check_results where not success" --release live`.',
    ),
    "retract": Step(
        "Tells every destination to remove whom it ever got and may keep no longer, by what is conformed now.",
        "silver.consents, silver.identifiers, identity.assignments, ops.deliveries",
        "exports/<destination>/retractions/<number>/, ops.retractions",
        "Clear the task: nobody is retracted twice. `clew privacy --retract-only` does the same at once.",
        again="Yes: a second run retracts nobody twice, and makes up for what a run that died left out.",
    ),
    "retain": Step(
        "Removes what is past the period that its source, table, destination or purpose declares and is under no hold.",
        "contracts/, ops.holds, silver.*, exports/",
        "bronze.*, silver.*, gold.events, identity.history, ops.runs, ops.check_results, ops.retained, without old "
        "folders under exports/",
        "Clear the task: what is gone is not removed twice. `clew retain --dry-run` shows what would go.",
    ),
    "forget": Step(
        "Erases the people that a file names, and writes the certificate.",
        ".clew/requests/<file>, all tables, landing/, exports/",
        "all tables without them, ops.erased, certificates/",
        "Clear the task: an erasure that died is finished first. A hold that stands in its way is named with its "
        "reason.",
    ),
    "maintain": Step(
        "Compacts small files and removes versions that no kept release names.",
        "all tables",
        "all tables, same content",
        "Clear the task: compaction changes no content, and a version that a release names is never removed.",
    ),
}


@dataclass
class Watch:
    """Lets a program that runs a DAG in its own process see the steps, and the error that ended them."""

    progress: "Progress | None" = None
    errors: list[BaseException] = field(default_factory=list)


watch = Watch()


class LogLines:
    """Progress as lines of the task's own log."""

    def started(self, step: str) -> None:
        print(f"{step}: started", flush=True)

    def said(self, step: str, label: str, rows: int | None, total: int | None) -> None:
        of = f" of {total:,}" if total is not None else ""
        print(f"{step}: {label}" + (f" {rows:,}{of}" if rows is not None else ""), flush=True)

    def ended(self, step: str, state: str, rows: int, seconds: float, message: str) -> None:
        print(f"{step}: {state}, {rows:,} rows in {seconds:.1f} s {message}".rstrip(), flush=True)


def as_of(context: Any) -> datetime.date:
    """The date a DAG run stands for: the one asked for, else its logical date, else the day it runs after.

    A run that an asset or a person started may have no logical date.
    """
    asked = (context.get("params") or {}).get("as_of")
    if asked:
        return datetime.date.fromisoformat(asked)
    dag_run = context["dag_run"]
    moment: datetime.datetime = dag_run.logical_date or dag_run.run_after
    return moment.date()


def run_id(dag_run_id: str) -> str:
    """Clew's name for a DAG run: Airflow's, in characters that a file name may hold."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", dag_run_id)


def run_of(context: Any) -> str:
    """Clew's name for the run of a task: two DAGs may have runs of one name, and an hourly run is told by its."""
    from lakehouse.hold import HOURLY

    name = run_id(context["dag_run"].run_id)
    return f"{HOURLY}{name}" if context["ti"].dag_id == PRIVACY else name


def perform(function: StepFunction) -> dict[str, int]:
    """Do one step inside a task, and tell Airflow whether trying again can help.

    Raises:
        AirflowFailException: If no retry can help: a gate closed, a contract or the data is wrong.
        AirflowException: For any other error. Airflow logs what it is given with all that led to it, and their texts
            might hold a personal value: so it is given the sentences of Clew's own errors, and of others the kind.
    """
    from lakehouse.run import Run

    context = get_current_context()
    run = Run(run_of(context), as_of(context), watch.progress or LogLines())
    try:
        return _done(function, run)
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may not reach the log
        watch.errors.append(error)
        raise _for_airflow(error) from None
    except BaseException as error:
        watch.errors.append(error)
        raise


def _for_airflow(error: Exception) -> AirflowException:
    from lakehouse.errors import ClewError
    from lakehouse.faults import without_texts

    if watch.progress is None:  # a program that runs the DAG itself tells it in its own way
        print(without_texts(error), flush=True)
    if not isinstance(error, ClewError):
        return AirflowException(f"an error that Clew did not foresee: {type(error).__name__}; the log says where")
    return (AirflowException if error.exit_code == ENVIRONMENT_FAULT else AirflowFailException)(str(error))


def _done(function: StepFunction, run: "Run") -> dict[str, int]:
    """Do one step; what a library raises before or after its account in ops.runs is told by its cause too."""
    from lakehouse.faults import explained
    from lakehouse.lake import Lake
    from lakehouse.settings import Settings

    lake = Lake(Settings())
    try:
        return function(lake, run)
    except Exception as error:
        cause = explained(lake, error)
        if cause is None or cause is error:
            raise
        raise cause from error


def say_what_next(context: Any) -> None:
    """The failure callback: what happened, and what to run next."""
    ti = context["ti"]
    step = STEPS[ti.task_id]
    print(f"{ti.dag_id}.{ti.task_id} failed: {context.get('exception')}")
    print(f"what to do: {step.on_failure}")
    task = step.mended_by or ti.task_id
    logical_date = context["dag_run"].logical_date
    if logical_date is None:
        print(
            f"then:       clear {task} with what follows it on this run's page (`tasks clear` knows runs by date only)"
        )
    else:
        # --task-regex is no expression in Airflow 3.3: it takes every task whose name holds the text.
        at = f"-s {logical_date.isoformat()} -e {logical_date.isoformat()}"
        print(f"then run:   clew airflow tasks clear {ti.dag_id} --task-regex {task} --downstream {at} --yes")
    if ti.dag_id == "clew_daily":
        print(f"or:         clew run --date {as_of(context)}")
    if ti.dag_id == PRIVACY:
        print("or:         clew privacy")


def about(name: str) -> dict[str, Any]:
    """Arguments of ``@task`` for one step."""
    return {"task_id": name, "doc_md": STEPS[name].doc_md()}


def dag_doc(title: str, when: str, steps: list[str]) -> str:
    """The DAG's own page: what it does, step by step, and how to run it for another date."""
    lines = "\n".join(f"1. **{name}**: {STEPS[name].what}" for name in steps)
    return (
        f"{title}\n\n{lines}\n\n**When:** {when}\n\n**Safe to re-run?** Yes, each task and the whole run.\n\n"
        "**When it fails:** the failed task's log ends with what to run next.\n"
    )


def dag_settings(dag_id: str, schedule: Any, doc_md: str, retries: int = 2) -> dict[str, Any]:
    """Arguments of ``@dag`` that all of Clew's DAGs share."""
    return {
        "dag_id": dag_id,
        "schedule": schedule,
        "start_date": datetime.datetime(2017, 1, 1, tzinfo=datetime.UTC),
        "catchup": False,
        "max_active_runs": 1,
        "doc_md": doc_md,
        "tags": ["clew"],
        "params": {
            "as_of": Param(
                None,
                type=["null", "string"],
                format="date",
                description="The date this run stands for; empty means its logical date.",
            )
        },
        "default_args": {
            "owner": "clew",
            "retries": retries,
            "retry_delay": datetime.timedelta(seconds=30),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": datetime.timedelta(minutes=15),
            "execution_timeout": datetime.timedelta(hours=4),
            "on_failure_callback": say_what_next,
        },
    }
