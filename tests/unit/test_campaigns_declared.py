"""When campaigns ran, as declared; and what `clew campaigns` shows."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from contracts import HERE, Contracts
from contracts.base import load_yaml
from contracts.campaigns import Campaigns
from contracts.errors import ContractError
from sandbox.real import data_folder

HEAD = "version: 1-0-0\nowner: marketing\nwhy: a test\ncampaigns:\n"


def test_the_campaigns_of_the_demo_are_declared_as_their_own_descriptions_say():
    described = duckdb.connect().execute(
        "SELECT CAST(campaign_id AS VARCHAR), CAST(start_date AS DATE), CAST(end_date AS DATE) FROM read_parquet(?)",
        [str(data_folder() / "campaign_descriptions.parquet")],
    )
    declared = Contracts(HERE).campaigns
    assert declared is not None
    assert len(declared.campaigns) == 27
    assert {(c.campaign_id, c.starts, c.ends) for c in declared.campaigns} == set(described.fetchall())


@pytest.mark.parametrize(
    ("lines", "line", "what"),
    [
        ('  - {campaign_id: "1", starts: 2017-03-03, ends: 2017-03-02}\n', 5,
         "the campaign 1 ends on 2017-03-02, before it starts on 2017-03-03"),
        ('  - {campaign_id: "1", starts: 2017-03-03, ends: soon}\n', 5, "valid date"),
        ('  - {campaign_id: "1", starts: 2017-03-03, ends: 2017-03-04}\n' * 2, 1, "the campaign 1 is declared twice"),
    ],
)  # fmt: skip
def test_a_wrong_date_or_a_campaign_declared_twice_is_told_with_its_line(tmp_path: Path, lines, line, what):
    path = tmp_path / "campaigns.yml"
    path.write_text(HEAD + lines, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_yaml(path, Campaigns)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert problem.line == line


def test_where_no_dates_are_declared_there_are_none(tmp_path: Path):
    assert Contracts(tmp_path).campaigns is None


def test_campaigns_are_shown_with_lift_placebo_and_verdict(clew):
    shown = clew("campaigns")
    assert shown.code == 0
    known, few, together = shown.out.splitlines()[2:]
    assert known.split()[:5] == ["26", "Type", "B", "2017-09-01", "40"]
    assert "+30.00  +1.50 (-0.50 to +3.50)  +0.25 (-2.00 to +2.50)  plausible  " in " ".join(known.split(" "))
    assert known.rstrip().endswith("33% · 50%")
    assert "fewer than 5" in few
    assert few.count("not known") == 3
    assert few.rstrip().endswith("too few people")
    assert together.startswith("all")


def test_orders_are_shown_instead_if_asked_for(clew):
    (row,) = json.loads(clew("campaigns", "--orders", "--json").out)["campaigns"]
    assert (row["unit"], row["lift"]) == ("orders a person and week", 0.125)


def test_before_campaigns_are_measured_the_command_says_what_to_do(clew, unread):
    shutil.rmtree(unread / "lake" / "gold" / "campaign_lift")
    shown = clew("campaigns", home=unread)
    assert shown.code == 1
    assert "gold.campaign_lift is not there yet" in shown.err
    assert "make it: clew run" in shown.err
