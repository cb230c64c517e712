"""`clew identity`: what stewards decide about who is who, and how right the links are."""

import datetime
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clew.output import note, print_json, print_table, results

if TYPE_CHECKING:
    from identity.decisions import Decision

identity = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Who is who: what stewards decide and review, how right the links are, what other rules would change.",
)

Record = Annotated[str, typer.Argument(metavar="RECORD", help="A record id, a profile id, or email:…, phone:….")]
Reason = Annotated[str, typer.Option(help="Why, for those who come after.")]
Until = Annotated[
    datetime.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last date of a run on which it stands.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@identity.command()
def link(left: Record, right: Record, reason: Reason, until: Until = None, as_json: AsJson = False) -> None:
    """Decide that two records are one person."""
    _decide("link", left, right, reason, until, as_json)


@identity.command()
def unlink(left: Record, right: Record, reason: Reason, until: Until = None, as_json: AsJson = False) -> None:
    """Decide that two records are not one person."""
    _decide("unlink", left, right, reason, until, as_json)


@identity.command()
def undo(decision: Annotated[int, typer.Argument(help="Its number.")], reason: Reason, as_json: AsJson = False) -> None:
    """Take back a decision; of an undo, make what it took back stand again."""
    from clew.workspace import lake_for
    from identity.decisions import undo as take_back

    lake = lake_for("identity.decisions")
    now = datetime.datetime.now(datetime.UTC)
    _show(take_back(lake, decision, reason=reason, author=lake.settings.author, at=now), as_json)


@identity.command()
def decisions(as_json: AsJson = False) -> None:
    """List every decision, and whether it stands."""
    from clew.workspace import lake_for, newest_date
    from identity.decisions import read_decisions, standing, undone

    made = read_decisions(lake_for("identity.decisions"))
    taken = undone(made)
    stand = {item.decision for item in standing(made, newest_date())}

    def state(item: "Decision") -> str:
        if item.decision in taken:
            return "undone"
        if item.action == "undo" or item.decision in stand:
            return "stands"
        return "expired"

    with results():
        if as_json:
            print_json([asdict(item) | {"state": state(item)} for item in made])
            return
        rows = [
            (item.decision, item.decided_at.date(), item.author, item.what, item.until or "", state(item), item.reason)
            for item in made
        ]
        print_table(("decision", "decided", "author", "what", "until", "state", "reason"), rows)


@identity.command()
def changes(
    limit: Annotated[int, typer.Option(min=1, help="How many runs, the newest first.")] = 10, as_json: AsJson = False
) -> None:
    """List what each run changed: merges, splits, redirects, and ids that changed for nothing."""
    from clew.workspace import read

    table = "ops.identity_changes"
    reading = read("live", only=[table])
    rows = []
    if table in reading.tables:
        rows = reading.rows(f'SELECT * FROM {table} ORDER BY "at" DESC, run_id LIMIT ?', [limit])
    with results():
        if as_json:
            print_json(rows)
        elif rows:
            shown = [name for name in rows[0] if name != "at"]
            print_table([name.replace("_", " ") for name in shown], [[row[name] for name in shown] for row in rows])
    if not rows:
        note("no run has said yet who is who: clew run")


@identity.command()
def review(
    limit: Annotated[int | None, typer.Option(min=1, help="How many questions at most.")] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Ask about a random sample of this size instead of the queue.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the sample.")] = 1,
    answers: Annotated[
        Path | None, typer.Option(help="Apply answers given elsewhere: a file of JSON lines, or - for stdin.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask about pairs of records that the model left to people; answers become decisions.

    Without a terminal, --json lists the questions and --answers applies answers to them.
    """
    from clew import questions
    from clew.workspace import lake_for, newest_date
    from identity.review import Review

    lake = lake_for("identity.decisions", "identity.records")
    sitting = Review(lake, lake.settings.author, newest_date())
    waiting = sitting.queue() if sample is None else sitting.drawn(sample, seed)
    if answers is not None:
        questions.apply(sitting, answers, len(waiting), as_json)
    elif as_json:
        questions.print_questions(sitting, waiting, limit)
    else:
        questions.ask(sitting, waiting[:limit], sys.stdin)


@identity.command()
def quality(as_json: AsJson = False) -> None:
    """Estimate precision and recall of the model's links from what stewards answered."""
    from clew.quality import print_quality
    from clew.workspace import lake_for
    from identity.decisions import read_decisions
    from identity.labels import WEIGHED, labels
    from identity.quality import bands, estimate

    lake = lake_for("identity.decisions", "identity.edges")
    with lake.duck(only=["identity.edges"]) as connection:
        edges = connection.sql(f"SELECT {', '.join(WEIGHED)} FROM identity.edges").to_arrow_table()
    labelled = labels(read_decisions(lake), edges)
    found = estimate(bands(edges, labelled, lake.contracts.identity.probabilistic))
    with results():
        if as_json:
            print_json(found.as_dict())
        else:
            print_quality(found)


@identity.command()
def diff(
    rules: Annotated[Path | None, typer.Option(metavar="FILE", help="An identity contract to compare with.")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="A trained model to compare with.")] = None,
    examples: Annotated[int, typer.Option(min=0, help="How many merges and how many splits to show.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show what other rules or another model would change; nothing is written."""
    from clew.rehearsal import print_difference, rehearsed
    from clew.workspace import lake_for, newest_date

    found = rehearsed(lake_for("identity.records", "identity.decisions"), rules, model, newest_date(), examples)
    with results():
        if as_json:
            print_json(found.as_dict())
        else:
            print_difference(found)
    note("nothing was written")


@identity.command()
def evaluate(
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Who is who; else truth/ of the workspace, as a demo leaves it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the profiles against a known truth: precision, recall, what was missed and why, by group."""
    from clew.quality import print_evaluation
    from clew.workspace import lake_for
    from identity.evaluation import evaluate_lake

    lake = lake_for("identity.records", "identity.assignments")
    found = evaluate_lake(lake, truth or lake.settings.home.absolute() / "truth")
    with results():
        if as_json:
            print_json(found.as_dict())
        else:
            print_evaluation(found)


@identity.command()
def train(
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The model's name; else that in use.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Take the model though the gate is closed.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why it is taken all the same; kept in the model.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as a page with charts.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train the linkage model on the lake's records; it is taken unless it is worse than the one in use."""
    from clew.held.files import write_private
    from clew.trained.page import page
    from clew.trained.step import print_training, trained
    from clew.workspace import lake_for, newest_date

    lake = lake_for("identity.records", "identity.decisions")
    found = trained(lake, name, force, reason, newest_date())
    if html is not None:
        write_private(page(found.training), html)
    with results():
        if as_json:
            print_json(found.as_dict())
        else:
            print_training(found.training)
    note(found.told)
    if found.state == "refused":
        raise typer.Exit(1)


def _decide(
    action: Literal["link", "unlink"],
    left: str,
    right: str,
    reason: str,
    until: datetime.datetime | None,
    as_json: bool,
) -> None:
    from clew.workspace import lake_for, newest_date
    from contracts.errors import UsageError
    from identity import labels
    from identity.decisions import decide
    from identity.explain import only_record_of
    from spark_jobs.privacy.reasons import refuse_names_of_records

    lake = lake_for("identity.decisions", "identity.records", "identity.identifiers")
    if labels.is_of_review(reason):
        raise UsageError("so begin the reasons of answers to a review", "--reason", "say it in other words")
    with lake.duck(only=["identity.records", "identity.identifiers", "identity.assignments"]) as connection:
        records = (only_record_of(connection, lake, left), only_record_of(connection, lake, right))
    refuse_names_of_records(lake, records, reason)
    made = decide(
        lake,
        action,
        records,
        reason=reason,
        author=lake.settings.author,
        at=datetime.datetime.now(datetime.UTC),
        as_of=newest_date(),
        until=until.date() if until else None,
    )
    _show(made, as_json)


def _show(made: "Decision", as_json: bool) -> None:
    with results():
        if as_json:
            print_json(asdict(made))
        else:
            print(made)
    note("every run goes by it from the next on: clew run")
