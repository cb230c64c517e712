"""`clew trace`: back from any row to the raw lines behind it, forward from a file or message to all its effects."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from clew.traced.asked import traceable
from clew.traced.lines import message_text
from clew.traced.opened import open_lineage, sources_of
from clew.traced.values import attributes, value_origins
from contracts import HERE, Contracts
from contracts.lineage import STAGING, Lineage, staged_columns
from contracts.lineage_check import wrong_origins
from contracts.origin import Origin
from lakehouse.settings import Settings
from tests.conftest import SmallLake, profile_id
from tests.unit.lineage_lake import BASKET, CAMPAIGN, CROWD, lake_with_lines

ANN = profile_id("ann")


@pytest.fixture(scope="module")
def told(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    """The small lake with raw lines, released and exported; no test changes it."""
    return lake_with_lines(small_template, tmp_path_factory.mktemp("told") / "home")


@pytest.fixture
def trace(told: Any, clew: Any) -> Any:
    """What ``clew trace`` prints as JSON."""

    def run(*arguments: str) -> dict[str, Any]:
        ran = clew("trace", *arguments, "--json", home=told.lake.settings.home)
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    return run


def rows_of(found: dict[str, Any]) -> dict[str, int]:
    return {item["table"]: item["rows"] for item in found["tables"]}


def test_every_value_of_every_profile_reaches_a_raw_line_that_holds_it(told, monkeypatch) -> None:
    monkeypatch.setenv("CLEW_HOME", str(told.lake.settings.home))
    lineage = Lineage(told.lake.contracts)
    opened = open_lineage("latest", lineage, sources_of(lineage, lineage.nodes))
    columns = [
        name for name in attributes(lineage.nodes["gold.profile_contact"]) if name in ("first_name", "email", "phone")
    ]
    seen = []
    for row in told.rows("gold.profile_contact"):
        for origin in value_origins(opened, row, columns):
            assert origin.messages, (row["profile_id"], origin.column)
            for message in origin.messages:
                (line,) = [r for r in told.rows(f"bronze.{message['source']}") if r["position"] == message["position"]]
                traits = json.loads(message_text(line["payload"], message["part"]) or "{}")["traits"]
                assert message["given"] in traits.values()
                seen.append(origin.column)
    held = sum(row[name] is not None for row in told.rows("gold.profile_contact") for name in columns)
    assert len(seen) == held == 15


def test_a_value_names_its_record_and_its_message_and_is_shown_only_with_the_raw_line(trace) -> None:
    found = trace("profile_contact", ANN, "--column", "email")
    (value,) = found["values"]
    (message,) = value["messages"]
    assert (value["column"], value["source"]) == ("email", "web")
    assert (message["record_id"], message["event_id"]) == ("account:ann", "web:m1")
    assert (message["file"], message["line"], message["position"]) == ("web/file", 1, 1)
    assert rows_of(found)["bronze.web"] == 1
    assert "@" not in json.dumps(found)
    raw = trace("gold.profile_contact", ANN, "--column", "email", "--raw")
    assert raw["values"][0]["value"] == "Ann.Example@gmail.com"
    assert "Ann.Example@gmail.com" in raw["lines"][0]["payload"]


def test_of_a_line_that_holds_several_messages_only_the_one_that_is_meant_is_shown(trace) -> None:
    found = trace("profile_contact", profile_id("cat"), "--column", "email", "--raw")
    (line,) = found["lines"]
    assert line["part"] == 1
    assert "cat@example.com" in line["payload"]
    assert "ben@example.com" not in json.dumps(found)


def test_of_a_list_that_was_not_unpacked_the_whole_line_is_shown_and_so_is_a_line_that_is_asked_for(trace) -> None:
    for asked in (("silver.quarantine", "app", "1", "0"), ("bronze.app", "1")):
        (line,) = trace(*asked, "--raw")["lines"]
        assert (line["part"], line["payload"]) == (0, CROWD)


def test_a_basket_is_made_of_all_its_events_and_a_campaign_of_its_coupons_and_their_baskets(trace) -> None:
    basket = trace("orders", BASKET)
    assert rows_of(basket)["gold.events"] == rows_of(basket)["bronze.shop"] == 2
    assert [(item["file"], item["numbers"]) for item in basket["files"]] == [("shop/file", [2, 3])]
    campaign = trace("campaign_performance", CAMPAIGN)
    assert rows_of(campaign)["gold.orders"] == 1
    assert rows_of(campaign)["gold.events"] == 2


def test_whose_a_row_is_comes_with_the_links_to_the_founder_and_is_not_followed_further(trace) -> None:
    found = trace("consent_state", ANN, "advertising")
    assert rows_of(found)["silver.consents"] == rows_of(found)["bronze.consent"] == 1
    assert "identity.records" not in rows_of(found)
    linked = {item["record_id"]: item for item in found["whose"]}
    assert linked["account:ann"]["links"] == []
    (link,) = linked["anonymous:ann"]["links"]
    assert (link["rule"], link["kind"], link["evidence"]) == ("login", "deterministic", {"user_id": "equal"})


def test_an_exported_row_leads_to_its_profile_of_that_release_and_to_the_consent_that_allowed_it(trace) -> None:
    found = trace("exports/email_tool/1", ANN)
    assert found["export"]["purpose"] == "email_marketing"
    (line,) = found["export"]["consent"]["messages"]
    assert line["file"] == "consent/file"
    assert {item["column"]: item["from"] for item in found["export"]["columns"]}[
        "email"
    ] == "gold.profile_contact.email"
    assert (found["table"], found["release"]) == ("gold.profiles", 1)
    assert {"first_name", "email"} <= {value["column"] for value in found["values"]}


def test_a_message_leads_to_every_place_where_it_had_an_effect(trace) -> None:
    found = trace("--forward", "web:m1")
    assert found["fates"] == [{"fate": "kept", "messages": 1}, {"fate": "duplicate", "messages": 1}]
    assert found["profiles"] == [ANN]
    tables = rows_of(found)
    for table in ("silver.customer_records", "silver.identifiers", "identity.edges", "gold.events", "gold.profiles"):
        assert tables[table] >= 1, table
    assert {(item["destination"], item["rows"]) for item in found["exports"]} == {("email_tool", 1), ("ad_platform", 1)}
    assert found["other_exports"] == []
    assert "@" not in json.dumps(found)


def test_a_file_leads_on_with_the_fate_of_each_of_its_messages(trace) -> None:
    found = trace("--forward", "shop/file")
    assert found["lines"][0]["lines"] == 3
    assert found["fates"] == [{"fate": "kept", "messages": 2}, {"fate": "header", "messages": 1}]
    assert {"gold.orders", "gold.campaign_performance"} <= set(rows_of(found))
    one = trace("--forward", "shop/file:3")
    assert one["lines"][0]["first_line"] == 3
    web = {item["fate"]: item["messages"] for item in trace("--forward", "web/file")["fates"]}
    assert (web["quarantined"], web["duplicate"]) == (1, 1)


def test_a_message_of_a_batch_does_not_lead_to_what_its_neighbour_did(trace) -> None:
    ben, cat = profile_id("ben"), profile_id("cat")
    assert trace("--forward", "web:m3")["profiles"] == [ben]
    assert trace("--forward", "web:m4")["profiles"] == [cat]


def key_of(told: SmallLake, clew: Any, table: str) -> list[str]:
    """The key of some row, as ``clew query`` prints it."""
    node = Lineage(told.lake.contracts).node(table)
    assert node is not None
    sql = f"SELECT {', '.join(node.key)} FROM {table} ORDER BY ALL LIMIT 1"
    ran = clew("query", "--release", "live", "--format", "csv", sql, home=told.lake.settings.home)
    _, row = csv.reader(ran.out.splitlines())
    return row


@pytest.mark.parametrize("table", traceable(Lineage(Contracts())))
def test_a_row_of_every_traceable_table_leads_to_bronze_by_its_key_as_a_query_prints_it(
    told, clew, trace, table: str
) -> None:
    found = trace(table, *key_of(told, clew, table))
    assert found["rows"] == 1
    assert rows_of(found)[table] == 1
    assert [name for name in rows_of(found) if name.startswith("bronze.")]
    if not table.startswith("bronze."):
        lines = (f"{line['file']}:{line['line']}" for line in found["lines"])
        assert any(table in rows_of(trace("--forward", line)) for line in lines)


@pytest.mark.parametrize(
    "since", ["2017-12-28T09:00:00.458Z", "2017-12-28 09:00:00.458000+00:00", "2017-12-28 09:00:00Z"]
)
def test_a_time_in_a_key_is_read_in_whatever_form_clew_prints_it(trace, since: str) -> None:
    assert trace("identity.stitches", "anonymous:ann", since)["rows"] == 1
    assert trace("silver.customer_records", "web:m1", f"occurred_at={since[:10]} 09:00:00Z")["rows"] == 1


@pytest.mark.parametrize("source", sorted(Contracts().sources))
def test_a_file_of_every_source_leads_forward(trace, source: str) -> None:
    found = trace("--forward", f"{source}/file")
    assert found["lines"][0]["source"] == source
    assert found["fates"]


def test_forward_finds_whatever_backward_came_from(trace, told) -> None:
    for table, key in (("gold.orders", [BASKET]), ("gold.consent_state", [ANN, "advertising"]),
                       ("gold.campaign_performance", [CAMPAIGN])):  # fmt: skip
        lines = trace(table, *key)["lines"]
        assert lines
        for line in lines:
            assert table in rows_of(trace("--forward", f"{line['file']}:{line['line']}")), (table, line)


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        ("profiles a --column email", 2, "gold.profiles has no column email"),
        ("profile x", 2, "there is no table profile to trace"),
        ("profiles", 2, "name the row by its profile_id"),
        ("identity.stitches anonymous:ann yesterday", 2, "what was given for since is no timestamp"),
        ("bronze.web first", 2, "what was given for position is no bigint"),
        ("bronze.web 1.5", 1, "bronze.web has no row with this position"),
        ("profiles nobody", 1, "gold.profiles has no row with this profile_id"),
        ("--forward web/file:99999999999999999999999", 1, "web/file has no line 99999999999999999999999"),
        ("profiles a b", 2, "2 values were given, but a row of gold.profiles is named by profile_id"),
        ("profiles a --column emial", 2, "gold.profiles has no column emial"),
        ("orders a --column sales_value", 2, "gold.orders.sales_value is no value that survived others"),
        ("ops.runs a", 2, "ops.runs is made of no other table's rows"),
        ("exports/email_tool/7 a", 2, "there is no export exports/email_tool/7"),
        ("exports/email_tool/1 nobody", 1, "this profile is not in that export"),
        ("--forward web/none", 1, "no file and no message of this name has landed from web"),
        ("--forward tv:1", 1, "no file and no message of this name has landed"),
        ("", 2, "name a row, or what to follow forward"),
        ("profiles a --forward web/file", 2, "--forward takes a file or a message only"),
    ],
)
def test_what_cannot_be_traced_is_refused_with_what_is_allowed(
    told, clew, arguments: str, code: int, what: str
) -> None:
    ran = clew("trace", *arguments.split(), home=told.lake.settings.home)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(f"error: {what}")
    assert "  do:    " in ran.err


def test_a_reader_is_told_what_their_role_may_not_follow_and_is_shown_none_of_it(told, clew, monkeypatch) -> None:
    home = told.lake.settings.home
    monkeypatch.setattr("clew.traced.opened.settings", lambda: Settings(home=home, role="analyst"))
    ran = clew("trace", "orders", BASKET, "--json", home=home)
    found = json.loads(ran.out)
    assert "bronze.shop" in found["closed"]
    assert not [table for table in rows_of(found) if table in found["closed"]]
    refused = clew("trace", "profile_contact", ANN, home=home)
    assert refused.code == 2
    assert refused.err.startswith("error: gold.profile_contact is not for the role analyst")


def test_the_text_is_a_tree_and_the_page_draws_it(told, clew, tmp_path: Path) -> None:
    file = tmp_path / "trace.html"
    ran = clew("trace", "orders", BASKET, "--html", str(file), home=told.lake.settings.home)
    assert ran.out.splitlines()[:5] == [
        f"gold.orders order_id={BASKET}: 1 row",
        f"gold.orders  1 row: {BASKET}",
        "└─ gold.events  2 rows: shop:m2, shop:m3",
        "   └─ silver.events  2 rows: shop:m2, shop:m3",
        "      └─ bronze.shop  2 rows: 2, 3",
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    page = file.read_text(encoding="utf-8")
    assert 'class="graph"' in page
    assert "bronze.shop: 2 rows" in page
    forward = clew("trace", "--forward", "shop/file", "--html", str(file), home=told.lake.settings.home)
    assert "exports still held" in forward.out
    assert "What became of its messages" in file.read_text(encoding="utf-8")


def test_every_mart_says_by_declaration_what_it_is_made_of_and_the_columns_are_there() -> None:
    lineage = Lineage(Contracts())
    marts = [node for node in lineage.nodes.values() if node.is_mart]
    assert len(marts) >= 10
    assert [node.name for node in marts if not node.made_of] == []
    assert list(wrong_origins(HERE)) == []


def test_an_origin_that_names_what_is_not_there_is_found_by_the_check(tmp_path: Path) -> None:
    root = shutil.copytree(HERE, tmp_path / "contracts")
    file = root / "tables" / "silver" / "consents.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("{same: {event_id: event_id}}", "{same: {event_id: id}}"))
    (problem,) = wrong_origins(root)
    assert (problem.field, problem.what) == ("made_of.silver.events", "silver.events has no column id")


def test_the_words_by_which_a_mart_tells_its_events_are_those_of_its_sql() -> None:
    lineage = Lineage(Contracts())
    told = 0
    for node in lineage.nodes.values():
        every = [origin for origins in node.made_of.values() for origin in origins]
        for word in (word for origin in every for word in origin.only.get("event", ())):
            told += 1
            assert f"'{word}'" in lineage.models[node.name.removeprefix("gold.")].sql, (node.name, word)
    assert told >= 4


def test_duckdb_reads_every_staging_model_and_sees_the_columns_that_its_text_names(told, monkeypatch) -> None:
    monkeypatch.setenv("CLEW_HOME", str(told.lake.settings.home))
    lineage = Lineage(told.lake.contracts)
    opened = open_lineage("live", lineage, lineage.nodes)
    staging = [m for m in lineage.models.values() if m.path.parent.name == "staging" and "contracts" not in m.name]
    assert len(staging) >= 6
    for model in staging:
        columns = [name for name in opened.columns(opened.view(STAGING + model.name)) if not name.startswith("_its_")]
        assert tuple(columns) == staged_columns(model.sql), model.name


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "names at least one column"),
        ({"same": {"a": "b"}, "via": "gold.x"}, "give both or none"),
        ({"same": {"a": "b"}, "via": "gold.x", "joined": {"a": "b"}}, "by `joined` alone"),
        ({"same": {"a": "b; drop table x"}}, "string_pattern_mismatch|match pattern"),
    ],
)
def test_an_origin_that_tells_no_rows_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Origin.model_validate(given)


@pytest.mark.parametrize(
    ("payload", "part", "text"),
    [
        ('{"batch": [{"a": 1}, {"a": 2}]}', 1, '{"a": 2}'),
        ('[{"a": 1}, {"a": 2}]', 0, '{"a": 1}'),
        ('\ufeff{"a": 1}\r', 0, '{"a": 1}'),
        ("a,b", 0, "a,b"),
        ('{"batch": [{"a": 1}]}', 3, None),
        ('{"broken', 0, '{"broken'),
        (None, 0, None),
    ],
)
def test_a_message_is_cut_out_of_its_line(payload: str | None, part: int, text: str | None) -> None:
    assert message_text(payload, part) == text
