"""The tasks that `clew_daily` and `clew_privacy` have in common: what landed is conformed, and withdrawals are told."""

from airflow.sdk import task

from clew_tasks import about, perform


@task(**about("land"))
def land() -> dict[str, int]:
    from spark_jobs.bronze.land import land

    return perform(land)


@task(**about("conform"))
def conform() -> dict[str, int]:
    from spark_jobs.silver.conform import conform

    return perform(conform)


@task(**about("retract"))
def retract() -> dict[str, int]:
    from activation.withdrawals import retract

    return perform(retract)
