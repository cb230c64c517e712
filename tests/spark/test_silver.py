"""Conform: each message once, in its place, with its reasons."""

import base64
import datetime
import json

import pytest

from contracts import Contracts
from contracts.records import record_id
from lakehouse.errors import DataError
from lakehouse.pseudonym import pads
from lakehouse.run import Run
from spark_jobs.silver.conform import judge, reopen
from spark_jobs.silver.convert import record_id as record_id_sql
from spark_jobs.silver.keyed import pads_of
from spark_jobs.silver.requeue import requeue
from tests.spark.conftest import copy_contracts
from tests.spark.pipeline import SHOP_HEADER, purchase, put, recount, rows, run, view


@pytest.fixture
def lake(make_lake):
    return make_lake("app", "email", "shop", "web")


def reasons_of(lake) -> list[list[str]]:
    return [reasons for _, reasons in rows(lake, "silver.quarantine", "position", "reasons")]


def test_a_repeat_is_a_duplicate_and_a_contradiction_a_conflict_that_never_overwrites(lake) -> None:
    reordered = view("m1") | {"properties": {"price": 1, "product_id": "1"}, "sentAt": "2017-03-01T10:00:09Z"}
    first = view("m1") | {"properties": {"product_id": "1", "price": 1}}
    put(lake, "web/a.jsonl", first, reordered, view("m1", product="2"))
    assert run(lake, "r1") == {"lines": 3, "kept": 1, "duplicates": 1, "quarantined": 1}
    assert rows(lake, "silver.duplicates", "position", "first_position", "event_id") == [(2, 1, "web:m1")]
    (told,) = reasons_of(lake)
    assert told[0].startswith("conflicting_duplicate: another message with this id landed before")
    assert dict(rows(lake, "silver.events", "event_id", "properties")[0][1])["product_id"] == "1"


def test_duplicates_are_found_over_the_whole_history(lake) -> None:
    put(lake, "web/a.jsonl", view("m1"))
    run(lake, "r1")
    put(lake, "web/b.jsonl", view("m2"))
    run(lake, "r2")
    put(lake, "web/c.jsonl", view("m1"), view("m2", product="9"), view("m3"))
    assert run(lake, "r3") == {"lines": 3, "kept": 1, "duplicates": 1, "quarantined": 1}


def test_a_segment_batch_and_an_array_are_unpacked_and_counted(lake) -> None:
    batch = [view("m1"), view("m2", context={"ip": "10.0.0.2"})]
    of_all = {"ip": "10.0.0.1", "library": {"name": "http"}}
    put(lake, "web/a.jsonl", {"batch": batch, "sentAt": "2017-03-01T10:00:05Z", "context": of_all}, {"batch": []})
    mail = {"event": "open", "email": "z@example.com", "timestamp": 1488362400, "campaign_id": "1"}
    put(lake, "email/a.jsonl", [mail | {"sg_event_id": "s1"}, opened("s2")])
    run(lake, "r1")
    names = ("source", "lines", "unpacked", "headers", "kept", "duplicates", "quarantined")
    counted = {row[0]: row[1:] for row in rows(lake, "ops.row_counts", *names)}
    assert counted["web"] == (2, 1, 0, 2, 0, 1)
    assert counted["email"] == (1, 1, 0, 2, 0, 0)
    assert reasons_of(lake) == [["empty_batch: the line holds a list without messages"]]
    assert recount(lake) == []
    contexts = {name: dict(context) for name, context in rows(lake, "silver.events", "message_id", "context")}
    assert {name: contexts[name]["ip"] for name in ("m1", "m2")} == {"m1": "10.0.0.1", "m2": "10.0.0.2"}
    assert contexts["m2"]["library"] == '{"name":"http"}'


