"""The step writes the tables of campaigns into a lake, and writes none again whose rows are the same."""

import deltalake
import pyarrow as pa

from measures.campaigns.registered import CAMPAIGN_MEASURES
from measures.registry import MEASURES
from measures.step import measure


def test_the_tables_of_campaigns_are_measured_and_written_once(small):
    profiles = small.lake.arrow("gold.profiles")
    for band in ("age_band", "income_band", "household_size"):  # which the small lake leaves out
        profiles = profiles.append_column(band, pa.nulls(profiles.num_rows, pa.string()))
    path = small.lake.path("gold.profiles")
    deltalake.write_deltalake(path, profiles, mode="overwrite", schema_mode="overwrite")
    assert set(CAMPAIGN_MEASURES) <= set(MEASURES)
    written = [table for each in CAMPAIGN_MEASURES for table in each.writes]
    rows = measure(small.lake, small.run, CAMPAIGN_MEASURES)
    assert set(rows) == {table.removeprefix("gold.") for table in written}
    assert rows["second_purchase"] >= 1
    versions = {table: small.lake.version(table) for table in written}
    assert measure(small.lake, small.run, CAMPAIGN_MEASURES) == rows
    assert {table: small.lake.version(table) for table in written} == versions
