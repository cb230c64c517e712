"""Data Docs: what every gate checks and what it finds in the present tables, as a web site (``make docs``)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations import check, exports, ledgers
from expectations.dialect import connection_string
from expectations.gate import SUITES
from expectations.suite import Scene, Suite
from lakehouse.errors import UsageError
from lakehouse.export_tables import export_tables
from lakehouse.releases import release_dates

if TYPE_CHECKING:
    import datetime

    import duckdb
    from great_expectations.data_context import AbstractDataContext

    from lakehouse.lake import Lake

COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}
"""The pages show how many rows break a rule, never their values."""


def build(lake: "Lake", out: Path) -> Path:
    """Check the live tables and the newest exports once more, and write the site.

    Args:
        lake: The lake, with at least one run.
        out: Folder of the site.

    Returns:
        Its first page.

    Raises:
        UsageError: If nothing has run yet.
    """
    as_of = _last_date(lake)
    out.mkdir(parents=True, exist_ok=True)
    with check.ephemeral_context() as context:
        context.add_data_docs_site("clew", _site(out))
        with lake.duck() as connection, connection_string(connection) as address:
            for make in SUITES.values():
                _validate(context, connection, address, make(Scene(lake.contracts, connection, as_of)))
        for name in sorted(lake.contracts.destinations):
            _validate_newest_export(context, lake, name)
        context.build_data_docs(site_names=["clew"])
    return out / "index.html"


def _validate(
    context: "AbstractDataContext", connection: "duckdb.DuckDBPyConnection", address: str, suite: Suite
) -> None:
    import great_expectations as gx

    there = check.tables(connection)
    for statement in suite.prepare:
        connection.execute(statement)
    source = context.data_sources.add_or_update_sql(suite.gate, connection_string=address, create_temp_table=False)
    for table, rules in check.by_table(rule for rule in suite.rules if rule.table in there):
        definition = gx.ValidationDefinition(
            name=f"{suite.gate} · {table}",
            data=check.table_batch(source, table),
            suite=context.suites.add(check.expectation_suite(suite.gate, table, rules)),
        )
        context.validation_definitions.add(definition).run(result_format=COUNTS_ONLY)


def _validate_newest_export(context: "AbstractDataContext", lake: "Lake", name: str) -> None:
    """Hold the export against the release it was made of, as its gate did."""
    published = sorted(lake.settings.exports.glob(f"{name}/[0-9]*/manifest.json"))
    if not published:
        return
    folder, destination = published[-1].parent, lake.contracts.destinations[name]
    release = int(json.loads(published[-1].read_text(encoding="utf-8"))["release"])
    with (
        lake.duck(release, only=export_tables(lake.contracts, destination)) as connection,
        connection_string(connection) as address,
    ):
        exports.show_staged(connection, folder, name)
        ledgers.show_ledgers(connection, folder, destination, release, lake, is_new=False)
        scene = Scene(lake.contracts, connection, release_dates(lake)[release])
        _validate(context, connection, address, exports.suite(scene, destination, release))


def _last_date(lake: "Lake") -> "datetime.date":
    with lake.quick("ops.runs") as connection:
        row = connection.execute('SELECT arg_max(as_of, "at") FROM ops.runs').fetchone()
    if row is None or row[0] is None:
        raise UsageError("there is no run to document", "ops.runs", "run the pipeline first: make demo")
    found: datetime.date = row[0]
    return found


def _site(out: Path) -> Any:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(out.absolute())},
    }
