"""`clew resolve`: which rows of any file are one person, with no lake and nothing set up."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clew.output import note, print_json, print_table, printable, results
from clew.workspace import settings
from contracts.errors import UsageError
from identity.engine import Choice

if TYPE_CHECKING:
    from identity.people.files import Outcome

LONG = 2.0
"""Seconds after which a stage is told of."""


def resolve(
    output: Annotated[
        Path, typer.Option(help="CSV or Parquet file to write: record_id, profile_id, kind, probability.")
    ],
    given: Annotated[
        list[Path] | None, typer.Option("--input", help="CSV or Parquet file of people; several are resolved together.")
    ] = None,
    link_only: Annotated[
        tuple[Path, Path] | None, typer.Option(help="Two files to link to each other, never two rows of one.")
    ] = None,
    columns: Annotated[Path | None, typer.Option(help="YAML of column: meaning, where names do not tell.")] = None,
    id_column: Annotated[str, typer.Option(help="The column that names a record.")] = "",
    truth: Annotated[
        Path | None, typer.Option(help="CSV or Parquet of record_id and person_id, to measure by.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Weights that --save-model wrote, instead of fitting them.")
    ] = None,
    save_model: Annotated[Path | None, typer.Option(help="Write the fitted weights as JSON.")] = None,
    engine: Annotated[
        Choice | None, typer.Option(help="What compares the pairs; the answer is the same. auto: by size.")
    ] = None,
    region: Annotated[str, typer.Option(help="Country of phone numbers without a country code.")] = "US",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Find out which rows of a file are one person."""
    from identity.people.columns import read_map
    from identity.people.files import Told, check_folder, check_output, resolve_files, write
    from identity.people.model import save_model as save

    if bool(given) == bool(link_only):
        raise UsageError("give --input, or two files with --link-only", do="see: clew resolve --help")
    told = Told(
        read_map(columns) if columns else {},
        id_column,
        region,
        bool(link_only),
        model,
        engine or settings().identity_engine,
    )
    began = time.monotonic()

    def say(text: str) -> None:
        if time.monotonic() - began > LONG:
            note(f"{time.monotonic() - began:6.0f} s  {text}")

    paths = link_only or tuple(given or ())
    check_output(output, paths)
    if save_model:
        check_folder(save_model, "--save-model")
    outcome = resolve_files(paths, told, truth, say)
    write(outcome, output)
    if save_model:
        bench = outcome.resolved.bench
        save(save_model, bench.comparisons, outcome.resolved.weights, bench.records, bench.total)
    with results():
        if as_json:
            print_json(outcome.as_dict() | {"output": str(output)})
        else:
            _print(outcome)
    note(f"written to {output} in {time.monotonic() - began:.1f} s")


def _print(outcome: "Outcome") -> None:
    found = outcome.as_dict()
    for file in found["files"]:
        meant = ", ".join(
            f"{column} ({meaning})" if column != meaning else column for meaning, column in file["columns"].items()
        )
        print(printable(f"{file['path']}: {file['rows']:,} rows; {meant}"))
        if file["ignored"]:
            print(printable(f"   not used: {', '.join(file['ignored'])}"))
        if file["rejected"]:
            lines = "1 line is no row" if file["rejected"] == 1 else f"{file['rejected']:,} lines are no rows"
            print(f"   {lines}, and left out; the first is line {_first(outcome, file)}")
    for column, crowd in outcome.crowded.items():
        values, were = ("1 value", "was") if crowd.values == 1 else (f"{crowd.values:,} values", "were")
        print(f"{values} of {column} {were} not used: on {crowd.rows:,} rows, too many to tell of one person")
    rows = [
        ("records", found["records"]),
        ("profiles", found["profiles"]),
        ("profiles of several records", found["joined_profiles"]),
        ("records in the biggest profile", found["biggest_profile"]),
        ("pairs compared", found["pairs"]),
        ("pairs linked", found["links"]),
    ]
    print()
    print_table(("found", "number"), [(name, f"{number:,}") for name, number in rows])
    if outcome.score:
        score = outcome.score
        print()
        print_table(
            ("against the truth", "precision", "recall", "F1"),
            [("pairs of records", f"{score.precision:.4f}", f"{score.recall:.4f}", f"{score.f1:.4f}")],
        )


def _first(outcome: "Outcome", told: dict) -> int:
    file = next(item for item in outcome.files if str(item.path) == told["path"])
    return int(file.rejected["line"][0].as_py())
