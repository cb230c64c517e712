"""The Airflow DAG `clew_forget`: erases people, or finishes an erasure that died; run on request."""

from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from clew_tasks import about, dag_doc, dag_settings, perform

DOC = dag_doc(
    "Erases people for good, from every table, its history, its files and the exports, and certifies it.",
    "On request, with the parameters `request`, a file that names people, one a line, and `reason`. A file, because "
    "Airflow keeps parameters for ever. It is removed at the end.",
    ["forget"],
)
SETTINGS: dict[str, Any] = dag_settings("clew_forget", None, DOC)
SETTINGS["params"] |= {
    "request": Param(None, type=["null", "string"], description="A file in .clew/requests; empty: finish what died."),
    "reason": Param("", type="string", description="Why; it is kept for ever, so without names."),
}


@dag(**SETTINGS)
def clew_forget() -> None:
    @task(**about("forget"))
    def forget() -> dict[str, int]:
        from rights.erase import on_request

        params = get_current_context()["params"]
        return perform(lambda lake, run: on_request(lake, run, params["request"], params["reason"]))

    forget()


clew_forget()
