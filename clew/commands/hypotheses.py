"""`clew hypotheses`: what is claimed of people, what would refute it, and what it comes to."""

from typing import Annotated, Any

import typer

from clew.commands.metrics import between, number
from clew.output import note, print_json, print_section, print_table, results


def hypotheses(
    history: Annotated[bool, typer.Option("--history", help="Show the verdict of every run's date instead.")] = False,
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every hypothesis: the claim, the estimate with its interval, and the verdict."""
    from clew.workspace import read

    reading = read(release, only=["gold.hypotheses", "ops.hypothesis_verdicts"])
    table = "ops.hypothesis_verdicts" if history else "gold.hypotheses"
    order = "hypothesis, as_of" if history else "hypothesis"
    rows = reading.rows(f"FROM {table} ORDER BY {order}") if table in reading.tables else []
    with results():
        if as_json:
            told = "history" if history else "hypotheses"
            print_json({"release": reading.release, "as_of": reading.as_of, told: rows})
        elif history:
            heads = ("hypothesis", "on", "verdict", "estimate", "between", "people")
            print_table(heads, [(row["hypothesis"], row["as_of"], *_found(row)) for row in rows])
        else:
            _print(rows)
    if not rows:
        note("nothing is claimed yet; declare hypotheses in contracts/hypotheses, and run: clew run")
    elif not history:
        note("a difference is of people who chose for themselves, and no effect: that an experiment tells")


def _found(row: dict[str, Any]) -> tuple[Any, ...]:
    verdict = row["verdict"].replace("_", " ")
    return verdict, number(row["estimate"]), between(row["low"], row["high"]), row["people"]


def _print(rows: list[dict[str, Any]]) -> None:
    heads = ("hypothesis", "verdict", "estimate", "between", "people", "claimed", "unit", "why")
    print_table(
        heads, [(row["hypothesis"], *_found(row), row["claimed"], row["unit"], row["why"] or "") for row in rows]
    )
    refuted = [row for row in rows if row["verdict"] == "refuted"]
    if refuted:
        shown = [
            (row["hypothesis"], row["owner"], row["claim"], row["answered_on"] or "not yet", row["answer"] or "")
            for row in refuted
        ]
        print_section("Refuted", ("hypothesis", "owner", "claim", "answered on", "answer"), shown)
