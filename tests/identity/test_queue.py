"""What stewards are asked about, and in which order."""

import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from identity.queue import NO_VALUE, read_value, review_queue

DAY = datetime.datetime(2017, 3, 1, tzinfo=datetime.UTC)


def edges(*said):
    """Rows of identity.edges: (left, right, weight, state) of the model, or with a rule as the fifth."""
    names = ("left_record", "right_record", "match_weight", "state", "rule")
    rows = [dict(zip(names, (*item, "model")[:5], strict=True)) for item in said]
    schema = pa.schema(
        [("left_record", pa.string()), ("right_record", pa.string()), ("match_weight", pa.float64()),
         ("state", pa.string()), ("rule", pa.string()), ("probability", pa.float64()), ("reason", pa.string())]
    )  # fmt: skip
    return pa.Table.from_pylist(
        [row | {"probability": 0.9, "reason": f"{row['state']} by {row['rule']}"} for row in rows], schema
    )


def people(**profiles):
    """Assignments and records: the records of each profile, each with as many events as its name has letters."""
    placed = [(record, profile) for profile, records in profiles.items() for record in records.split()]
    return (
        pa.table({"record_id": [record for record, _ in placed], "profile_id": [profile for _, profile in placed]}),
        pa.table({"record_id": [record for record, _ in placed], "events": [len(record) for record, _ in placed]}),
    )


def worth(**values):
    amounts = [Decimal(value) for value in values.values()]
    return pa.table({"record_id": list(values), "value": pa.array(amounts, pa.decimal128(18, 2))})


def asked(evidence, placed, value=NO_VALUE):
    return review_queue(evidence, *placed, value).to_pylist()


def test_many_edges_between_two_profiles_are_one_question_about_the_strongest():
    evidence = edges(("a", "c", 3.0, "review"), ("b", "c", 7.0, "review"), ("a", "d", 5.0, "review"))
    (row,) = asked(evidence, people(p1="a b", p2="c d"))
    assert (row["left_record"], row["right_record"], row["left_profile"], row["right_profile"]) == (
        "b",
        "c",
        "p1",
        "p2",
    )
    assert (row["match_weight"], row["edges"], row["records"], row["events"]) == (7.0, 3, 4, 4)


def test_what_a_steward_unlinked_is_not_asked_again_by_way_of_another_record():
    evidence = edges(("a", "c", 3.0, "review"), ("b", "d", 1.0, "blocked", "steward"))
    assert asked(evidence, people(p1="a b", p2="c d")) == []
    assert len(asked(evidence, people(p1="a", p2="c", p3="b", p4="d"))) == 1


def test_an_edge_within_a_profile_is_no_question():
    assert asked(edges(("a", "b", 3.0, "review")), people(p1="a b")) == []


def test_other_evidence_that_was_refused_speaks_against():
    evidence = edges(("a", "b", 3.0, "review"), ("a", "c", 1.0, "blocked", "email"))
    (row,) = asked(evidence, people(p1="a", p2="b c"))
    assert row["against"] == "blocked by email"


def test_more_people_come_first_then_more_value_then_more_records_then_the_stronger_edge():
    evidence = edges(
        ("a", "b", 1.0, "review"), ("a", "c", 1.0, "review"),  # a has two candidates: three people
        ("d", "e", 1.0, "review"), ("f", "g", 1.0, "review"), ("h", "i", 1.0, "review"), ("j", "k", 2.0, "review"),
    )  # fmt: skip
    profiles = people(pa="a", pb="b", pc="c", pd="d", pe="e", pf="f f2", pg="g", ph="h", pi="i", pj="j", pk="k")
    rows = asked(evidence, profiles, worth(c="1.00", d="12.50", e="0.25"))
    assert [(row["left_record"], row["right_record"]) for row in rows] == [
        ("a", "c"), ("a", "b"), ("d", "e"), ("f", "g"), ("j", "k"), ("h", "i"),
    ]  # fmt: skip
    assert [row["place"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["people"] for row in rows] == [3, 3, 2, 2, 2, 2]
    assert rows[2]["value"] == Decimal("12.75")


def test_the_order_of_rows_never_changes_the_queue():
    evidence = edges(("a", "b", 1.0, "review"), ("c", "d", 1.0, "review"), ("a", "d", 1.0, "review"))
    assignments, records = people(p1="a", p2="b", p3="c", p4="d")
    backwards = pa.array([2, 1, 0])
    once = review_queue(evidence, assignments, records, NO_VALUE)
    again = review_queue(evidence.take(backwards), assignments.take(pa.array([3, 1, 0, 2])), records, NO_VALUE)
    assert once.num_rows == 3
    assert again.equals(once)


@pytest.fixture
def silver_lake(tmp_path):
    from lakehouse.lake import Lake
    from lakehouse.settings import Settings

    lake = Lake(Settings(home=tmp_path))
    event = {"source": "shop", "channel": "shop", "type": "track", "occurred_at": DAY, "received_at": DAY,
             "traits": [], "context": [], "content_hash": 1, "part": 0, "landing": 1,
             "contract_version": "1-0-0"}  # fmt: skip
    sold = [
        ("loyalty:1", "item_purchased", {"sales_value": "10.10"}),
        ("loyalty:1", "item_purchased", {"sales_value": "0.20"}),
        ("loyalty:1", "coupon_redeemed", {"sales_value": "99"}),
        ("loyalty:2", "item_purchased", {"sales_value": "free"}),
        (None, "item_purchased", {"sales_value": "5"}),
    ]
    lake.overwrite(
        "silver.events",
        [event | {"record_id": record, "event": name, "properties": list(properties.items()), "position": number,
                  "event_id": f"shop:{number}", "message_id": str(number)}
         for number, (record, name, properties) in enumerate(sold, 1)],
    )  # fmt: skip
    return lake


def test_the_value_of_a_record_is_the_sum_of_what_the_contract_names(silver_lake, rules):
    found = {row["record_id"]: row["value"] for row in read_value(silver_lake, rules).to_pylist()}
    assert found == {"loyalty:1": Decimal("10.30"), "loyalty:2": None}
    silent = rules.model_copy(update={"review": None})
    assert read_value(silver_lake, silent).num_rows == 0
