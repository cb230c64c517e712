"""Erased people in Spark: their lines count as erased, land no more, and the stream of the source goes on."""

import datetime as dt
from typing import Any

import pytest

from lakehouse.lake import Lake
from lakehouse.pseudonym import keyed_hash
from lakehouse.run import Run
from spark_jobs.privacy import search, written
from spark_jobs.privacy.forget import forget
from spark_jobs.privacy.keys import form_sql, forms, hashes, keys_of
from spark_jobs.silver.conform import conform, reopen
from spark_jobs.silver.requeue import requeue
from tests.spark.pipeline import SHOP_HEADER, content, purchase, put, recount, rows, run, view
from tests.unit.test_privacy_written import TEXTS, expected

DAY = dt.datetime(2017, 3, 1, 10, tzinfo=dt.UTC)
ANN = {"anonymousId": "browser-ann-1", "userId": "usr_ann_17"}
MAIL = "Ann.Lee+news@Example.org"
WRITTEN = ['"Ann" <Ann@Corp.com>', "mailto:ann@corp.com?subject=out", "ann@corp.com.", "a\u200bnn@corp.com",
           "ann%40corp.com", "ann%2Bshop%40corp.com"]  # fmt: skip


def _identify(message_id: str, mail: str = MAIL, **more: Any) -> dict[str, Any]:
    return {"type": "identify", "messageId": message_id, "timestamp": "2017-03-01T10:00:00Z", "traits": {"email": mail},
            **ANN, **more}  # fmt: skip


def _resolved(lake: Lake) -> str:
    """Who is who, as identity would say it: Ann's account, her browser and her card are one, Ben's browser is Ben."""
    ann = ("account:usr_ann_17", "anonymous:browser-ann-1", "loyalty:CARD-4711")
    of = dict.fromkeys(ann, "p_ann") | {"anonymous:ben": "p_ben"}
    rows_of = enumerate(of.items())
    lake.overwrite(
        "identity.assignments",
        [{"record_id": record, "profile_id": profile, "own_profile_id": f"own_{n}", "kind": "founder",
          "probability": 1.0, "founder_record_id": record, "records": 1} for n, (record, profile) in rows_of],
    )  # fmt: skip
    held = [(ann[0], "email", "ann.lee@example.org", MAIL), (ann[0], "user_id", "usr_ann_17", "usr_ann_17"),
            (ann[1], "anonymous_id", "browser-ann-1", "browser-ann-1"),
            (ann[2], "loyalty_id", "CARD-4711", "CARD-4711"),
            (ann[0], "phone", "+18005550100", "(800) 555-0100"),
            ("anonymous:ben", "anonymous_id", "ben", "ben")]  # fmt: skip
    lake.overwrite(
        "identity.identifiers",
        [{"record_id": r, "identifier": i, "value": v, "raw_value": raw, "is_usable": True, "reason": None,
          "first_seen": DAY, "last_seen": DAY} for r, i, v, raw in held],
    )  # fmt: skip
    return "p_ann"


