"""`clew check`: each kind of wrong contract, and the words with file, line, field and what is allowed."""

import json
import shutil
from pathlib import Path

import pytest

import contracts

HERE = Path(contracts.__file__).parent
WEB = "sources/web.yml"
CRM = "sources/crm.yml"
BOUGHT = "events/shop/item_purchased.yml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clew) -> Path:
    copy = tmp_path / "contracts"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    monkeypatch.setenv("CLEW_CONTRACTS", str(copy))
    return copy


def edit(file: Path, old: str, new: str) -> int:
    """Replace a text once and return the line it stands on."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is not once in {file.name}"
    file.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_our_own_contracts_are_right(clew, folder: Path) -> None:
    ran = clew("check")
    assert (ran.code, ran.err) == (0, "")
    assert " event, " in ran.out


def test_a_daily_run_does_not_begin_with_contracts_that_are_wrong(clew, folder: Path, tmp_path: Path) -> None:
    line = edit(folder / BOUGHT, "sources: [shop]", "sources: [shopp]")
    ran = clew("run", home=tmp_path / "workspace")
    assert ran.code == 2
    assert f"{BOUGHT}, line {line}" in ran.err
    assert not (tmp_path / "workspace" / "lake").exists()


WRONG = {
    "an export of a column that profiles do not have": (
        "exports/email_tool.yml",
        "from: first_name",
        "from: firstname",
        "fields.first_name.from: firstname is no column of gold.profiles or gold.profile_contact",
        "first_name",
    ),
    "an export to an audience that is not there": (
        "exports/email_tool.yml",
        "audience: all",
        "audience: audience_nobody",
        "audience: audience_nobody is no audience",
        "audience_coupon_lovers",
    ),
    "an unknown field": (WEB, "owner: web_team", "ownr: web_team", "ownr: Extra inputs", "owner"),
    "a wrong word": (
        WEB,
        "envelope: segment",
        "envelope: segmnt",
        "envelope: Input should be 'segment' or",
        "",
    ),
    "a delimiter that is no delimiter": (
        CRM,
        "type: csv\n",
        'delimiter: "\\\\"\n  type: csv\n',
        "format.delimiter: Input should be ',', ';', '\\t' or '|'",
        "",
    ),
    "a source that is not there": (
        BOUGHT,
        "sources: [shop]",
        "sources: [shp]",
        "sources.0: shp is no source",
        "shop",
    ),
    "an event under another name": (
        BOUGHT,
        "event: item_purchased",
        "event: bought",
        "bought is declared in",
        "",
    ),
    "a journey under another name": (
        "journeys/shopping.yml",
        "journey: shopping",
        "journey: other",
        "other is declared in",
        "",
    ),
    "an undeclared purpose": (
        "exports/email_tool.yml",
        "purpose: email_marketing",
        "purpose: spam",
        "purpose: spam is no purpose",
        "email_marketing",
    ),
    "a field that is no column": (
        CRM,
        "birthDate: birth_date",
        "birthDate: birthdate",
        "maps.0.traits.birthDate.field: birthdate is no column of this source",
        "updated_at, birth_date",
    ),
    "one of several fields that is no column": (
        CRM,
        "income_band, household_size, updated_at]\n",
        "income_band, household_size, changed_at]\n",
        "maps.0.message_id.fields.14: changed_at is no column of this source",
        "updated_at, birth_date",
    ),
    "a condition on what is no column": (
        "sources/shop.yml",
        "when: {field: kind, is_one_of: [redemption]}",
        "when: {field: sort, is_one_of: [redemption]}",
        "maps.2.when.field: sort is no column of this source",
        "kind, basket_id",
    ),
    "a record at what is no field of a message": (
        WEB,
        "kind: account, path: user_id",
        "kind: account, path: userId",
        "record.0.path: String should match pattern '^(message_id|anonymous_id|user_id|(properties|traits|context)",
        "",
    ),
    "an identifier at a map as a whole": (
        WEB,
        "path: traits.email",
        "path: traits",
        "identifiers.3.path: String should match pattern '^(message_id|anonymous_id|user_id|(properties|traits|",
        "",
    ),
    "a record at what no mapping writes": (
        "sources/email.yml",
        "kind: mailbox, path: traits.email",
        "kind: mailbox, path: traits.mail",
        "record.0.path: no mapping writes traits.mail",
        "(allowed: traits.email)",
    ),
    "an identifier that no mapping writes": (
        CRM,
        "identifier: crm_id, path: traits.customerId",
        "identifier: crm_id, path: user_id",
        "identifiers.0.path: no mapping writes user_id",
        "message_id, traits.ageBand",
    ),
    "an identifier that no event declares": (
        "sources/app.yml",
        "path: properties.loyalty_id",
        "path: properties.loyaltyId",
        "identifiers.6.path: no event of app declares properties.loyaltyId",
        "properties.loyalty_id, ",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_contract_is_told_with_file_line_field_and_what_is_allowed(clew, folder: Path, case: str) -> None:
    name, old, new, what, allowed = WRONG[case]
    line = edit(folder / name, old, new)
    ran = clew("check")
    assert ran.code == 2
    told = [text for text in ran.out.splitlines() if text.startswith(f"{folder / name}:{line}: ")]
    assert any(what in text and allowed in text for text in told), ran.out
    problem = next(item for item in json.loads(clew("check", "--json").out)["problems"] if item["line"] == line)
    assert set(problem) == {"file", "line", "field", "what", "allowed"}


def test_broken_yaml_is_told_with_its_line(clew, folder: Path) -> None:
    (folder / WEB).write_text("source: web\nversion: [1\nowner: x\n", encoding="utf-8")
    ran = clew("check")
    assert ran.code == 2
    assert f"{folder / WEB}:3: (whole file): not a valid YAML file" in ran.out


def test_a_file_where_nothing_is_read_is_not_ignored_in_silence(clew, folder: Path) -> None:
    (folder / "events" / "stray.yml").write_text("event: stray\n", encoding="utf-8")
    ran = clew("check")
    assert ran.code == 2
    assert "no declaration is read from this place (allowed: sources/*.yml, events/*/*.yml" in ran.out


def test_all_problems_are_told_at_once(clew, folder: Path) -> None:
    edit(folder / WEB, "owner: web_team", "ownr: web_team")
    edit(folder / BOUGHT, "sources: [shop]", "sources: [shp]")
    ran = clew("check")
    assert WEB in ran.out
    assert BOUGHT in ran.out


def test_schemas_are_written_for_editors_and_told_when_stale(clew, folder: Path) -> None:
    ran = clew("check", "--write-schemas")
    assert ran.code == 0
    schema = json.loads((folder / "schemas" / "event.schema.json").read_text())
    assert schema["title"] == "Event"
    assert schema["additionalProperties"] is False
    (folder / "schemas" / "event.schema.json").write_text("{}")
    stale = clew("check")
    assert stale.code == 2
    assert "run clew check --write-schemas" in stale.out
