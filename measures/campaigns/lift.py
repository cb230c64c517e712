"""What each campaign did: gold.campaign_lift, with the balance, the placebo and the stages beside it.

Nobody drew lots over who is mailed, so the mailed are compared with people who were alike before: weighted so that they
spent, bought, and were written to as the mailed were. What the comparison says of the weeks before the mailing, when
nothing can have happened yet, is told beside it, and a verdict that says whether to believe it.
"""

from typing import TYPE_CHECKING, Any

from measures.campaigns.found import comparisons
from measures.campaigns.people import everybody, stages_entered
from measures.campaigns.rows import as_table, balance_rows, lift_rows, stage_rows
from measures.campaigns.windows import campaign_windows, make_windows
from measures.measure import Asked

if TYPE_CHECKING:
    import pyarrow as pa


def compute(asked: Asked) -> "dict[str, pa.Table]":
    """The three tables of what campaigns did."""
    make_windows(asked.connection, asked.contracts.campaigns, asked.as_of)
    windows = campaign_windows(asked.connection)
    found = comparisons(everybody(asked.connection, asked.as_of))
    entered = stages_entered(asked.connection, asked.as_of)
    rows: dict[str, list[dict[str, Any]]] = {
        "gold.campaign_lift": lift_rows(windows, found),
        "gold.campaign_balance": balance_rows(found),
        "gold.campaign_stages": stage_rows(windows, found, entered, asked.as_of),
    }
    return {name: as_table(asked.contracts.table(name), content) for name, content in rows.items()}
