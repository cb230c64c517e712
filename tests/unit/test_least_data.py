"""Each column has a class and a purpose, no mart for analysts reveals who somebody is, and the map of flows is true."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from contracts import Contracts, flow
from contracts.base import load_yaml
from contracts.check import check, write_docs
from contracts.least_data import unclassed
from contracts.purpose import Policy
from contracts.table import Table

CONTRACTS = Contracts()
MART = """models:
  - name: other
    columns: []
  - name: orders
    config:
      meta: {key: [order_id]}
    columns:
      - name: order_id
        config: {meta: {class: pseudonymous, purpose: measurement}}
      - name: buyer
        config: {meta: {class: behavioural, purpose: measurement}}
"""
TABLE = """name: gold.facts
grain: one row per fact
about: facts
owner: platform
writer: nobody
write_mode: append
engine: spark
purpose: measurement
key: [fact]
columns:
  fact: {type: string, about: the fact, privacy: none}
  said: {type: string, about: what was said, privacy: free_text, purpose: service}
"""


def problems(folder: Path, mart: str = MART, table: str = TABLE) -> list[str]:
    """The problems of one mart and one table, as file:line: field: what."""
    (folder / "marts").mkdir()
    (folder / "marts" / "orders.yml").write_text(mart)
    declared = folder / "facts.yml"
    declared.write_text(table)
    policy = CONTRACTS.root / "consent" / "purposes.yml"
    loaded: dict[str, dict[Path, Any]] = {
        "policy": {policy: load_yaml(policy, Policy)},
        "table": {declared: load_yaml(declared, Table)},
    }
    return [
        f"{Path(found.file).name}:{found.line}: {found.field}: {found.what} {found.allowed}"
        for found in unclassed(loaded, folder)
    ]


def test_what_is_classed_and_has_a_purpose_is_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{class: behavioural, purpose: measurement}", "{purpose: measurement}",
         "orders.yml:11: models.1.columns.1.config.meta.class: buyer has no privacy class ('none', 'pseudonymous', "),
        ("{class: behavioural, purpose: measurement}", "{class: secret, purpose: measurement}",
         "orders.yml:11: models.1.columns.1.config.meta.class: buyer has no privacy class"),
        ("{class: behavioural, purpose: measurement}", "{class: behavioural}",
         "orders.yml:11: models.1.columns.1.config.meta.purpose: buyer has no purpose ('measurement', "),
        ("{class: behavioural, purpose: measurement}", "{class: behavioural, purpose: curiosity}",
         "orders.yml:11: models.1.columns.1.config.meta.purpose: curiosity is no purpose ('measurement', "),
        ("class: behavioural", "class: contact",
         "orders.yml:11: models.1.columns.1.config.meta.class: buyer is contact, and analysts read orders: have it in "
         "gold.profile_contact, or keep analysts out of the whole mart by restricted: true under config.meta"),
        ("class: behavioural", "class: raw",
         "orders.yml:11: models.1.columns.1.config.meta.class: buyer is raw, and analysts read orders"),
        ("class: behavioural", "class: free_text",
         "orders.yml:11: models.1.columns.1.config.meta.class: buyer is free_text, and analysts read orders"),
        ("{class: behavioural, purpose: measurement}", "{class: behavioural, purpose: advertising}",
         "orders.yml:11: models.1.columns.1.config.meta: buyer is behavioural data, which advertising may not use "
         "('none', 'pseudonymous', 'contact')"),
        ("{key: [order_id]}", "{key: [order_id], restricted: true}",
         "orders.yml:6: models.1.config.meta.restricted: no column of orders needs it to be restricted"),
    ],
)  # fmt: skip
def test_a_mart_column_that_is_wrong_is_told_with_file_and_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert MART.count(old) == 1
    (told,) = problems(tmp_path, mart=MART.replace(old, new))
    assert told.startswith(says)


def test_a_mart_may_give_the_purpose_of_its_columns_and_be_restricted(tmp_path: Path) -> None:
    mart = MART.replace("{key: [order_id]}", "{key: [order_id], purpose: service, restricted: true}")
    assert problems(tmp_path, mart=mart.replace("{class: behavioural, purpose: measurement}", "{class: contact}")) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (", privacy: none}", "}", "facts.yml:11: columns.fact.privacy: fact has no privacy class ('none', "),
        ("purpose: measurement", "purpose: whatever is useful",
         "facts.yml:8: purpose: whatever is useful is no purpose ('measurement', "),
        ("purpose: service", "purpose: curiosity", "facts.yml:12: columns.said.purpose: curiosity is no purpose"),
        (", purpose: service", "",
         "facts.yml:12: columns.said: said is free_text data, which measurement may not use ('none', "),
    ],
)  # fmt: skip
def test_a_table_column_that_is_wrong_is_told_with_file_and_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert TABLE.count(old) == 1
    (told,) = problems(tmp_path, table=TABLE.replace(old, new))
    assert told.startswith(says)


def test_a_map_is_classed_by_the_most_that_a_part_reveals_and_used_by_its_parts(tmp_path: Path) -> None:
    said = "said: {type: string, about: what was said, privacy: free_text, purpose: service}"
    parts = 'said: {type: "map<string,string>", about: what was said, privacy: raw}'
    assert problems(tmp_path, table=TABLE.replace(said, parts)) == []


def test_the_platform_itself_is_a_purpose_and_no_export_has_it(tmp_path: Path) -> None:
    assert problems(tmp_path, table=TABLE.replace("purpose: measurement", "purpose: operation")) == []
    assert "operation" not in CONTRACTS.policy.purposes


def test_no_mart_for_analysts_has_a_column_that_names_or_reaches_a_person() -> None:
    names = {"email", "phone", "first_name", "last_name", "birth_date", "street", "postcode", "loyalty_id"}
    open_marts = [mart for mart in CONTRACTS.marts.values() if not mart.is_restricted]
    assert len(open_marts) > 8
    for mart in open_marts:
        assert not names & set(mart.privacy), mart.name
    assert names <= set(CONTRACTS.marts["gold.profile_contact"].privacy)


def test_the_map_names_every_source_table_purpose_and_destination() -> None:
    text = flow.page(CONTRACTS)
    for name in (*CONTRACTS.marts, *(name for name in CONTRACTS.tables if name != "bronze.<source>")):
        assert f"| `{name}` | " in text, name
    for name in (*CONTRACTS.sources, *CONTRACTS.destinations, *CONTRACTS.policy.purposes, "operation"):
        assert f"| {name} | " in text, name
    contact = next(line for line in text.splitlines() if line.startswith("| `gold.profile_contact` | "))
    assert "`silver.customer_records`" in contact
    assert "restricted | engineer, steward, privacy, activation |" in contact
    sent = next(line for line in text.splitlines() if line.startswith("| email_tool | "))
    assert "`gold.profile_contact`, `gold.profiles`" in sent


def test_the_picture_opens_by_itself_with_a_box_for_everything_that_flows() -> None:
    picture = ElementTree.fromstring(flow.picture(CONTRACTS))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    named = {item.text for item in picture.iter(f"{space}text")}
    shown = {
        name for name in (*CONTRACTS.marts, *CONTRACTS.tables) if name.split(".")[0] in ("silver", "identity", "gold")
    }
    assert shown | set(CONTRACTS.sources) | set(CONTRACTS.destinations) <= named
    boxes = list(picture.iter(f"{space}rect"))
    corners = {(box.get("x"), box.get("y")) for box in boxes}
    assert len(corners) == len(boxes), "no two boxes lie on each other"
    restricted = [group for group in picture.iter(f"{space}g") if group.get("class") == "restricted"]
    assert {group[1].text for group in restricted} >= {"gold.profile_contact", "silver.events", "bronze.web"}
    assert len(list(picture.iter(f"{space}path"))) > 50
    assert not any(item.get("href") for item in picture.iter())


def test_a_map_that_is_stale_is_a_problem(tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "contracts"
    shutil.copytree(CONTRACTS.root, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    assert {Path(item.file).name for item in check(root).problems} == {"data-flow.md", "data-flow.svg"}
    assert {path.name for path in write_docs(root)} == {"data-flow.md", "data-flow.svg"}
    assert check(root).problems == ()
    page = tmp_path / "docs" / "reference" / "data-flow.md"
    page.write_text(page.read_text().replace("email_tool", "e-mail tool"))
    (stale,) = check(root).problems
    assert stale.what == "not what the declarations say: run clew check --write-docs"


def test_the_map_that_is_kept_is_the_present_one() -> None:
    kept = CONTRACTS.root.parent / flow.FOLDER
    assert (kept / flow.PAGE).read_text() == flow.page(CONTRACTS)
    assert (kept / flow.PICTURE).read_text() == flow.picture(CONTRACTS)
