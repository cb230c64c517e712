"""The consent of every person for every purpose, by the compiled policy, for the run's date.

Idempotence key: the table is replaced whole, in one Delta commit, by a function of the tables it reads, the policy and
the run's date.
"""

from typing import TYPE_CHECKING

from contracts.permission import Moment
from lakehouse.attach import attach
from lakehouse.consent import READ, state_sql
from lakehouse.policies import take
from lakehouse.releases import row_count

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run, Step

TABLE = "gold.consent_state"


def build_consent_state(lake: "Lake", run: "Run", step: "Step") -> int:
    """Take the declared policy, and decide by it over everybody.

    Returns:
        Rows of gold.consent_state.

    Raises:
        ContractError: If the policy was changed without a new version.
    """
    if said := take(lake, run):
        step.say(said)
    attach(lake, READ)
    moment = Moment(run.as_of, heeds_later_refusals=True)
    lake.write_df(TABLE, lake.spark.sql(state_sql(lake.contracts.policy, moment)))
    rows = row_count(lake.delta(TABLE))
    step.say("consent_state", rows)
    return rows