def test_text_after_the_first_json_value_of_a_line_is_never_dropped_unseen(lake) -> None:
    one, two = json.dumps(view("m1")), json.dumps(view("m2"))
    torn = [
        one + two,
        f"{one} {two}",
        f"{one},{two}",
        f"{one},{two}]",
        f"{one}]",
        f"{one} garbage",
        f"[{one}][{two}]",
        f"[{one}",
    ]
    torn += [json.dumps({"batch": [view("m3")]}) + two, f"{one}] x", '"text"', "17"]
    page = '{"type": "page", "name": "n", "messageId": "d", "anonymousId": "a", "timestamp": "2017-03-01T10:00:00Z", '
    torn += [page + '"properties": {"path": "1", "path": "2"}}']  # a map that has a key twice breaks later readers
    torn += ['{"batch": [' + one + '], "context": {"ip": "1", "ip": "2"}}']
    torn += [f'{{"batch": [{one}, {two}], "batch": [{two}]}}']  # the first would be lost without a trace
    torn += [f"[{one},{two},]", f'[{one},{{"price": NaN}}]']
    torn += [page + '"userId": "u1", "userId": "u2"}']
    torn += [page + '"context": {"device": [{"id": "1", "id": "2"}]}}']
    torn += [page + '"properties": {"\\ud83d": "1", "\\ud83e": "2"}}']  # two halves of an emoji are both read as ?
    torn += [page + '"title": "a\x0bb"}', one.replace('"', "'")]  # a raw control character; quotes of another language
    cut = json.dumps(view("m5", context={"name": "\ud83d"}))  # half an emoji
    good = [f"  {one}  ", f"\t[{two},{json.dumps(view('m4'))}]", f'\r{{"batch": [{cut},{json.dumps(view("m6"))}]}}']
    put(lake, "web/a.jsonl", *torn, *good)
    assert run(lake, "r1") == {"lines": 25, "kept": 5, "duplicates": 0, "quarantined": 22}
    assert recount(lake) == []
    assert {reason.split(":")[0] for (reason,) in reasons_of(lake)} == {"malformed_json"}
    assert [payload for _, payload in rows(lake, "silver.quarantine", "line", "payload")].count(one + two) == 1


def test_an_empty_list_where_an_object_belongs_is_an_empty_object_as_php_writes_it(lake) -> None:
    who = {"type": "identify", "userId": "u1", "anonymousId": "a1", "timestamp": "2017-03-01T10:00:00Z"}
    put(lake, "web/a.jsonl", {**who, "messageId": "m1", "traits": [], "context": []},
        {**who, "messageId": "m2", "traits": ["x"]},
        view("m3", context={"seen": '"traits":[]', "tags": [], "inner": {"traits": []}}))  # fmt: skip
    assert run(lake, "r1")["kept"] == 2
    assert [reason.split(":")[0] for (reason,) in reasons_of(lake)] == ["wrong_shape"]
    read = {name: (dict(traits), dict(context))
            for name, traits, context in rows(lake, "silver.events", "message_id", "traits", "context")}  # fmt: skip
    assert read == {"m1": ({}, {}), "m3": ({}, {"seen": '"traits":[]', "tags": "[]", "inner": '{"traits":[]}'})}


def test_half_an_emoji_is_no_reason_to_refuse_a_message(lake) -> None:
    names = ["\ud83d", "\ude00", "a\ud83d b", "\ud83d\ude00", "\\ud83d", "C:\\\ud83d"]
    put(lake, "web/a.jsonl", *(view(f"m{n}", context={"name": name, "os": name}) for n, name in enumerate(names)))
    assert run(lake, "r1")["kept"] == len(names)
    read = {name: dict(context)["name"] for name, context in rows(lake, "silver.events", "message_id", "context")}
    assert [read[f"m{n}"] for n in range(len(names))] == ["?", "?", "a? b", "\U0001f600", "\\ud83d", "C:\\?"]


def test_every_reason_is_told_at_once_and_the_line_is_kept(lake) -> None:
    bad = {"type": "track", "event": "Review Submitted", "properties": {"rating": "many"}, "timestamp": "soon"}
    put(lake, "web/a.jsonl", bad)
    run(lake, "r1")
    ((payload, reasons),) = rows(lake, "silver.quarantine", "payload", "reasons")
    assert json.loads(payload) == bad
    assert [reason.split(":")[0] for reason in reasons] == [
        "missing_message_id",
        "unreadable_timestamp",
        "missing_identity",
        "missing_property",
        "wrong_type",
    ]
    assert "many" not in " ".join(reasons)


def test_a_csv_is_read_by_its_own_header_whatever_the_order_and_what_else_is_in_it(lake) -> None:
    put(lake, "shop/a.csv", SHOP_HEADER, purchase("b1", 1))
    put(lake, "shop/b.csv", "\ufeffsales_value,extra," + SHOP_HEADER.replace(",sales_value", ""),
        '2.5,"a ""quoted"", cell",' + purchase("b2", 1).rsplit(",", 1)[0] + "\r")  # fmt: skip
    put(lake, "shop/c.csv", purchase("b3", 1), purchase("b3", 2))  # no header at all
    assert run(lake, "r1") == {"lines": 6, "kept": 2, "duplicates": 0, "quarantined": 2}
    sold = {
        event: dict(properties)["sales_value"]
        for event, properties in rows(lake, "silver.events", "event_id", "properties")
    }
    assert sold == {"shop:b1-1": "0.5", "shop:b2-1": "2.5"}
    assert all(reason[0].startswith("wrong_header: the first line of the file") for reason in reasons_of(lake))
    assert ("shop", 6, 2) in rows(lake, "ops.row_counts", "source", "lines", "headers")


