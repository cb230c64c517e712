"""The Airflow DAG `clew_daily`: from landing files to a release and its exports, once a day."""

from airflow.sdk import Asset, CronDataIntervalTimetable, chain, dag, task

from clew_shared import conform, land, retract
from clew_tasks import about, dag_doc, dag_settings, perform

DOC = dag_doc(
    "Turns what the channels landed into profiles, journeys and permissioned exports.",
    "every midnight UTC, for the day that ended. For past days: `clew airflow backfill create --dag-id clew_daily "
    "--from-date 2017-12-30 --to-date 2017-12-31`.",
    (
        "land conform retract gate_silver resolve gate_identity build_events build_marts measure gate_gold release "
        "export"
    ).split(),
)


@dag(**dag_settings("clew_daily", CronDataIntervalTimetable("@daily", timezone="UTC"), DOC))
def clew_daily() -> None:
    def gate(arrow: str) -> object:
        @task(**about(f"gate_{arrow}"))
        def check() -> dict[str, int]:
            from expectations.gate import gate

            return perform(lambda lake, run: gate(lake, run, arrow))

        return check()

    @task(**about("resolve"))
    def resolve() -> dict[str, int]:
        from identity.resolve import resolve

        return perform(resolve)

    @task(**about("build_events"))
    def build_events() -> dict[str, int]:
        from spark_jobs.gold.events import build_events

        return perform(build_events)

    @task(**about("build_marts"))
    def build_marts() -> dict[str, int]:
        from spark_jobs.gold.marts import build_marts

        return perform(build_marts)

    @task(**about("measure"))
    def measure() -> dict[str, int]:
        from measures.step import measure

        return perform(measure)

    @task(**about("release"), outlets=[Asset("clew_release")])
    def release() -> dict[str, int]:
        from lakehouse.releases import publish_release

        return perform(publish_release)

    @task(**about("export"))
    def export() -> dict[str, int]:
        from activation.export import export_all
        from expectations.gate import check_staged

        return perform(lambda lake, run: export_all(lake, run, check_staged))

    people = [land(), conform(), retract(), gate("silver"), resolve(), gate("identity")]
    chain(*people, build_events(), build_marts(), measure(), gate("gold"), release(), export())


clew_daily()
