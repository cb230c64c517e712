"""The Airflow DAG `clew_privacy`: a withdrawal reaches every destination that got the person, within the hour."""

from airflow.sdk import CronDataIntervalTimetable, dag, task

from clew_tasks import about, dag_doc, dag_settings, perform

DOC = dag_doc(
    "Has every destination remove whom it may keep no longer; releases nothing, exports nobody.",
    "every hour, at half past, apart from the daily run. While a daily run is between its conform and its release, and "
    "reads silver, landing and conforming wait for it: that run retracts by itself.",
    ["land", "conform", "retract"],
)


@dag(**dag_settings("clew_privacy", CronDataIntervalTimetable("30 * * * *", timezone="UTC"), DOC, retries=6))
def clew_privacy() -> None:
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

    land() >> conform() >> retract()


clew_privacy()
