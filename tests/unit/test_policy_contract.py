"""What is refused in a consent policy, and between it and other contracts: one wrong line each, and the message."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import HERE
from contracts.base import load_yaml
from contracts.check import check_policy
from contracts.consent_case import CaseTable
from contracts.errors import ContractError
from contracts.purpose import Policy

POLICY = HERE / "consent" / "purposes.yml"


def changed(tmp_path: Path, source: Path, *steps: str, to: Any) -> Path:
    """A copy of a contract in which one field is another."""
    data = yaml.safe_load(source.read_text(encoding="utf-8"))
    place = data
    for step in steps[:-1]:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[steps[-1]] = to
    path = tmp_path / source.name
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("steps", "to", "says"),
    [
        (("purposes", "service", "default"), "yes", "purposes.service.default: Input should be 'no'"),
        (("purposes", "service", "legal_basis"), "habit", "purposes.service.legal_basis"),
        (("purposes", "service", "uses"), ["shoe_size"], "purposes.service.uses.0"),
        (("purposes", "service", "across"), "mildest", "purposes.service.across"),
        (
            ("purposes", "service", "allowed_in"),
            ["atlantis"],
            "purposes.service.allowed_in: atlantis is no jurisdiction",
        ),
        (("purposes", "service", "expires_after_days"), 30, "only a consent expires, and the legal basis is contract"),
        (("purposes", "service", "unknown_age"), "refuse", "unknown_age says nothing without minimum_age"),
        (("purposes", "research", "minimum_age"), None, "legal_basis: consent needs minimum_age"),
        (("purposes", "research", "topics"), {"all": "everything"}, "topics.all: exports say so of every topic"),
        (("purposes", "research", "overrides"), {"atlantis": {}}, "overrides: atlantis is no jurisdiction"),
        (("purposes", "research", "overrides"), {"elsewhere": {}}, "elsewhere is not in allowed_in"),
        (("purposes", "research", "expires"), 3, "purposes.research.expires: Extra inputs are not permitted"),
        (("jurisdictions", "california", "places"), ["US"], "US is already a place of united_states"),
        (("jurisdictions", "california", "places"), ["us-ca"], "jurisdictions.california.places.0"),
        (("jurisdictions", "unknown"), {"about": "nowhere", "places": ["XX"]}, "need not be declared"),
        (("jurisdiction_from",), ["postcode"], "jurisdiction_from.0"),
        (("settle",), "first_wins", "settle: Input should be 'latest_then_strictest'"),
    ],
)
def test_a_wrong_policy_is_refused_with_its_field(steps: tuple[str, ...], to: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load_yaml(changed(tmp_path, POLICY, *steps, to=to), Policy)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("source", "steps", "to", "says"),
    [
        (
            "consent/purposes.yml",
            ("purposes", "email_marketing", "destinations"),
            [],
            "purpose: the policy does not list email_tool under the destinations of email_marketing",
        ),
        (
            "consent/purposes.yml",
            ("purposes", "email_marketing", "destinations"),
            ["email_tool", "fax"],
            "purposes.email_marketing.destinations.1: fax is no destination (allowed: ad_platform, email_tool)",
        ),
        (
            "consent/purposes.yml",
            ("purposes", "research", "destinations"),
            ["ad_platform"],
            "purposes.research.destinations.0: ad_platform is exported for advertising",
        ),
        (
            "consent/purposes.yml",
            ("purposes", "advertising", "uses"),
            ["pseudonymous"],
            "fields.email_sha256.from: email is contact data, which advertising may not use (allowed: pseudonymous)",
        ),
        (
            "consent/purposes.yml",
            ("purposes", "advertising", "uses"),
            ["contact"],
            "purpose: every row names its profile, and advertising may not use pseudonymous data",
        ),
        (
            "consent/purposes.yml",
            ("purposes", "email_marketing", "topics"),
            {"offers": "coupons and prices"},
            "properties.topic.allowed: recipes is no topic of the policy (allowed: offers)",
        ),
        ("exports/email_tool.yml", ("purpose",), "spam", "purpose: spam is no purpose"),
        ("exports/email_tool.yml", ("topic",), "weather", "topic: weather is no topic of email_marketing"),
        (
            "exports/email_tool.yml",
            ("topic",),
            None,
            "topic: people refuse topics of email_marketing alone, so say which it is about (allowed: offers, recipes, "
            "all)",
        ),
        ("exports/ad_platform.yml", ("topic",), "all", "topic: all is no topic of advertising"),
        (
            "events/consent/consent_changed.yml",
            ("properties", "purpose", "allowed"),
            ["measurement", "spam"],
            "properties.purpose.allowed: spam is no purpose of the policy",
        ),
        (
            "events/consent/consent_changed.yml",
            ("properties", "purpose", "allowed"),
            [],
            "consent.purpose: properties.purpose tells the purpose of a consent, so the event must list what it may be",
        ),
        (
            "events/email/email_unsubscribed.yml",
            ("consent", "status"),
            "annoyed",
            "consent.status: annoyed is no status of the policy",
        ),
        (
            "consent/cases/answers.yml",
            ("cases", "0", "status"),
            "granted",
            "cases.0: nothing was ever said, so the answer is no: status is no_consent_known, "
            "and the case expects granted",
        ),
        (
            "consent/cases/answers.yml",
            ("cases", "0", "purpose"),
            "spam",
            "cases.0: nothing was ever said, so the answer is no: spam is no purpose",
        ),
    ],
)
def test_what_contradicts_the_policy_is_named_with_its_place(
    source: str, steps: tuple[str, ...], to: Any, says: str, tmp_path: Path
) -> None:
    root = tmp_path / "contracts"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns("*.py", "__pycache__", "tables", "schemas"))
    assert check_policy(root)[2] == ()
    changed(root / Path(source).parent, root / source, *steps, to=to)
    found = [str(problem) for problem in check_policy(root)[2]]
    assert any(says in line for line in found), found


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ([{"status": "maybe", "given_at": "2017-03-01T10:00:00Z"}], "cases.0.statements.0.status"),
        ([{"status": "granted"}], "cases.0.statements.0.given_at: Field required"),
        (
            [{"event": "s2", "status": "granted", "given_at": "2017-03-01T10:00:00Z"}] * 2,
            "two statements have one name",
        ),
    ],
)
def test_what_is_no_statement_is_refused(to: Any, says: str, tmp_path: Path) -> None:
    source = HERE / "consent" / "cases" / "answers.yml"
    with pytest.raises(ContractError) as caught:
        load_yaml(changed(tmp_path, source, "cases", "0", "statements", to=to), CaseTable)
    assert says in str(caught.value)


def test_an_override_takes_the_place_of_what_holds_for_all() -> None:
    advertising = load_yaml(POLICY, Policy).purposes["advertising"]
    assert advertising.limits("european_union").expires_after_days == 395
    assert advertising.limits("united_states").expires_after_days == 730
    assert advertising.limits("california").unknown_age == "refuse"
    assert not advertising.limits("elsewhere").is_allowed
