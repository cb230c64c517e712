"""The numbers of experiments: how often intervals are wrong where the truth is known; how fast arms are given out."""

import dataclasses
import time

import duckdb

from contracts import Contracts
from contracts.bucketing_sql import arm_sql
from tests.experiments_sim import LEAST, SETTINGS, Rates, rates

RUNS, SEED, LIFT, IDS = 2_000, 20170401, 0.2, 1_000_000


def section(runs: int = RUNS) -> str:
    """The section on experiments."""
    nothing = [(name, *rates(setting, runs, SEED)) for name, setting in SETTINGS.items()]
    something = [
        (name, *rates(dataclasses.replace(setting, lift=LIFT), runs, SEED)) for name, setting in SETTINGS.items()
    ]
    one = next(iter(SETTINGS.values()))
    return (
        f"## Experiments\n\n{runs:,} simulated experiments of each kind, looked at on each of {one.days} days, from "
        f"{LEAST} people in each arm on. Counts are overdispersed, money is log-normal with 40 % who spend nothing. "
        "Adjusted is by CUPED. Wanted: with no effect, the sequential rule finds one in 5 % or fewer; the interval of "
        "a fixed horizon holds the truth in 95 % ± 1.\n\n"
        "No effect (A/A):\n\n| metric and arms | any look, fixed interval | any look, sequential | at the end, "
        "fixed interval holds 0 |\n| --- | ---: | ---: | ---: |\n"
        + "\n".join(
            f"| {name}{kind} | {found.peeked:.1%} | {found.sequential:.1%} | {found.covered:.1%} |"
            for name, plain, adjusted in nothing
            for kind, found in (("", plain), (", adjusted", adjusted))
        )
        + f"\n\nA lift of {LIFT:.0%}:\n\n| metric and arms | mean lift found | interval holds it | sequential "
        "interval ever leaves it out | sequential rule finds it |\n| --- | ---: | ---: | ---: | ---: |\n"
        + "\n".join(
            f"| {name}{kind} | {_with_lift(found)} |"
            for name, plain, adjusted in something
            for kind, found in (("", plain), (", adjusted", adjusted))
        )
        + f"\n\n{_assigned()}"
    )


def _with_lift(found: Rates) -> str:
    return f"{found.lift:.1%} | {found.lift_covered:.1%} | {found.sequential:.1%} | {found.found:.1%}"


def _assigned() -> str:
    """How long it takes to give out arms."""
    experiment = Contracts().experiments["similar_products"]
    with duckdb.connect() as connection:
        connection.execute(f"create table ids as select md5(range::varchar) as id from range({IDS})")
        begin = time.monotonic()
        sql = f"select arm, count(*) from (select {arm_sql(experiment, 'id', 'duckdb')} as arm from ids) group by arm"
        counted = dict(connection.execute(sql).fetchall())
        seconds = time.monotonic() - begin
    share = counted[experiment.control] / IDS
    return f"Arms of {IDS:,} ids in DuckDB: {seconds:.1f} s; {share:.2%} of them in the control arm of a half."


if __name__ == "__main__":
    print(section())
