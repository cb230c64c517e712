"""The Airflow DAG `clew_maintenance`: removes what is past its period, and keeps the tables small, once a week."""

from airflow.sdk import CronDataIntervalTimetable, dag, task

from clew_tasks import about, dag_doc, dag_settings, perform

DOC = dag_doc(
    "Removes what is past its declared period, and keeps the tables small and quick to read.",
    "Sundays at three UTC.",
    ["retain", "maintain"],
)


@dag(**dag_settings("clew_maintenance", CronDataIntervalTimetable("0 3 * * 0", timezone="UTC"), DOC))
def clew_maintenance() -> None:
    @task(**about("retain"))
    def retain() -> dict[str, int]:
        from rights.retain import step

        return perform(step)

    @task(**about("maintain"))
    def maintain() -> dict[str, int]:
        from lakehouse.maintenance import maintain

        return perform(maintain)

    retain() >> maintain()


clew_maintenance()
