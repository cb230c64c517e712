"""Every rule written by hand has one bad row here, and the message about it is read."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from contracts import Contracts
from expectations.gate import closed
from expectations.rule import NoRows
from tests.conftest import profile_id

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Bad:
    """One row broken, the rule that must see it, and the key that the message must name.

    ``before`` is a table and a change to it without which the row would not be wrong.
    """

    gate: str
    table: str
    rule: str
    broken: str
    change: Callable[[Rows], Rows | None]
    names: str
    before: tuple[str, Callable[[Rows], Rows | None]] | None = None

    @property
    def label(self) -> str:
        return f"{self.table}-{self.rule}"


def where(**wanted: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda row: all(row[name] == value for name, value in wanted.items())


def put(chosen: Callable[[dict[str, Any]], bool], **values: Any) -> Callable[[Rows], None]:
    """Change the rows chosen; at least one must be there."""

    def change(rows: Rows) -> None:
        found = [row for row in rows if chosen(row)]
        assert found, "no row to break"
        for row in found:
            row.update(values)

    return change


def drop(chosen: Callable[[dict[str, Any]], bool]) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        kept = [row for row in rows if not chosen(row)]
        assert len(kept) < len(rows), "no row to take away"
        return kept

    return change


def add(*more: dict[str, Any]) -> Callable[[Rows], Rows]:
    """Add copies of the first row, each with other values."""
    return lambda rows: [*rows, *({**rows[0], **values} for values in more)]


def nothing(rows: Rows) -> None:
    """Leave the small lake as it is: its four silent sources break the rule."""


def one_event_moved(rows: Rows) -> None:
    """Count one kept message as refused, so that the account still balances."""
    for row in rows:
        if row["source"] == "web":
            row["kept"] -= 1
            row["quarantined"] += 1


def everything_long_ago(rows: Rows) -> None:
    for row in rows:
        row["occurred_at"] = row["occurred_at"].replace(year=2016)


ANN, GUS, CAT = "account:ann", "account:gus", "account:cat"
WEB1 = where(event_id="web:m1")
EARLY = dt.datetime(2017, 1, 1, tzinfo=dt.UTC)


def spells(*changes: dict[str, Any]) -> Callable[[Rows], Rows]:
    """Give the visits of Ann's browser to Cat, in one spell for each change to it."""
    spell = {"record_id": "anonymous:ann", "since": EARLY, "until": None, "account_record": CAT, "kind": "inferred",
             "probability": 0.9, "evidence": '{"identifier": "anonymous_id"}'}  # fmt: skip
    return lambda rows: [spell | change for change in changes]


CREDIT = {"period": "all", "period_from": dt.date(2017, 12, 1), "period_until": dt.date(2017, 12, 2), "model": "last",
          "level": "channel", "channel": "web", "campaign": "all", "people": 4, "orders": Decimal(0),
          "value": Decimal("0.01"), "status": "not_known"}  # fmt: skip


def one_order(rows: Rows) -> Rows:
    return [{"order_id": "o1", "sales_value": Decimal("12.50"), "ordered_at": EARLY}]


