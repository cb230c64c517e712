"""`clew campaigns`: what each campaign did, and whether to believe it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import note, print_json, print_table, results
from contracts.errors import DataError

if TYPE_CHECKING:
    from clew.workspace import Reading

LIFT, CANNIBALISATION = "gold.campaign_lift", "gold.campaign_cannibalisation"
Row = dict[str, Any]

_ROWS = f"""
    SELECT campaign_id, campaign_type, starts, ends, people_mailed, people_compared,
           mailed_during - others_during AS naive, lift, lift_low, lift_high, placebo, placebo_low, placebo_high,
           unit, verdict, finding, people_redeemed, sales_discounted,
           discount_coupon + discount_match + discount_retail AS discounts, extra_by_rate, extra_by_buyers,
           anyway_by_rate, anyway_by_buyers, status AS coupons
    FROM {LIFT} LEFT JOIN (SELECT * EXCLUDE (campaign_type, assumes) FROM {CANNIBALISATION}) USING (campaign_id)
    WHERE outcome = ?
    ORDER BY campaign_id = 'all', starts, length(campaign_id), campaign_id
"""


def campaigns(
    orders: Annotated[bool, typer.Option("--orders", help="Compare orders a week, not what was spent.")] = False,
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what each campaign did against people like those mailed, whether to believe it, and what coupons brought."""
    from clew.workspace import read

    reading = read(release, only=(LIFT, CANNIBALISATION))
    for table in (LIFT, CANNIBALISATION):
        if table not in reading.tables:
            raise DataError(f"{table} is not there yet", reading.name, "make it: clew run")
    rows = _rows(reading, "orders" if orders else "spend")
    with results():
        if as_json:
            print_json({"release": reading.release, "as_of": reading.as_of, "campaigns": rows})
            return
        _print(rows)
    unit = rows[0]["unit"] if rows else "nobody was mailed"
    note(f"{reading.name} · {unit}, with 95 % intervals; naive: the mailed less all others; anyway: of the spend by")
    note("coupon, at the rate of the weeks before · as by buyers without a coupon; more in " + CANNIBALISATION)


def _rows(reading: "Reading", outcome: str) -> list[Row]:
    return [_rounded(row) for row in reading.rows(_ROWS, [outcome])]


def _rounded(row: Row) -> Row:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


def _print(rows: list[Row]) -> None:
    heads = ("campaign", "type", "first day", "mailed", "naive", "lift", "placebo", "verdict", "finding",
             "redeemed", "anyway")  # fmt: skip
    print_table(
        heads,
        [
            (
                row["campaign_id"],
                row["campaign_type"] or "",
                row["starts"],
                "fewer than 5" if row["people_mailed"] is None else row["people_mailed"],
                _number(row["naive"]),
                _interval(row, "lift"),
                _interval(row, "placebo"),
                row["verdict"],
                row["finding"],
                "" if row["people_redeemed"] is None else row["people_redeemed"],
                _anyway(row),
            )
            for row in rows
        ],
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"


def _interval(row: Row, name: str) -> str:
    if row[name] is None:
        return "not known"
    return f"{row[name]:+.2f} ({row[f'{name}_low']:+.2f} to {row[f'{name}_high']:+.2f})"


def _anyway(row: Row) -> str:
    """Both shares; or why there is none."""
    if row["coupons"] != "known":
        return row["coupons"] or ""
    shares = [row["anyway_by_rate"], row["anyway_by_buyers"]]
    return " · ".join("not known" if share is None else f"{share:.0%}" for share in shares)
