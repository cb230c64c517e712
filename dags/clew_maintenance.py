"""The Airflow DAG `clew_maintenance`: keeps the tables small and quick to read, once a week."""

from airflow.sdk import CronDataIntervalTimetable, dag, task

from clew_tasks import about, dag_doc, dag_settings, perform

DOC = dag_doc(
    "Keeps the tables small and quick to read; changes no content and no release.",
    "Sundays at three UTC.",
    ["maintain"],
)


@dag(**dag_settings("clew_maintenance", CronDataIntervalTimetable("0 3 * * 0", timezone="UTC"), DOC))
def clew_maintenance() -> None:
    @task(**about("maintain"))
    def maintain() -> dict[str, int]:
        from lakehouse.maintenance import maintain

        return perform(maintain)

    maintain()


clew_maintenance()