CASES = [
    Bad("silver", "ops.row_counts", "every_landing_has_an_account", "ops.row_counts", drop(where(source="shop")),
        "source=shop, landing=1"),
    Bad("silver", "ops.row_counts", "every_account_balances", "ops.row_counts", put(where(source="web"), kept=99),
        "source=web, landing=1, came=10, went=101"),
    Bad("silver", "ops.row_counts", "every_account_is_true", "ops.row_counts", one_event_moved,
        "kept_said=7, kept=8"),
    Bad("silver", "ops.row_counts", "every_account_is_true", "ops.row_counts",
        add({"source": "crm", "lines": 1, "kept": 1, "duplicates": 0, "quarantined": 0, "headers": 0}),
        "source=crm, landing=1"),
    Bad("silver", "silver.events", "every_message_of_a_line_has_a_fate", "silver.events",
        drop(where(event_id="web:m2")), "source=web, position=2, messages=1, fates=0"),
    Bad("silver", "silver.events", "every_message_of_a_line_has_a_fate", "bronze.web",
        put(where(position=2), payload='{"batch": [{}, {}]}'), "source=web, position=2, messages=2, fates=1"),
    Bad("silver", "silver.events", "every_message_of_a_line_has_a_fate", "bronze.web",
        put(where(position=10), payload="[{}, {}]"), "source=web, position=10, messages=2, fates=1"),
    Bad("silver", "silver.events", "every_message_of_a_line_has_a_fate", "bronze.shop",
        put(where(position=1), payload="no header"), "source=shop, position=1, messages=1, fates=0"),
    Bad("silver", "silver.events", "every_message_has_one_fate", "silver.duplicates", add({"position": 1}),
        "source=web, position=1, part=0"),
    Bad("silver", "silver.events", "nothing_comes_from_nowhere", "silver.events", put(WEB1, position=99),
        "source=web, position=99, part=0"),
    Bad("silver", "silver.duplicates", "every_duplicate_has_its_original", "silver.duplicates",
        put(where(source="web"), event_id="web:gone"), "source=web, position=9"),
    Bad("silver", "silver.quarantine", "every_refusal_has_a_reason", "silver.quarantine",
        put(where(source="web"), reasons=[]), "source=web, position=10"),
    Bad("silver", "silver.consents", "every_consent_has_its_event", "silver.consents",
        put(where(event_id="consent:m1"), event_id="consent:gone"), "event_id=consent:gone"),
    Bad("silver", "silver.events", "every_word_on_consent_is_known", "silver.consents",
        drop(where(event_id="consent:m1")), "event_id=consent:m1"),
    Bad("silver", "silver.events", "every_identify_call_is_a_customer_record", "silver.events",
        put(WEB1, type="identify", traits=[("email", "a")]), "event_id=web:m1"),
    Bad("silver", "silver.consents", "every_purpose_is_declared", "silver.consents",
        put(where(event_id="consent:m1"), purpose="mind_reading"), "event_id=consent:m1, purpose=mind_reading"),
    Bad("silver", "silver.customer_records", "every_customer_record_has_its_event", "silver.customer_records",
        lambda rows: [{"event_id": "crm:gone", "record_id": ANN, "source": "crm", "position": 1, "landing": 1}],
        "event_id=crm:gone"),
    Bad("silver", "silver.identifiers", "every_identifier_has_its_record", "silver.identifiers",
        put(where(record_id=ANN), record_id="account:nobody"), "record_id=account:nobody, identifier=email"),
    Bad("silver", "silver.identifiers", "every_identifier_is_of_a_declared_kind", "silver.identifiers",
        put(where(record_id=ANN), identifier="fax"), "record_id=account:ann, identifier=fax"),
    Bad("silver", "ops.row_counts", "every_source_landed", "ops.row_counts", nothing, "source=crm"),
    Bad("silver", "silver.events", "events_reach_the_date_of_the_run", "silver.events", everything_long_ago,
        "latest_event=2016-12-29"),
    Bad("silver", "silver.quarantine", "quarantine_is_small", "silver.quarantine",
        add(*({"position": 100 + n} for n in range(100))), "source=web, landing=1, quarantined=101"),
    Bad("silver", "silver.quarantine", "every_word_on_permission_is_heard", "silver.quarantine",
        add({"position": 100, "event": "email_unsubscribed"}), "source=web, position=100, part=0"),
    Bad("silver", "silver.quarantine", "every_word_on_permission_is_heard", "silver.quarantine",
        add({"position": 100, "source": "consent", "event": None}), "source=consent, position=100, part=0"),
    Bad("identity", "silver.events", "every_record_is_assigned", "identity.assignments",
        drop(where(record_id=CAT)), "record_id=account:cat"),
    Bad("identity", "identity.assignments", "every_assigned_record_exists", "identity.records",
        drop(where(record_id="crm:ben")), "record_id=crm:ben"),
    Bad("identity", "identity.records", "every_known_record_is_assigned", "identity.assignments",
        drop(where(record_id=CAT)), "record_id=account:cat"),
    Bad("identity", "identity.edges", "every_edge_joins_known_records", "identity.edges",
        add({"right_record": "crm:nobody"}), "right_record=crm:nobody"),
    Bad("identity", "identity.edges", "every_edge_is_in_order", "identity.edges",
        put(where(left_record=ANN), left_record="anonymous:ann", right_record=ANN), "left_record=anonymous:ann"),
    Bad("identity", "identity.edges", "every_probability_is_possible", "identity.edges",
        put(where(left_record=ANN), probability=1.5), "probability=1.5"),
    Bad("identity", "identity.edges", "every_edge_has_evidence", "identity.edges",
        put(where(left_record=ANN), evidence="{}"), "left_record=account:ann"),
    Bad("identity", "identity.edges", "evidence_holds_no_address", "identity.edges",
        put(where(left_record=ANN), evidence='{"email": "ann@example.com"}'), "left_record=account:ann"),
    Bad("identity", "identity.edges", "every_unused_edge_says_why", "identity.edges",
        put(where(left_record=ANN), state="blocked"), "state=blocked"),
    Bad("identity", "identity.edges", "every_link_stays_inside_a_profile", "identity.assignments",
        put(where(record_id="anonymous:ann"), profile_id="p-other"), "right_record=anonymous:ann"),
    Bad("identity", "identity.edges", "every_decision_is_obeyed", "identity.edges",
        put(where(left_record=ANN), rule="steward", evidence='{"action": "unlink", "decision": 1}'),
        "left_record=account:ann"),
    Bad("identity", "identity.edges", "every_decision_is_obeyed", "identity.edges",
        add({"right_record": "crm:ben", "rule": "steward", "state": "blocked", "reason": "a rule",
             "evidence": '{"action": "link", "decision": 1}'}), "right_record=crm:ben"),
    Bad("identity", "identity.assignments", "every_profile_is_held_together", "identity.edges",
        put(where(left_record=ANN), state="review"), "records=2, linked_edges=0"),
    Bad("identity", "identity.assignments", "no_assignment_says_more_than_its_links", "identity.assignments",
        put(where(record_id="anonymous:ann"), probability=1.0), "record_id=anonymous:ann, kind=deterministic"),
    Bad("identity", "identity.assignments", "no_assignment_says_more_than_its_links", "identity.edges",
        put(where(left_record=ANN), kind="inferred"), "record_id=anonymous:ann, kind=deterministic"),
    Bad("identity", "identity.assignments", "no_profile_is_a_crowd", "identity.assignments",
        add(*({"record_id": f"account:{n}"} for n in range(60))), "records=62"),
    Bad("identity", "identity.assignments", "every_profile_has_its_own_founder", "identity.assignments",
        put(where(record_id=CAT), kind="deterministic"), "profile_id=p-"),
    Bad("identity", "identity.assignments", "the_founder_landed_first", "identity.records",
        put(where(record_id="anonymous:ann"), landed_position=0), "landed_first=anonymous:ann"),
    Bad("identity", "identity.assignments", "a_founder_has_one_profile", "identity.assignments",
        put(where(record_id=CAT), founder_record_id=ANN), "founder_record_id=account:ann"),
    Bad("identity", "identity.assignments", "the_size_of_a_profile_is_true", "identity.assignments",
        put(where(record_id=CAT), records=5), "said=5, found=1"),
    Bad("identity", "identity.assignments", "no_two_records_have_one_own_id", "identity.assignments",
        put(where(records=1), own_profile_id="p-same"), "own_profile_id=p-same, records=6"),
    Bad("identity", "identity.assignments", "the_id_of_a_profile_is_its_founders_own", "identity.assignments",
        put(where(record_id=CAT), own_profile_id="p-other"), "record_id=account:cat"),
    Bad("identity", "identity.assignments", "the_history_ends_in_the_assignments", "identity.history",
        put(where(record_id=CAT), profile_id="p-other"), "record_id=account:cat"),
    Bad("identity", "identity.assignments", "the_history_ends_in_the_assignments", "identity.history",
        add({"record_id": "crm:gone"}), "record_id=crm:gone"),
    Bad("identity", "ops.identity_changes", "no_id_changes_for_nothing", "ops.identity_changes",
        put(where(run_id="run-1"), records_churned=2), "run_id=run-1, records_churned=2"),
    Bad("gold", "gold.profile_redirects", "every_retired_id_leads_where_identity_says", "gold.profile_redirects",
        drop(where()), "retired_profile_id=p-"),
    Bad("identity", "identity.review_queue", "every_question_waits_for_an_answer", "identity.edges",
        put(where(state="review"), state="redundant"), "left_record=account:cat, right_record=account:gus"),
    Bad("identity", "identity.review_queue", "every_question_waits_for_an_answer", "identity.review_queue",
        put(where(place=1), left_profile="p-other"), "left_record=account:cat, right_record=account:gus"),
    Bad("identity", "identity.review_queue", "two_profiles_are_asked_about_once", "identity.review_queue",
        add({"right_record": "account:zoe"}), "one=p-"),
    Bad("identity", "identity.edges", "every_edge_in_review_is_asked_about", "identity.review_queue",
        lambda rows: [], "one=p-"),
    Bad("identity", "identity.identifiers", "no_record_is_tied_to_two_customers", "identity.identifiers",
        add(*({"record_id": record, "identifier": kind, "value": value, "raw_value": value}
              for record, kind, value in (
                  ("anonymous:ann", "order_id", "b1"), ("anonymous:ann", "order_id", "b2"),
                  ("account:ann", "order_id", "b1"), ("account:ann", "user_id", "ann"),
                  ("account:cat", "order_id", "b2"), ("account:cat", "user_id", "cat")))),
        "record_id=anonymous:ann, kind=user_id, people=2"),
    Bad("identity", "identity.stitches", "one_account_at_a_time", "identity.stitches",
        spells({}, {"since": EARLY + dt.timedelta(1)}), "record_id=anonymous:ann, since=2017-01-01"),
    Bad("identity", "identity.stitches", "one_account_at_a_time", "identity.stitches",
        spells({"until": EARLY}), "record_id=anonymous:ann"),
    Bad("identity", "identity.stitches", "every_spell_is_of_known_records", "identity.stitches",
        spells({"account_record": "account:nobody"}), "record_id=anonymous:ann"),
    Bad("identity", "identity.stitches", "every_spell_is_possible_and_has_evidence", "identity.stitches",
        spells({"evidence": "{}"}), "record_id=anonymous:ann"),
    Bad("identity", "identity.assignments", "who_refuses_linking_stands_alone", "silver.consents",
        put(where(record_id=ANN, purpose="advertising"), purpose="identity_linking", status="denied"),
        "record_id=account:ann"),
    Bad("identity", "identity.assignments", "who_refuses_linking_stands_alone", "silver.consents",
        put(where(record_id=CAT), purpose="identity_linking", status="withdrawn"), "record_id=account:cat"),
    Bad("identity", "identity.assignments", "who_refuses_linking_stands_alone", "identity.assignments",
        put(where(record_id="anonymous:ann"), refused_by="consent:m1"), "record_id=anonymous:ann"),
    Bad("identity", "identity.assignments", "nobody_is_kept_apart_for_nothing", "identity.assignments",
        put(where(record_id=CAT), refused_by="consent:m1"), "refused_by=consent:m1"),
    Bad("identity", "identity.edges", "no_edge_joins_who_is_kept_apart", "identity.assignments",
        put(where(record_id=CAT), refused_by="consent:m1"), "state=review"),
    Bad("identity", "identity.stitches", "no_visit_is_given_to_who_is_kept_apart", "identity.stitches", spells({}),
        "record_id=anonymous:ann",
        before=("identity.assignments", put(where(record_id="anonymous:ann"), refused_by="consent:m1"))),
    Bad("gold", "silver.events", "every_event_reaches_gold", "gold.events", drop(WEB1), "event_id=web:m1"),
    Bad("gold", "gold.events", "every_gold_event_comes_from_silver", "silver.events", drop(WEB1),
        "event_id=web:m1"),
    Bad("gold", "gold.events", "every_event_has_the_profile_of_its_record", "gold.events",
        put(WEB1, profile_id="p-other"), "event_id=web:m1"),
    Bad("gold", "gold.events", "every_event_has_the_profile_of_its_record", "identity.stitches", spells({}),
        "event_id=web:m2"),
    Bad("gold", "identity.assignments", "every_person_has_a_profile", "gold.profiles",
        drop(where(profile_id=profile_id("cat"))), "profile_id=p-"),
    Bad("gold", "gold.profiles", "every_profile_has_records", "gold.profiles", add({"profile_id": "p-nobody"}),
        "profile_id=p-nobody"),
    Bad("gold", "gold.profiles", "every_profile_is_as_firm_as_its_weakest_link", "gold.profiles",
        put(where(profile_id=profile_id("ann")), link_probability=1.0), "profile_id=p-"),
    Bad("gold", "gold.audience_coupon_lovers", "every_profile_is_as_sure_as_asked", "identity.assignments",
        put(where(record_id="anonymous:ann"), kind="probabilistic"), "link_kind=probabilistic"),
    Bad("gold", "gold.audience_new_joiners", "every_person_is_a_profile", "gold.audience_new_joiners",
        add({"profile_id": "p-nobody"}), "profile_id=p-nobody"),
    Bad("gold", "gold.journey_stages", "one_spell_at_a_time", "gold.journey_stages",
        lambda rows: [{"journey": "shopping", "profile_id": "p-1", "spell": n, "entered_at": EARLY, "is_current": True}
                      for n in (1, 2)],
        "profile_id=p-1, spell=1"),
    Bad("gold", "gold.signals", "every_signal_comes", "gold.signals", drop(where(signal="bought")), "signal=bought",
        before=("gold.signals", lambda rows: [{"profile_id": "p-1", "signal": name, "event_id": "web:m1"}
                                              for name in Contracts().signals])),
    Bad("gold", "gold.consent_state", "consent_is_settled_by_the_policy", "gold.consent_state",
        put(where(status="withdrawn"), status="granted"), "purpose=email_marketing"),
    Bad("gold", "gold.consent_state", "every_consent_names_its_event", "gold.consent_state",
        put(where(status="withdrawn", purpose="email_marketing"), event_id="consent:gone"), "purpose=email_marketing"),
    Bad("gold", "gold.consent_state", "nobody_is_used_after_they_refused", "silver.consents",
        put(where(event_id="consent:m1"), status="withdrawn"), "purpose=email_marketing"),
    Bad("gold", "gold.consent_state", "every_yes_names_its_notice", "gold.consent_state",
        put(where(status="granted", purpose="advertising"), notice_version=None), "purpose=advertising"),
    Bad("gold", "gold.hypotheses", "every_refuted_hypothesis_is_answered", "gold.hypotheses",
        lambda rows: [{"hypothesis": "coupons_keep_people", "verdict": "refuted", "judged_on": dt.date(2017, 12, 30)}],
        "hypothesis=coupons_keep_people"),
    Bad("gold", "ops.metrics", "every_guardrail_holds", "ops.metrics",
        lambda rows: [{"metric": "mails_per_week", "verdict": "broken", "as_of": dt.date(2017, 12, 30)}],
        "metric=mails_per_week"),
    Bad("gold", "gold.experiment_ledger", "no_experiment_is_forgotten", "ops.experiments",
        lambda rows: [{"experiment": "gone", "as_of": dt.date(2017, 12, 29)}], "experiment=gone"),
    Bad("gold", "gold.experiment_ledger", "no_plan_changed_after_the_start", "ops.experiments",
        lambda rows: [{"experiment": "kept", "as_of": dt.date(2017, 12, 29), "starts_on": dt.date(2017, 12, 29),
                       "status": "running", "plan": "as it was"}], "experiment=kept",
        before=("gold.experiment_ledger", lambda rows: [{"experiment": "kept", "plan": "as it is"}])),
    Bad("gold", "gold.profile_contact", "every_value_has_provenance", "gold.profile_contact",
        put(where(first_name="Ann"), email_source=None), "attribute=email"),
    Bad("gold", "gold.attribution", "every_model_credits_all_orders", "gold.orders", one_order,
        "period=all, model=first, level=channel, credited=0.00, ordered=12.50"),
    Bad("gold", "gold.attribution", "every_model_credits_all_orders", "gold.attribution",
        lambda rows: [CREDIT | {"period": "2017-12-01/2017-12-02", "people": 9}],
        "period=2017-12-01/2017-12-02, model=last, level=channel, credited=0.01, ordered=0.00"),
    Bad("gold", "gold.attribution", "no_cell_shows_a_few_people", "gold.attribution", lambda rows: [CREDIT],
        "period=all, model=last, level=channel, channel=web"),
    Bad("gold", "gold.attribution_paths", "every_order_ends_one_path", "gold.orders", one_order,
        "of_paths=0.00, ordered=12.50"),
    Bad("gold", "gold.attribution_paths", "no_cell_shows_a_few_people", "gold.attribution_paths",
        lambda rows: [{"path": "web > app", "people": 4}], "path=web > app"),
    # The three rules that follow from declarations, once each.
    Bad("silver", "silver.events", "one_row_per_key", "silver.events", add({}), "event_id=web:m1"),
    Bad("silver", "silver.events", "received_at_is_given", "silver.events", put(WEB1, received_at=None),
        "event_id=web:m1"),
    Bad("silver", "silver.events", "type_is_a_known_value", "silver.events", put(WEB1, type="shout"),
        "event_id=web:m1"),
    Bad("silver", "bronze.web", "one_row_per_key", "bronze.web", add({}), "position=1"),
    Bad("identity", "identity.identifiers", "one_row_per_key", "identity.identifiers", add({}),
        "record_id=account:ann, identifier=email, raw_value_sha256="),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.label for case in CASES])