def test_who_was_erased_lands_no_more_and_everybody_else_does(make_lake) -> None:
    lake = make_lake("shop", "web")
    batch = {"batch": [view("w3", person="ben"), view("w4", **ANN)], "sentAt": "2017-03-01T10:00:01Z"}
    carl = view("w5", person="carl", userId="usr_carl_1")
    put(lake, "web/a.jsonl", view("w1", person="ben"), _identify("w2"), batch, '{"broken": "usr_ann_17"', carl)
    put(lake, "shop/a.csv", SHOP_HEADER, purchase("31198570044", 1, "CARD-4711"), purchase("31198570045", 1, "L9"))
    run(lake, "privacy-first")  # an erasure waits for a run that goes on to a release, not for an hourly one
    ben = [
        row
        for row in rows(lake, "silver.events", "event_id")
        if row[0] in ("web:w1", "web:w3", "web:w5", "shop:31198570045-1")
    ]
    assert len(ben) == 4

    forget(lake, Run("forget", dt.date(2017, 12, 30)), [_resolved(lake)], reason="asked", author="sam", exports={})

    assert rows(lake, "silver.events", "event_id") == ben
    assert recount(lake) == []
    # A rebuild from bronze is the same.
    before = content(lake)
    reopen(lake, 1)
    conform(lake, Run("again", dt.date(2017, 12, 30)))
    assert content(lake) == before
    assert recount(lake) == []
    assert _erased(lake) == {("web", 1): 3, ("shop", 1): 1}

    # The same lines once more, in other files and other spellings, beside what is Ben's; the stream goes on.
    put(lake, "web/b.jsonl", _identify("w2"), batch, _identify("w9", "ann.lee+NEWS@example.org ", userId="other"),
        view("w8", person="ben"), '{"broken": "usr_ann_17"')  # fmt: skip
    put(lake, "shop/b.csv", SHOP_HEADER, purchase("31198570044", 1, "CARD-4711"), purchase("31198570046", 1, "L9"))
    counts = run(lake, "second")

    assert counts["erased"] == 5
    assert [row[0] for row in rows(lake, "silver.events", "event_id") if row not in ben] == [
        "shop:31198570046-1",
        "web:w8",
    ]
    assert recount(lake) == []
    values = ("usr_ann_17", "ann.lee", "CARD-4711", "browser-ann-1")
    assert search.search(lake, search.for_values(values)).places == ()
    # Somebody who was there before is heard in Ann's browser, and with her address, and so is a new account there.
    put(lake, "web/c.jsonl", _identify("w10", "carl@example.org", userId="usr_carl_1"),
        _identify("w11", userId="usr_carl_1", anonymousId="carl"), view("w12", **ANN | {"userId": "usr_dora_1"}),
        view("w13", person="browser-ann-1"))  # fmt: skip
    assert run(lake, "third")["erased"] == 1
    kept = {"web:w10", "web:w11", "web:w12"}
    assert kept <= {row[0] for row in rows(lake, "silver.events", "event_id")}
    assert recount(lake) == []
    # A rebuild decides alike, whatever landed together.
    before = content(lake)
    reopen(lake, 1)
    conform(lake, Run("once more", dt.date(2017, 12, 30)))
    assert content(lake) == before
    # What a requeue brings back is judged by the same list.
    assert requeue(lake, Run("requeue", dt.date(2017, 12, 30)))["selected"] == 0
    assert conform(lake, Run("fourth", dt.date(2017, 12, 30)))["kept"] >= 1


def _erased(lake: Lake) -> dict[tuple[str, int], int]:
    told = lake.arrow("ops.row_counts").to_pylist()
    return {(row["source"], row["landing"]): row["erased"] for row in told if row["erased"]}


def test_python_and_spark_hash_the_same_forms(lake: Lake) -> None:
    rules = lake.contracts.identity
    said = {
        "email": [("ann.lee@gmail.com", " Ann.Lee@GMAIL.com"), ("annlee@gmail.com", "ann.lee@googlemail.com"),
                  ("ann@example.com", "\u00a0ａｎｎ@example.com\u00a0"), ("zoë@example.com", "zoe\u0308@example.com"),
                  *(("ann@corp.com", written) for written in WRITTEN)],
        "phone": [("+18005550100", "(800) 555-0100"), ("+18005550100", "+1 800 555 0100 ext. 7"),
                  ("+442071838750", "0044 20 7183 8750"), ("+18005550100", "（８００） ５５５-０１００"),
                  ("+18005550100", "18005550100.0"), ("+18005550100", "0018005550100")],
        "device_id": [("a1b2", " A1B2 ")],
        "loyalty_id": [("CARD-1", " CARD-1 ")],
    }  # fmt: skip
    from identity.standardise import standard_of

    for identifier, pairs in said.items():
        rule = rules.identifiers[identifier]
        for _, raw in pairs:
            standard = standard_of(rule, rules.phone_region)(raw).value
            frame = lake.spark.createDataFrame([(raw,)], "raw string")
            (made,) = frame.selectExpr(form_sql("raw", rule)).collect()[0]
            assert made in forms(identifier, standard, rules), identifier


@pytest.mark.parametrize(("sent", "read"), TEXTS)
def test_spark_reads_a_text_as_the_erasure_does(sent: str, read: str | None, lake: Lake) -> None:
    frame = lake.spark.createDataFrame([(sent,)], "t string")
    assert frame.selectExpr(f"{written.spark_sql('t')} as told").collect()[0]["told"] == expected(sent, read)


def test_no_value_is_in_the_list_of_the_erased() -> None:
    from contracts import Contracts

    keys = keys_of(["account:u1"], ["web:m1"], [("email", "a@example.org")], Contracts().identity)
    told = hashes(b"key", keys)
    assert ("record", keyed_hash(b"key", "record", "account:u1")) in told
    assert not any("example" in hashed for _, hashed in told)