def test_a_csv_that_names_a_column_twice_is_refused_for_nobody_can_say_which_is_meant(lake) -> None:
    put(lake, "shop/a.csv", SHOP_HEADER + ",sales_value,extra,extra", purchase("b1", 1) + ",9.5,,")
    put(lake, "shop/b.csv", SHOP_HEADER + ",extra,extra", purchase("b2", 1) + ",,")  # what is not declared may repeat
    assert run(lake, "r1") == {"lines": 4, "kept": 1, "duplicates": 0, "quarantined": 1}
    assert reasons_of(lake) == [["ambiguous_header: the first line of the file names a column twice"]]
    assert recount(lake) == []


def test_a_source_may_have_any_number_of_headers_of_as_many_widths(lake) -> None:
    for number in range(300):
        more = "".join(f",extra{i}" for i in range(number)) + f",form{number}"
        put(lake, f"shop/{number:03}.csv", SHOP_HEADER + more, purchase(f"b{number}", 1) + "," * (number + 1))
    put(lake, "shop/narrow.csv", SHOP_HEADER, purchase("narrow", 1) + ",more")
    put(lake, "shop/broad.csv", SHOP_HEADER + ",more", purchase("broad", 1))
    assert run(lake, "r1") == {"lines": 604, "kept": 300, "duplicates": 0, "quarantined": 2}
    assert reasons_of(lake) == [["malformed_csv: not as many cells as the header has"]] * 2
    assert recount(lake) == []


def test_a_purchase_without_a_card_is_kept_and_belongs_to_nobody(lake) -> None:
    put(lake, "shop/a.csv", SHOP_HEADER, purchase("b1", 1, card=""))
    run(lake, "r1")
    assert rows(lake, "silver.events", "event_id", "record_id") == [("shop:b1-1", None)]
    assert rows(lake, "silver.identifiers", "value") == []


def test_an_order_number_is_an_identifier_of_who_ordered_online_and_of_the_card_at_the_till(lake) -> None:
    order = view("m1") | {"event": "Order Completed", "properties": {"order_id": " b1 ", "total": 1}}
    put(lake, "web/a.jsonl", order, order | {"messageId": "m2", "userId": "u1"})
    put(lake, "app/a.jsonl", order | {"messageId": "m3", "anonymousId": "i1", "event": "order_completed"})
    put(lake, "shop/a.csv", SHOP_HEADER, purchase("b1", 1), purchase("b1", 2), purchase("b2", 1, card=""))
    run(lake, "r1")
    found = rows(lake, "silver.identifiers", "identifier", "value", "source", "record_id", "events")
    assert [row[1:] for row in found if row[0] == "order_id"] == [
        ("b1", "app", "anonymous:i1", 1),
        ("b1", "shop", "loyalty:L1", 2),
        ("b1", "web", "account:u1", 1),
        ("b1", "web", "anonymous:a1", 1),
    ]


def test_wall_clock_times_of_the_shop_become_utc(lake) -> None:
    with_offset = purchase("b2", 1).replace("2017-01-01 06:53:26", "2017-01-01T06:53:26+02:00")
    put(lake, "shop/a.csv", SHOP_HEADER, purchase("b1", 1), with_offset)
    run(lake, "r1")
    moments = {event: moment.isoformat() for event, moment in rows(lake, "silver.events", "event_id", "occurred_at")}
    assert moments == {
        "shop:b1-1": "2017-01-01T11:53:26+00:00",  # 06:53 in New York
        "shop:b2-1": "2017-01-01T04:53:26+00:00",  # it says itself where
    }


def test_times_are_read_in_the_forms_that_senders_use(lake) -> None:
    forms = {
        "2017-03-01T10:00:00+02:00": "2017-03-01T08:00:00+00:00",
        "2017-03-01T10:00:00+0200": "2017-03-01T08:00:00+00:00",
        "2017-03-01 10:00:00": "2017-03-01T10:00:00+00:00",
        1488362400123: "2017-03-01T10:00:00.123000+00:00",
        1488362400: "2017-03-01T10:00:00+00:00",
    }
    put(lake, "web/a.jsonl", *(view(f"t-{sent}", timestamp=sent) for sent in forms))
    run(lake, "r1")
    moments = dict(rows(lake, "silver.events", "message_id", "occurred_at"))
    assert {name: moment.isoformat() for name, moment in moments.items()} == {
        f"t-{sent}": read for sent, read in forms.items()
    }


def test_a_clock_in_the_far_future_is_refused(lake) -> None:
    put(lake, "web/a.jsonl", view("m1", timestamp="2099-01-01T00:00:00Z"))
    run(lake, "r1")
    assert reasons_of(lake)[0][0].startswith("future_timestamp: the time is more than 24 hours after the landing")


