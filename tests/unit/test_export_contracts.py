"""Purposes, the consent policy and export contracts: examples and anti-examples are tests."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from activation import convert, decide
from contracts import Contracts
from contracts.base import load_yaml
from contracts.errors import ContractError
from contracts.export import Converter, Destination, ExampleLink

CONTRACTS = Contracts()
DESTINATIONS = sorted(CONTRACTS.destinations)


def decided(
    destination: Destination, profile: dict[str, Any], consent: str, link: ExampleLink | None = None
) -> dict[str, Any]:
    """Decide over one profile with one settled consent."""
    link = link or ExampleLink()
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA gold")
        columns = ", ".join(f'? AS "{name}"' for name in profile)
        connection.execute(
            "CREATE TABLE gold.profiles AS SELECT 'p-1' AS profile_id, ? AS link_kind, ?::DOUBLE AS link_probability",
            [link.kind, link.probability],
        )
        connection.execute(
            f"CREATE TABLE gold.profile_contact AS SELECT 'p-1' AS profile_id, {columns}", [*profile.values()]
        )
        connection.execute(
            "CREATE TABLE gold.consent_state AS SELECT 'p-1' AS profile_id, $1 AS purpose, $2 AS status, "
            "$2 = 'granted' AS may_use, NULL::VARCHAR AS topics_refused, 'consent:1' AS event_id, "
            "'2017-1' AS notice_version, now() AS given_at",
            [destination.purpose, consent],
        )
        connection.execute("CREATE TABLE gold.profile_identifiers (profile_id TEXT, identifier TEXT, value TEXT)")
        decide.decide(connection, destination, "1-0-0", 1, CONTRACTS.identity.mail_domains)
        found = connection.execute("SELECT * FROM decided")
        names = [column[0] for column in found.description]
        (row,) = found.fetchall()
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize("name", DESTINATIONS)
def test_the_examples_of_a_destination_are_exported_as_it_says(name: str) -> None:
    destination = CONTRACTS.destinations[name]
    for example in destination.examples:
        row = decided(destination, example.profile, example.consent, example.link)
        assert row["reason"] is None, example.about
        assert {field: row[field] for field in destination.fields} == example.row, example.about


@pytest.mark.parametrize("name", DESTINATIONS)
def test_the_anti_examples_of_a_destination_are_refused_as_it_says(name: str) -> None:
    destination = CONTRACTS.destinations[name]
    for example in destination.anti_examples:
        assert decided(destination, example.profile, example.consent, example.link)["reason"] == example.refused_as, (
            example.about
        )


@pytest.mark.parametrize("name", DESTINATIONS)
def test_a_destination_is_for_a_purpose_of_the_policy(name: str) -> None:
    assert CONTRACTS.destinations[name].purpose in CONTRACTS.policy.purposes


def test_a_purpose_says_what_reads_its_consents_and_no_more() -> None:
    """Exports and clustering alone act on consents so far; another user changes the words of its purpose."""
    linking = CONTRACTS.identity.linking
    for name, purpose in CONTRACTS.policy.purposes.items():
        exports = [d.destination for d in CONTRACTS.destinations.values() if d.purpose == name]
        said = f"the export {', '.join(sorted(exports))}" if exports else "nothing yet; "
        if linking and linking.purpose == name:
            said = "clustering"
        assert purpose.used_by.startswith(said), name


def test_every_converter_a_contract_may_name_exists() -> None:
    assert set(convert.MACROS) == set(Converter.__args__)  # type: ignore[attr-defined]


def _written(tmp_path: Path, source: str, **changes: Any) -> Path:
    data = yaml.safe_load((CONTRACTS.root / source).read_text())
    data.update(changes)
    path = tmp_path / "changed.yml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"retract": ""}, "retract"),
        ({"address": ["telephone"]}, "telephone is not one of the fields: email, first_name, last_name"),
        ({"audience": "vips"}, "vips must be `all` or begin with audience_"),
        ({"transport": "ftp"}, "transport: Extra inputs are not permitted"),
        (
            {"identity": {"least_probability": 1.2}},
            "identity.least_probability: Input should be less",
        ),
        ({"identity": {"kinds": ["founder", "likely"]}}, "identity.kinds.1"),
        ({"identity": {"kinds": ["founder", "probabilistic"]}}, "leaves out deterministic, inferred, which is firmer"),
        ({"identity": {"kind": ["founder"]}}, "identity.kind: Extra inputs are not permitted"),
        ({"fields": {"email": {"from": "email", "convert": "rot13", "about": "an address"}}}, "fields.email.convert"),
    ],
    ids=[
        "no retraction",
        "unknown address",
        "unknown audience",
        "unknown key",
        "an impossible probability",
        "an unknown kind",
        "a firmer kind left out",
        "an unknown word",
        "unknown converter",
    ],
)
def test_a_wrong_export_contract_is_refused_with_its_field(changes: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load_yaml(_written(tmp_path, "exports/email_tool.yml", **changes), Destination)
    assert says in str(caught.value)


def test_a_field_that_profiles_do_not_have_is_named_with_a_near_one() -> None:
    destination = CONTRACTS.destinations["email_tool"]
    with pytest.raises(ContractError) as caught:
        decided(destination, {"emial": "x@example.com", "first_name": None, "last_name": None}, "granted")
    assert "email (did you mean emial)" in str(caught.value)