def test_a_bad_row_breaks_its_rule_and_the_message_names_it(
    case: Bad, small: Any, check_rule: Any, kept_before: set[tuple[str, str, str]]
) -> None:
    rule = case.gate, case.table, case.rule
    if case.before:
        small.change(*case.before)
    if case.change is not nothing:
        is_kept = check_rule(*rule).success if case.before else rule in kept_before
        assert is_kept, "the rule is broken before the row is"
    small.change(case.broken, case.change)
    found = check_rule(*rule)
    assert not found.success
    assert found.unexpected >= 1
    message = str(closed(case.gate, [found]))
    assert f"{case.table}: {case.rule}, {found.unexpected} row" in message
    assert case.names in message
    assert found.rule.says in message
    assert found.rule.do in message
    assert "@" not in message, "a personal value is in the message"


@pytest.mark.parametrize("gate", ["silver", "identity", "gold"])
def test_every_rule_written_by_hand_has_a_bad_row(gate: str, suite_of: Any) -> None:
    written = {rule.name for rule in suite_of(gate).rules if isinstance(rule, NoRows)}
    shown = {case.rule for case in CASES if case.gate == gate}
    assert written
    assert written - shown == set()


@pytest.mark.parametrize("gate", ["silver", "identity", "gold"])
def test_no_two_rules_of_a_table_have_one_name(gate: str, suite_of: Any) -> None:
    named = [(rule.table, rule.name) for rule in suite_of(gate).rules]
    assert named
    assert len(named) == len(set(named))


@pytest.mark.parametrize("gate", ["silver", "identity", "gold"])
def test_every_rule_says_why_what_to_do_and_who_answers(gate: str, suite_of: Any) -> None:
    rules = suite_of(gate).rules
    assert rules
    for rule in rules:
        assert rule.says.endswith("."), rule
        assert rule.why, rule
        assert rule.do, rule
        assert rule.owner, rule
