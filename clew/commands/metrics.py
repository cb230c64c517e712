"""`clew metrics`: the north star, the guardrails and the other metrics, and how sure each is."""

from typing import Annotated, Any

import typer

from clew.output import note, print_json, print_section, results

_GUARDS = {"north_star": "North star", "guardrail": "Guardrails", "input": "Inputs"}


def metrics(
    groups: Annotated[bool, typer.Option("--groups", help="Compare groups of people instead.")] = False,
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every metric with its interval, and what links that are not certain do to it."""
    from clew.workspace import read

    reading = read(release, only=["gold.metrics", "gold.metric_groups", "ops.metrics"])
    if groups:
        rows = reading.rows("FROM gold.metric_groups ORDER BY ALL") if _has(reading, "gold.metric_groups") else []
    else:
        rows = _all(reading)
    with results():
        if as_json:
            print_json({"release": reading.release, "as_of": reading.as_of, "groups" if groups else "metrics": rows})
        elif groups:
            _print_groups(rows)
        else:
            _print(rows)
    if not rows:
        note("nothing is measured yet; declare metrics in contracts/metrics, and run: clew run")
    elif not groups:
        note("between: with 95 % over people, by all links and by certain links only; operation is counted")


def _has(reading: Any, table: str) -> bool:
    return table in reading.tables


def _all(reading: Any) -> list[dict[str, Any]]:
    """Metrics about people of the release, and those of operation as its date had them."""
    found: list[dict[str, Any]] = reading.rows("FROM gold.metrics") if _has(reading, "gold.metrics") else []
    if _has(reading, "ops.metrics"):
        known = {row["metric"] for row in found}
        newest = "SELECT max(as_of) FROM ops.metrics" if reading.as_of is None else "SELECT ?::DATE"
        given = [] if reading.as_of is None else [reading.as_of]
        history = reading.rows(f"SELECT * EXCLUDE (as_of) FROM ops.metrics WHERE as_of = ({newest})", given)
        found += [row for row in history if row["metric"] not in known]
    order = list(_GUARDS)
    return sorted(found, key=lambda row: (order.index(row["kind"]), row["metric"]))


def _print(rows: list[dict[str, Any]]) -> None:
    for kind, title in _GUARDS.items():
        of_kind = [row for row in rows if row["kind"] == kind]
        if not of_kind:
            continue
        heads = ["metric", "value", "between", "certain links only", "unit", "people"]
        shown = [
            [
                row["metric"],
                number(row["value"]),
                between(row["whole_low"], row["whole_high"]) if row["people"] is not None else "",
                number(row["value_certain"]),
                row["unit"],
                f"{row['people']:,}" if row["people"] is not None else "",
            ]
            for row in of_kind
        ]
        if kind == "guardrail":
            heads += ["guards", "is to be", "verdict"]
            shown = [
                [*line, row["guards"], row["threshold"], row["verdict"].replace("_", " ")]
                for line, row in zip(shown, of_kind, strict=True)
            ]
        print_section(title, heads, shown)
    told = [(row["metric"], row["why"]) for row in rows if row["why"]]
    if told:
        print_section("To know", ("metric", "why"), told)


def _print_groups(rows: list[dict[str, Any]]) -> None:
    names = dict.fromkeys((row["metric"], row["group_column"], row["unit"]) for row in rows)
    for metric, column, unit in names:
        heads = (column, "people", "value", "others", "difference", "between", "verdict")
        shown = [
            (
                row["group_value"],
                row["people"],
                number(row["value"]),
                number(row["value_of_others"]),
                number(row["difference"]),
                between(row["difference_low"], row["difference_high"]),
                row["verdict"].replace("_", " "),
            )
            for row in rows
            if (row["metric"], row["group_column"]) == (metric, column)
        ]
        print_section(f"{metric}, {unit}", heads, shown)


def number(value: float | None) -> str:
    """A number with four significant digits."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def between(low: float | None, high: float | None) -> str:
    """An interval, or that it is not known."""
    return "not known" if low is None or high is None else f"{number(low)} to {number(high)}"
