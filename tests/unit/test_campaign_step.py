"""The step writes the tables of campaigns into a lake, and writes none again whose rows are the same."""

from measures.campaigns.registered import CAMPAIGN_MEASURES
from measures.registry import MEASURES
from measures.step import measure


def test_the_tables_of_campaigns_are_measured_and_written_once(small):
    assert set(CAMPAIGN_MEASURES) <= set(MEASURES)
    written = [table for each in CAMPAIGN_MEASURES for table in each.writes]
    rows = measure(small.lake, small.run, CAMPAIGN_MEASURES)
    assert set(rows) == {table.removeprefix("gold.") for table in written}
    assert rows["second_purchase"] >= 1
    versions = {table: small.lake.version(table) for table in written}
    assert measure(small.lake, small.run, CAMPAIGN_MEASURES) == rows
    assert {table: small.lake.version(table) for table in written} == versions
