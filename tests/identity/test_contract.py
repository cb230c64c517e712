"""The identity contract refuses what it cannot mean, with the file, the line and what is allowed."""

import pytest
import yaml

from contracts.base import load_yaml
from contracts.catalog import HERE, Contracts
from contracts.errors import ContractError
from contracts.identity import IdentityRules

TEXT = (HERE / "identity.yml").read_text(encoding="utf-8")


def refusal(tmp_path, change):
    declared = yaml.safe_load(TEXT)
    change(declared)
    path = tmp_path / "identity.yml"
    path.write_text(yaml.safe_dump(declared), encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_yaml(path, IdentityRules)
    return str(caught.value)


def test_the_contract_loads_and_knows_whose_identifiers_are_exclusive():
    assert Contracts().identity.exclusive == ("user_id", "loyalty_id")


def test_an_unknown_field_is_refused_with_its_line(tmp_path):
    path = tmp_path / "identity.yml"
    path.write_text(TEXT.replace("    gap_days: 1825", "    gap_dayz: 1825"), encoding="utf-8")
    with pytest.raises(ContractError, match="gap_dayz"):
        load_yaml(path, IdentityRules)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["probabilistic"].update(review_weight=99.0), "review_weight must be below link_weight"),
        (lambda c: c["identifiers"]["phone"].update(priority=6), "have the same priority 6"),
        (lambda c: c["identifiers"]["device_id"].update(reliability=0.9999), "is declared more reliable"),
        (lambda c: c["identifiers"]["email"].pop("plus_tags"), "plus_tags is required for the standard email"),
        (lambda c: c["identifiers"]["user_id"].update(gap_days=9), "a one_person value never changes hands"),
        (lambda c: c["identifiers"]["user_id"].update(infers=True), "a one_person value says who it is"),
        (lambda c: c["attributes"]["name_likeness"].update(first_name=1.5), "less than or equal to 1"),
        (
            lambda c: c["identifiers"]["phone"].update(domains=c["identifiers"]["email"]["domains"]),
            "domains are those of mailboxes",
        ),
        (
            lambda c: c["identifiers"]["phone"]["blocked_patterns"][0].update(pattern="("),
            "not a regular expression",
        ),
        (lambda c: c["identifiers"]["phone"].update(anti_examples=[]), "at least 1 item"),
        (
            lambda c: c.pop("visits"),
            "between_logins and names_visitor need visits, which says what names the browser and what the account",
        ),
        (
            lambda c: c["visits"].update(account="member_no"),
            "visits.account is member_no, for which there is no identi",
        ),
        (
            lambda c: c["visits"].update(browser="loyalty_id"),
            "visits.browser is loyalty_id, which is not of the standa",
        ),
        (lambda c: c["visits"].update(account="email"), "visits.account is email, which is not one_person"),
        (
            lambda c: (
                c["identifiers"]["device_id"].update(one_person=True, infers=False),
                c["visits"].update(browser="device_id", account="device_id"),
            ),
            "visits.browser and visits.account are one identifier",
        ),
    ],
)
def test_a_contradiction_in_the_contract_is_refused(tmp_path, change, message):
    assert message in refusal(tmp_path, change)
