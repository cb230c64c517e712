"""The Airflow DAG `clew_privacy`: a withdrawal reaches every destination that got the person, within the hour."""

from airflow.sdk import CronDataIntervalTimetable, dag

from clew_shared import conform, land, retract
from clew_tasks import dag_doc, dag_settings

DOC = dag_doc(
    "Has every destination remove whom it may keep no longer; releases nothing, exports nobody.",
    "every hour, at half past, apart from the daily run. While a daily run is between its conform and its release, and "
    "reads silver, landing and conforming wait for it: that run retracts by itself.",
    ["land", "conform", "retract"],
)


@dag(**dag_settings("clew_privacy", CronDataIntervalTimetable("30 * * * *", timezone="UTC"), DOC, retries=6))
def clew_privacy() -> None:
    land() >> conform() >> retract()


clew_privacy()
