"""`clew check`: are the contracts right, and if not, which line is wrong."""

from pathlib import Path
from typing import Annotated

import typer

from clew.output import note, print_json, results
from contracts.errors import ContractError, UsageError


def check(
    write_schemas: Annotated[
        bool, typer.Option("--write-schemas", help="Also write the JSON Schemas that editors use.")
    ] = False,
    write_docs: Annotated[
        bool,
        typer.Option(
            "--write-docs", help="Also write the data-flow map, docs/reference/data-flow.md, and the metrics for dbt."
        ),
    ] = False,
    contracts: Annotated[
        Path | None,
        typer.Option(
            help="The folder of contracts, where it is not the workspace's (CLEW_CONTRACTS); one without tables/ or "
            "roles.yml has those of Clew."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check the contracts, and say which line is wrong."""
    from clew.workspace import settings
    from contracts import check as contracts_check

    root = _root(contracts) if contracts is not None else settings().contracts
    written = contracts_check.write_schemas(root) if write_schemas else []
    written += contracts_check.write_docs(root) if write_docs else []
    report = contracts_check.check(root)
    problems = [problem.as_dict() for problem in report.problems]
    with results():
        if as_json:
            print_json({"contracts": str(root), "counts": report.counts, "problems": problems})
        else:
            for problem in report.problems:
                allowed = f" (allowed: {', '.join(problem.allowed)})" if problem.allowed else ""
                print(f"{problem.file}:{problem.line}: {problem.field}: {problem.what}{allowed}")
            if not problems:
                print(", ".join(f"{count} {kind}" for kind, count in report.counts.items()))
    for path in written:
        note(f"wrote {path}")
    if problems:
        note(f"{len(problems)} problem{'s' * (len(problems) != 1)} in the contracts")
        raise typer.Exit(ContractError.exit_code)


def _root(given: Path) -> Path:
    if not given.is_dir():
        raise UsageError("there is no such folder", str(given), "name a folder of contracts, with sources/ and events/")
    return given.absolute()
