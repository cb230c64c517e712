"""Jobs, runs and datasets of OpenLineage, in facets: from declarations, Delta logs and manifests."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.commits_on_disk import rows_written
from lakehouse.errors import ClewError

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset
    from openlineage.client.event_v2 import Run as LineageRun

    from contracts.lineage import Lineage, Node
    from lakehouse.lake import Lake
    from lakehouse.run import Run

NAMESPACE = "clew"
"""Of our jobs."""
WHOLE_RUN = "clew_run"
"""The job that the steps of a run are parts of."""


def job(name: str, about: str) -> "Job":
    """A job of ours, with what it does."""
    from openlineage.client.event_v2 import Job
    from openlineage.client.facet_v2 import documentation_job, job_type_job

    facets: dict[str, Any] = {
        "jobType": job_type_job.JobTypeJobFacet(processingType="BATCH", integration="CLEW", jobType="TASK"),
        "documentation": documentation_job.DocumentationJobFacet(description=about),
    }
    return Job(namespace=NAMESPACE, name=name, facets=facets)


def run_of(
    lake: "Lake", run: "Run", run_id: str, parent: tuple[str, str] | None = None, error: BaseException | None = None
) -> "LineageRun":
    """The facets of a run: what it is a part of, the date that it stands for, and what stopped it."""
    from importlib.metadata import version

    from openlineage.client.event_v2 import Run as LineageRun
    from openlineage.client.facet_v2 import error_message_run, nominal_time_run, parent_run, processing_engine_run

    whole = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{lake.settings.lake.as_uri()}#{run.run_id}"))
    above, above_id = parent or (WHOLE_RUN, whole)
    facets: dict[str, Any] = {
        "parent": parent_run.ParentRunFacet(
            run=parent_run.Run(runId=above_id),
            job=parent_run.Job(namespace=NAMESPACE, name=above),
            root=parent_run.Root(
                run=parent_run.RootRun(runId=whole), job=parent_run.RootJob(namespace=NAMESPACE, name=WHOLE_RUN)
            ),
        ),
        "nominalTime": nominal_time_run.NominalTimeRunFacet(nominalStartTime=f"{run.as_of.isoformat()}T00:00:00Z"),
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(version=version("clew"), name="Clew"),
    }
    if error is not None:
        told = error.what if isinstance(error, ClewError) else type(error).__name__
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(message=told, programmingLanguage="PYTHON")
    return LineageRun(runId=run_id, facets=facets)


def input_of(lake: "Lake", lineage: "Lineage", table: str, version: int | None) -> "InputDataset":
    """A table, or a source's folder of landing files, as it was read."""
    from openlineage.client.event_v2 import InputDataset

    if table.startswith("landing/"):
        namespace, name = named(str(lake.settings.landing / table.removeprefix("landing/")))
        return InputDataset(namespace=namespace, name=name, facets={"dataSource": _data_source(lake.settings.landing)})
    namespace, name = named(lake.path(table))
    return InputDataset(namespace=namespace, name=name, facets=_facets(lake, lineage, table, version))


def output_of(
    lake: "Lake", lineage: "Lineage", table: str, before: Mapping[str, int], versions: Mapping[str, int]
) -> "OutputDataset":
    """A table as it was left, with the rows written to it since the version of ``before``."""
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset

    namespace, name = named(lake.path(table))
    after, until = before.get(table, -1), versions[table]
    rows = rows_written(Path(lake.path(table)), after, until)
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)
    facets = _facets(lake, lineage, table, until)
    node = lineage.node(table)
    if node is not None and (columns := _column_lineage(lake, lineage, node)) is not None:
        facets["columnLineage"] = columns
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets=facets,
        outputFacets={} if rows is None else {"outputStatistics": statistics},
    )


def handed_over(lake: "Lake", folder: Path) -> "OutputDataset":
    """A published export or retraction, by its manifest; an export's columns say of which column of a mart they are."""
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import (
        dataset_version_dataset,
        output_statistics_output_dataset,
        schema_dataset,
    )

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    columns = [item if isinstance(item, dict) else {"name": item} for item in manifest["data"]["columns"]]
    fields = [schema_dataset.SchemaDatasetFacetFields(name=item["name"], type=item.get("type")) for item in columns]
    namespace, name = named(str(folder.parent))
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=manifest["rows"], size=manifest["data"]["bytes"], fileCount=1
    )
    facets: dict[str, Any] = {
        "dataSource": _data_source(lake.settings.exports),
        "schema": schema_dataset.SchemaDatasetFacet(fields=fields),
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(int(folder.name))),
    }
    if (lineage := _columns_from(lake, columns)) is not None:
        facets["columnLineage"] = lineage
    return OutputDataset(namespace=namespace, name=name, facets=facets, outputFacets={"outputStatistics": statistics})


def _columns_from(lake: "Lake", columns: list[dict[str, Any]]) -> Any:
    """The columns of an export that are from one of a mart; None where none is."""
    from openlineage.client.facet_v2 import column_lineage_dataset

    lineage = {}
    for item in columns:
        table, _, column = item.get("from", "").rpartition(".")
        if table:
            space, of = named(lake.path(table))
            given = column_lineage_dataset.InputField(namespace=space, name=of, field=column)
            lineage[item["name"]] = column_lineage_dataset.Fields(inputFields=[given])
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields=lineage) if lineage else None


def _facets(lake: "Lake", lineage: "Lineage", table: str, version: int | None) -> dict[str, Any]:
    from openlineage.client.facet_v2 import dataset_version_dataset, documentation_dataset, schema_dataset

    facets: dict[str, Any] = {"dataSource": _data_source(lake.settings.lake)}
    if version is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(version))
    node = lineage.node(table)
    if node is not None:
        fields = [
            schema_dataset.SchemaDatasetFacetFields(
                name=name, type=column.type, description=None if "{{" in column.about else column.about
            )
            for name, column in node.columns.items()
        ]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields)
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(description=node.about)
    return facets


def _column_lineage(lake: "Lake", lineage: "Lineage", node: "Node") -> Any:
    """The columns that are taken over from the tables of which a row is made, where declarations say which."""
    from openlineage.client.facet_v2 import column_lineage_dataset

    found: dict[str, list[Any]] = {}
    for parent, origins in node.made_of.items():
        table = lineage.table_of(parent)
        if parent != table or table == "bronze.<source>":
            continue
        space, of = named(lake.path(table))
        for mine, theirs in ((m, t) for origin in origins for m, t in origin.same.items()):
            for column in (theirs,) if isinstance(theirs, str) else theirs:
                given = column_lineage_dataset.InputField(namespace=space, name=of, field=column)
                found.setdefault(mine, []).append(given)
    if not found:
        return None
    fields = {name: column_lineage_dataset.Fields(inputFields=given) for name, given in found.items()}
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields)


def named(place: str) -> tuple[str, str]:
    """Namespace and name of a dataset, as OpenLineage's naming conventions ask, of a path or a URI."""
    scheme, separator, rest = place.partition("://")
    if not separator:
        return "file", place
    if scheme == "file":
        return "file", rest
    bucket, _, key = rest.partition("/")
    return f"{scheme.replace('s3a', 's3')}://{bucket}", key


def _data_source(folder: Path) -> Any:
    from openlineage.client.facet_v2 import datasource_dataset

    return datasource_dataset.DatasourceDatasetFacet(name=folder.name, uri=folder.as_uri())


def producer() -> str:
    """What says all this: Clew, in its version."""
    from importlib.metadata import version

    return f"urn:clew:{version('clew')}"
