"""The exports gate: one bad row in a staged file for each of its rules, and the message about it."""

import csv
import datetime
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activation.export import export, folder, read_manifest, stage
from contracts.link import IdentityMinimum
from contracts.permission import Moment
from expectations import exports
from expectations.gate import check_staged, closed
from expectations.suite import Scene
from identity.standardise import email
from lakehouse.consent import state_sql
from lakehouse.errors import GateClosed
from lakehouse.run import Run
from tests.conftest import SmallLake, profile_id
from tests.expectations.conftest import staged_rules

Rows = list[dict[str, str]]
AT = datetime.datetime(2018, 1, 1, tzinfo=datetime.UTC)


def edit(staged: Path, change: Callable[[Rows], None]) -> None:
    """Change the staged rows; the manifest's count follows, so that only the rule in question breaks."""
    with (staged / "data.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        columns, rows = list(reader.fieldnames or ()), list(reader)
    assert rows, "nothing was staged"
    change(rows)
    with (staged / "data.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def put(**values: str) -> Callable[[Rows], None]:
    return lambda rows: rows[0].update(values)


def again(**values: str) -> Callable[[Rows], None]:
    return lambda rows: rows.append({**rows[0], **values})


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


CASES = [
    ("email_tool", "one_row_per_person", again()),
    ("email_tool", "profile_id_is_on_the_receipt", put(profile_id="")),
    ("email_tool", "consent_event_id_is_on_the_receipt", put(consent_event_id="")),
    ("email_tool", "notice_version_is_on_the_receipt", put(notice_version="")),
    ("email_tool", "policy_version_is_on_the_receipt", put(policy_version="")),
    ("email_tool", "link_kind_is_on_the_receipt", put(link_kind="")),
    ("email_tool", "link_probability_is_on_the_receipt", put(link_probability="")),
    ("email_tool", "release_is_on_the_receipt", put(release="")),
    ("email_tool", "policy_version_is_the_present_one", put(policy_version="0-9-0")),
    ("email_tool", "release_is_the_present_one", put(release="7")),
    ("email_tool", "link_kind_is_a_known_value", put(link_kind="guessed")),
    ("email_tool", "no_row_says_more_than_its_links", put(link_kind="founder")),
    ("email_tool", "no_row_says_more_than_its_links", put(link_probability="1.0")),
    ("email_tool", "no_row_says_more_than_its_links", put(link_probability="sure")),
    ("email_tool", "every_consent_event_says_yes", put(consent_event_id="consent:m4")),  # Ben's withdrawal
    ("email_tool", "every_consent_event_is_the_persons_own", put(consent_event_id="consent:m9")),  # Gus's yes
    ("email_tool", "nobody_said_no_later", put(profile_id="p-ben", consent_event_id="consent:m3")),
    ("email_tool", "the_policy_permits_every_row", put(consent_event_id="consent:m9")),
    ("email_tool", "nobody_refused_the_email", put(email="Ben@Example.com")),
    ("ad_platform", "nobody_refused_the_email_sha256", put(email_sha256=sha256("ben@example.com"))),
    ("ad_platform", "nobody_refused_the_phone_sha256", put(phone_sha256=sha256("+18005550101"))),
    ("email_tool", "every_row_can_be_matched", put(email="")),
    ("email_tool", "every_row_is_a_profile_of_the_release", put(profile_id="p-nobody")),
    ("email_tool", "the_manifest_counts_the_rows", again(profile_id="p-more")),
    ("email_tool", "one_row_per_email", again(profile_id="p-more")),
    ("ad_platform", "email_sha256_is_hashed", put(email_sha256="ann@example.com")),
    ("ad_platform", "phone_sha256_is_hashed", put(phone_sha256="+18005550100")),
    ("email_tool", "no_cell_is_a_formula", put(first_name="=1+1")),
    ("email_tool", "no_cell_is_a_formula", put(first_name=" =1+1")),
    ("email_tool", "no_cell_is_a_formula", put(last_name="Lee;=1+1")),
    ("ad_platform", "no_cell_is_a_formula", put(notice_version="@SUM(1+1)")),
    ("email_tool", "no_cell_is_a_formula", put(notice_version="2017;@SUM(1+1)")),
    ("email_tool", "no_cell_is_a_formula", put(consent_event_id='consent:k;=HYPERLINK("x")')),
]


RETRACTION_RULES = {
    "nobody_comes_back_who_was_retracted_since",
    "nobody_said_no_since_the_release",
    "no_address_is_given_and_retracted",
    "every_address_of_before_is_given_or_retracted",
    "every_retraction_names_a_refusal",
}


def test_a_wrong_or_missing_retraction_breaks_its_rule(small: Any, check_staged_rule: Any) -> None:
    small.release()
    export(small.lake, small.run, "email_tool", lambda *_: {})
    ann = profile_of(small, "Ann")
    now = {ann: "new@example.com", profile_of(small, "Gus"): None}
    small.change(
        "gold.profile_contact",
        lambda rows: [row | {"email": now.get(row["profile_id"], row["email"])} for row in rows],
    )
    declared = small.lake.contracts.destinations["email_tool"]
    staged = stage(small.lake, declared, small.release())
    for rule in sorted(RETRACTION_RULES):
        assert check_staged_rule(staged, "email_tool", rule).success, rule
    gone = {"destination": "email_tool", "number": 1, "profile_id": ann, "reason": "withdrawn", "address_hashes": [],
            "mailbox_hashes": [], "event_id": "consent:later", "withdrawn_at": None, "landed_at": None,
            "last_release": 1, "delivered_at": AT, "written_at": AT}  # fmt: skip
    small.lake.append("ops.retractions", [gone])
    assert not check_staged_rule(staged, "email_tool", "nobody_comes_back_who_was_retracted_since").success
    file = staged / "retractions.csv"
    header, row = file.read_text().splitlines()
    assert row.startswith("Ann.Example@gmail.com,")
    file.write_text(f"{header}\n{row.replace('Ann.Example@gmail.com', 'new@example.com')}\n")
    assert not check_staged_rule(staged, "email_tool", "no_address_is_given_and_retracted").success
    file.write_text(f"{header}\n")
    assert not check_staged_rule(staged, "email_tool", "every_address_of_before_is_given_or_retracted").success
    file.write_text(f"{header}\n{row.replace('other_address,,', 'withdrawn,consent:m1,')}\n")  # her yes
    assert not check_staged_rule(staged, "email_tool", "every_retraction_names_a_refusal").success
    assert check_staged_rule(staged, "email_tool", "no_cell_is_a_formula").success
    file.write_text(f"{header}\n{row.replace('other_address,,', 'withdrawn,consent:k;=1+1,')}\n")
    assert not check_staged_rule(staged, "email_tool", "no_cell_is_a_formula").success


def test_a_yes_that_expired_since_is_named_by_its_retraction(small: Any, check_staged_rule: Any) -> None:
    small.release()
    export(small.lake, small.run, "email_tool", lambda *_: {})
    small.run = Run("years-later", datetime.date(2027, 1, 1))
    with small.lake.duck() as connection:
        state = state_sql(small.lake.contracts.policy, Moment(small.run.as_of, heeds_later_refusals=True))
        small.lake.overwrite("gold.consent_state", connection.sql(state).to_arrow_table())
    staged = stage(small.lake, small.lake.contracts.destinations["email_tool"], small.release())
    told = (staged / "retractions.csv").read_text()
    assert ",expired,consent:m1," in told
    assert check_staged_rule(staged, "email_tool", "every_retraction_names_a_refusal").success


def test_a_no_that_landed_since_the_release_breaks_the_rules_of_its_person_and_of_its_mailbox(
    small: Any, check_staged_rule: Any
) -> None:
    staged = stage(small.lake, small.lake.contracts.destinations["email_tool"], small.release())

    def says(record: str, event: str) -> None:
        no = {"event_id": event, "record_id": record, "status": "withdrawn", "given_at": AT}
        small.change("silver.consents", lambda rows: [*rows, rows[0] | no])

    small.change(
        "silver.identifiers",
        lambda rows: [*rows, rows[0] | {"record_id": "mailbox:new", "value": "ANN.example@gmail.com "}],
    )
    person, mailbox = "nobody_said_no_since_the_release", "nobody_refused_the_email"
    for rule in (person, mailbox):
        assert check_staged_rule(staged, "email_tool", rule).success, rule
    says("mailbox:new", "consent:new")
    assert check_staged_rule(staged, "email_tool", person).success
    assert not check_staged_rule(staged, "email_tool", mailbox).success
    says("anonymous:ann", "consent:later")
    found = check_staged_rule(staged, "email_tool", person)
    assert (found.success, found.sample[0]["event_id"]) == (False, "consent:later")


@pytest.mark.parametrize("spelling", ["(800) 555-0100", "+1 800.555.0100", "+18005550100"])
def test_a_number_refused_since_the_release_breaks_its_rule_however_it_was_written(
    spelling: str, small: Any, check_staged_rule: Any
) -> None:
    staged = stage(small.lake, small.lake.contracts.destinations["ad_platform"], small.release())
    no = {"event_id": "consent:new", "record_id": "account:new", "purpose": "advertising", "status": "denied",
          "given_at": AT}  # fmt: skip
    small.change("silver.consents", lambda rows: [*rows, rows[0] | no])
    assert check_staged_rule(staged, "ad_platform", "nobody_refused_the_phone_sha256").success
    number = {"record_id": "account:new", "identifier": "phone", "value": spelling}
    small.change("silver.identifiers", lambda rows: [*rows, rows[0] | number])
    message = str(closed("exports", [check_staged_rule(staged, "ad_platform", "nobody_refused_the_phone_sha256")]))
    assert "exports.ad_platform: nobody_refused_the_phone_sha256, 1 row" in message


@pytest.mark.parametrize(("topic", "is_caught"), [("offers", True), ("recipes", False), ("all", True)])
def test_a_refusal_of_what_the_destination_is_about_breaks_the_rule_of_the_policy(
    topic: str, is_caught: bool, small: Any, check_staged_rule: Any
) -> None:
    no = {"event_id": "consent:new", "record_id": "account:ann", "status": "denied", "topic": "offers", "given_at": AT}
    small.change("silver.consents", lambda rows: [*rows, rows[0] | no])
    declared = small.lake.contracts.destinations
    declared["email_tool"] = declared["email_tool"].model_copy(update={"topic": topic})
    staged = stage(small.lake, declared["email_tool"], small.release())  # the mart does not know of it
    assert check_staged_rule(staged, "email_tool", "the_policy_permits_every_row").success is not is_caught


CAPS = [("email_offers", "email", 7), ("fatigue", "sms", 21)]


@pytest.mark.parametrize(("cap", "channel", "at_most"), CAPS)
def test_one_delivery_more_than_a_cap_allows_breaks_its_rule(
    cap: str, channel: str, at_most: int, small: Any, check_staged_rule: Any
) -> None:
    """Whichever of the person's ids they went out under, and as long as one window of days has them all."""
    small.release()
    staged = stage(small.lake, small.lake.contracts.destinations["email_tool"], 1)
    rule = f"nobody_is_over_the_cap_{cap}"

    def deliver(number: int, days_ago: int) -> None:
        row = {
            "destination": "other", "channel": channel, "purpose": "email_marketing", "release": number,
            "as_of": small.run.as_of - datetime.timedelta(days_ago), "address_hashes": [], "mailbox_hashes": [],
            "profile_id": profile_id("ann" if number % 2 else "ann's browser"), "delivered_at": AT,
        }  # fmt: skip
        small.lake.append("ops.deliveries", [row])

    for number in range(1, at_most):
        deliver(number, number % 7)
    deliver(at_most, 7)
    assert check_staged_rule(staged, "email_tool", rule).success
    deliver(at_most + 1, 6)
    found = check_staged_rule(staged, "email_tool", rule)
    assert (found.success, found.unexpected) == (False, 1)
    assert f"deliveries={at_most + 1}" in str(closed("exports", [found]))


def gives(small: Any, record: str, *addresses: str) -> None:
    """Let a record give these e-mail addresses in place of its own."""
    (mail,) = (
        row for row in small.rows("identity.identifiers") if (row["record_id"], row["identifier"]) == (record, "email")
    )
    domains = small.lake.contracts.identity.mail_domains
    given = [mail | {"raw_value": raw, "value": email(raw, "drop", domains).value} for raw in addresses]
    small.change("identity.identifiers", lambda rows: [*(row for row in rows if row != mail), *given])


def profile_of(small: Any, first_name: str) -> str:
    return next(row["profile_id"] for row in small.rows("gold.profile_contact") if row["first_name"] == first_name)


@pytest.fixture(scope="module")
def staged_template(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    """The small lake released, with both exports staged."""
    made = SmallLake(small_template).copy(tmp_path_factory.mktemp("staged") / "home")
    made.release()
    for declared in made.lake.contracts.destinations.values():
        stage(made.lake, declared, 1)
    return made


@pytest.fixture(scope="module")
def kept_as_staged(staged_template: SmallLake) -> set[tuple[str, str]]:
    """Destination and name of each rule that the staged exports keep as they are."""
    return {
        (destination, found.rule.name)
        for destination in staged_template.lake.contracts.destinations
        for found in staged_rules(staged_template, staged_in(staged_template, destination), destination)
        if found.success
    }


def staged_in(small: SmallLake, destination: str) -> Path:
    place = folder(small.lake, destination, 1)
    return place.with_name(f"_{place.name}")


@pytest.mark.parametrize(("destination", "rule", "change"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_a_bad_row_breaks_its_rule_and_the_message_names_it(
    destination: str,
    rule: str,
    change: Callable[[Rows], None],
    staged_template: SmallLake,
    kept_as_staged: set[tuple[str, str]],
    tmp_path: Path,
) -> None:
    assert (destination, rule) in kept_as_staged, "the rule is broken before the row is"
    small = staged_template.copy(tmp_path / "home")
    staged = staged_in(small, destination)
    ben = profile_of(small, "Ben")

    def with_ben(rows: Rows) -> None:
        change(rows)
        for row in rows:
            row["profile_id"] = row["profile_id"].replace("p-ben", ben)

    edit(staged, with_ben)
    (found,) = staged_rules(small, staged, destination, rule)
    assert not found.success
    message = str(closed("exports", [found]))
    assert f"exports.{destination}: {rule}, {found.unexpected} row" in message
    assert "keys: " in message
    assert "nothing was handed over" in message
    assert "@" not in message, "a personal value is in the message"


def test_every_rule_of_the_exports_gate_has_a_bad_row(small: Any) -> None:
    small.release()
    shown = {rule for _, rule, _ in CASES}
    with small.lake.duck(1) as connection:
        scene = Scene(small.lake.contracts, connection, small.run.as_of)
        written = {
            rule.name for d in small.lake.contracts.destinations.values() for rule in exports.suite(scene, d, 1).rules
        }
    assert written == shown | RETRACTION_RULES | {f"nobody_is_over_the_cap_{name}" for name, *_ in CAPS}


def test_a_row_less_sure_than_the_destination_asks_closes_the_gate(small: Any, check_staged_rule: Any) -> None:
    small.release()
    declared = small.lake.contracts.destinations
    staged = stage(small.lake, declared["email_tool"], 1)
    for least, is_sure in ((0.999, True), (0.9991, False)):
        asked = IdentityMinimum(least_probability=least)
        declared["email_tool"] = declared["email_tool"].model_copy(update={"identity": asked})
        found = check_staged_rule(staged, "email_tool", "every_profile_is_as_sure_as_asked")
        assert found.success is is_sure
    message = str(closed("exports", [found]))
    assert "exports.email_tool: every_profile_is_as_sure_as_asked, 1 row" in message
    assert "link_kind=deterministic, link_probability=0.999" in message


def test_an_export_that_fails_its_gate_is_not_published_and_not_kept(small: Any) -> None:
    small.release()

    def spoil(lake: Any, run: Any, staged: Path) -> dict[str, int]:
        edit(staged, put(consent_event_id="consent:m4"))
        return check_staged(lake, run, staged)

    with pytest.raises(GateClosed, match=r"exports\.email_tool: every_consent_event_says_yes, 1 row"):
        export(small.lake, small.run, "email_tool", spoil)
    assert list(folder(small.lake, "email_tool", 1).parent.iterdir()) == []
    failed = [row for row in small.rows("ops.check_results") if not row["success"]]
    assert {row["gate"] for row in failed} == {"exports"}


def test_a_good_export_passes_its_gate(small: Any) -> None:
    small.release()
    for destination in ("email_tool", "ad_platform"):
        assert export(small.lake, small.run, destination, check_staged)["rows"] == 1
        manifest = read_manifest(folder(small.lake, destination, 1))
        assert sum(manifest["refused"].values()) == 6
    assert all(row["success"] for row in small.rows("ops.check_results"))


@pytest.mark.parametrize(
    ("refused", "granted", "is_caught"),
    [
        ("j.doe@corp.com", "jdoe@corp.com", False),
        ("j.doe@gmail.com", "jdoe@gmail.com", True),
        ("j.doe@googlemail.com", "jdoe@googlemail.com", True),
    ],
)
def test_dots_tell_mailboxes_apart_except_at_googles_domains(
    refused: str, granted: str, is_caught: bool, small: Any, check_staged_rule: Any
) -> None:
    gives(small, "crm:ben", refused)  # Ben withdrew
    small.release()
    staged = stage(small.lake, small.lake.contracts.destinations["ad_platform"], 1)
    edit(staged, put(email_sha256=sha256(granted)))
    found = check_staged_rule(staged, "ad_platform", "nobody_refused_the_email_sha256")
    assert found.success is not is_caught
    if is_caught:
        message = str(closed("exports", [found]))
        assert "exports.ad_platform: nobody_refused_the_email_sha256, 1 row" in message


@pytest.mark.parametrize(
    ("destination", "rule", "written"),
    [
        ("email_tool", "nobody_refused_the_email", str),
        ("ad_platform", "nobody_refused_the_email_sha256", sha256),
    ],
)
@pytest.mark.parametrize(
    ("refused", "granted"),
    [
        ("user@corp.com", "user+nyc@corp.com"),
        ("User+NYC@corp.com", "user@corp.com"),
        ("user+nyc@corp.com", "user+spb@corp.com"),
        ("jdoe@gmail.com", "j.doe@gmail.com"),
        ("j.doe@gmail.com", "jdoe@gmail.com"),
    ],
)
def test_a_refusal_of_a_mailbox_is_found_with_any_tag_and_in_any_spelling(
    refused: str, granted: str, destination: str, rule: str, written: Any, small: Any, check_staged_rule: Any
) -> None:
    gives(small, "crm:ben", refused)  # Ben withdrew
    gives(small, "account:ann", granted)
    small.release()
    staged = stage(small.lake, small.lake.contracts.destinations[destination], 1)
    column = rule.removeprefix("nobody_refused_the_")
    edit(staged, put(**{column: written(granted)}))
    message = str(closed("exports", [check_staged_rule(staged, destination, rule)]))
    assert f"exports.{destination}: {rule}, 1 row" in message


def test_a_refusal_at_one_of_a_providers_domains_is_found_at_the_other(small: Any, check_staged_rule: Any) -> None:
    gives(small, "crm:ben", "jdoe@gmail.com")  # Ben withdrew
    gives(small, "account:ann", "J.Doe@googlemail.com")
    small.release()
    for destination, rule, written in (
        ("email_tool", "nobody_refused_the_email", "J.Doe@googlemail.com"),
        ("ad_platform", "nobody_refused_the_email_sha256", sha256("jdoe@googlemail.com")),
    ):
        staged = stage(small.lake, small.lake.contracts.destinations[destination], 1)
        edit(staged, put(**{rule.removeprefix("nobody_refused_the_"): written}))
        assert not check_staged_rule(staged, destination, rule).success, destination


def test_a_mailbox_that_is_exported_with_two_tags_is_found(small: Any, check_staged_rule: Any) -> None:
    gives(small, "account:ann", "user+nyc@corp.com", "user@corp.com")
    small.release()
    staged = stage(small.lake, small.lake.contracts.destinations["email_tool"], 1)
    edit(staged, put(email="user+nyc@corp.com"))
    assert check_staged_rule(staged, "email_tool", "one_row_per_email").success
    edit(staged, again(profile_id="p-more", email="user@corp.com"))
    message = str(closed("exports", [check_staged_rule(staged, "email_tool", "one_row_per_email")]))
    assert "exports.email_tool: one_row_per_email, 2 rows" in message
