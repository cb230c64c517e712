"""What the consent policy says of an export: the version that decided its release, and the topics of its purpose."""

from typing import Any

import pytest

from activation.export import export
from lakehouse.errors import ContractError, DataError
from lakehouse.policies import take
from tests.unit.test_export import exported, open_gate, profile_of


def test_a_policy_changed_since_the_release_exports_nobody_until_a_run_takes_it(small: Any) -> None:
    small.release()
    policy = small.lake.contracts.policy
    small.lake.contracts.policy = policy.model_copy(update={"version": "9-0-0"})
    with pytest.raises(DataError) as caught:
        export(small.lake, small.run, "email_tool", open_gate)
    assert f"release 1 was decided by policy {policy.version}, and the one declared is 9-0-0" in str(caught.value)
    assert "clew run" in str(caught.value)
    take(small.lake, small.run)  # by a run that then died: the release is still of the policy before
    with pytest.raises(DataError, match="was decided by policy"):
        export(small.lake, small.run, "email_tool", open_gate)
    assert not list(small.lake.settings.exports.rglob("*.csv"))
    small.change("gold.consent_state", lambda rows: [row | {"policy_version": "9-0-0"} for row in rows])
    ((row,), _) = exported(small, "email_tool")
    assert row["policy_version"] == "9-0-0"


def test_a_policy_changed_under_its_version_since_it_was_taken_exports_nobody(small: Any) -> None:
    take(small.lake, small.run)
    small.release()
    small.lake.contracts.policy = small.lake.contracts.policy.model_copy(update={"why": "another"})
    with pytest.raises(ContractError, match="was changed and is still called"):
        export(small.lake, small.run, "email_tool", open_gate)


@pytest.mark.parametrize(
    ("destination_is_about", "refused", "rows"),
    [("offers", "offers", 0), ("offers", "recipes", 1), ("offers", "offers,recipes", 0), ("all", "recipes", 0),
     ("all", None, 1)],
)  # fmt: skip
def test_who_refused_or_paused_what_the_destination_is_about_is_not_exported(
    destination_is_about: str, refused: str | None, rows: int, small: Any
) -> None:
    declared = small.lake.contracts.destinations
    assert declared["email_tool"].topic == "offers", "the shipped one is for offers"
    declared["email_tool"] = declared["email_tool"].model_copy(update={"topic": destination_is_about})
    ann = profile_of(small, "Ann")
    small.change(
        "gold.consent_state",
        lambda rows: [row | ({"topics_refused": refused} if row["profile_id"] == ann else {}) for row in rows],
    )
    made, reasons = exported(small, "email_tool")
    assert (len(made), reasons["topic_refused"]) == (rows, 1 - rows)