def test_an_event_is_refused_from_the_day_on_which_its_contract_ends_it(lake, tmp_path) -> None:
    ended = copy_contracts(tmp_path / "contracts", "web")
    file = ended / "events" / "digital" / "product_viewed.yml"
    file.write_text(file.read_text() + "deprecated_on: 2017-03-02\n")
    lake.contracts = Contracts(ended)
    last, late = "2017-03-01T23:59:59.999Z", "2017-03-02T00:00:00Z"
    put(lake, "web/a.jsonl", view("m1", timestamp=last), view("m2", timestamp=late))
    assert run(lake, "r1") == {"lines": 2, "kept": 1, "duplicates": 0, "quarantined": 1}
    assert rows(lake, "silver.events", "message_id") == [("m1",)]
    assert reasons_of(lake) == [["deprecated_event: product_viewed is not sent since 2017-03-02"]]


def opened(message_id: str) -> dict:
    """A mail that Zoe opened, as the mailer tells it."""
    said = {"event": "open", "email": "Zoe@example.com", "timestamp": 1488362400, "campaign_id": "1"}
    return said | {"sg_event_id": message_id}


KEY = b"a key for tests"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("account", " u1 "),
        ("mailbox", " Zoë@Example.com "),
        ("phone", "+1 (212) 555-0123"),
        ("phone", "0212 5550123"),
        ("phone", "＋１ ２１２-５５５-０１２３"),
        ("phone", "٢١٢٥٥٥٠١٢٣"),
        ("phone", "n/a"),
        ("mailbox", " "),
    ],
)
@pytest.mark.parametrize("key", [KEY, b"a key that is longer than a block of SHA-256, and so is hashed itself before"])
def test_spark_and_python_name_a_record_alike(shared_lake, kind, value, key) -> None:
    spark = shared_lake.spark
    frame = spark.createDataFrame([(value,)], "v string").crossJoin(pads_of(spark, key))
    assert frame.selectExpr(record_id_sql(kind, "v")).first()[0] == record_id(kind, value, key)


def test_a_mailbox_is_named_by_the_key_of_the_workspace(make_lake) -> None:
    lake = make_lake("email")
    put(lake, "email/a.jsonl", opened("s1"))
    run(lake, "r1")
    assert rows(lake, "silver.events", "record_id") == [
        (record_id("mailbox", "zoe@example.com", lake.settings.identity_key),)
    ]


def test_the_key_of_names_is_in_no_plan_no_log_and_no_file_of_the_lake(make_lake, capfd) -> None:
    lake = make_lake("email")
    put(lake, "email/a.jsonl", opened("s1"))
    run(lake, "r1")
    key = lake.settings.identity_key
    named = judge(lake.df("bronze.email"), lake.contracts.sources["email"], lake.contracts, pads_of(lake.spark, key))
    assert [row.record_id for row in named.collect()] == [record_id("mailbox", "zoe@example.com", key)]
    for mode in ("extended", "formatted", "cost", "codegen"):
        named.explain(mode)
    told = capfd.readouterr().out
    assert "inner_pad" in told, "the plan is there"
    held = [path for path in lake.settings.home.rglob("*") if path.is_file() and path.suffix != ".key"]
    assert any(path.suffix == ".json" for path in held), "Delta's logs are there"
    texts = [told.encode(), *(path.read_bytes() for path in held)]
    for secret in (key, *pads(key)):
        forms = [secret, secret.hex().encode(), base64.b64encode(secret), str(list(secret))[1:-1].encode()]
        signed = ", ".join(str(byte - 256 if byte > 127 else byte) for byte in secret).encode()  # as Java prints bytes
        for form in (*forms, signed):
            assert not [text for text in texts if form.lower() in text.lower()]


def test_silver_of_before_names_were_keyed_is_built_anew_before_anything_is_added(make_lake) -> None:
    lake = make_lake("email")
    put(lake, "email/a.jsonl", opened("s1"))
    run(lake, "r1")
    lake.overwrite("ops.row_counts", [row | {"record_key": None} for row in lake.arrow("ops.row_counts").to_pylist()])
    put(lake, "email/b.jsonl", opened("s2"))
    for step in (lambda: run(lake, "r2"), lambda: requeue(lake, Run("r2", datetime.date(2017, 12, 30)))):
        with pytest.raises(DataError, match="by hashes that anybody can make"):
            step()
    reopen(lake, 1)
    assert run(lake, "r3")["kept"] == 2
    named = record_id("mailbox", "zoe@example.com", lake.settings.identity_key)
    assert rows(lake, "silver.events", "record_id") == [(named,), (named,)]
