"""What `clew check` refuses of metrics and hypotheses, each by one wrong declaration whose message is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import contracts
from contracts import HERE
from contracts.base import load_yaml
from contracts.check_metrics import problems_of_metrics
from contracts.errors import ContractError
from contracts.hypothesis import Hypothesis
from contracts.metric import Metric
from contracts.table import Table

Change = Callable[[dict[str, Any]], None]
Loaded = dict[str, dict[Path, Any]]


def put(value: Any, *place: str | int) -> Change:
    def change(found: Any) -> None:
        for step in place[:-1]:
            found = found[step]
        found[place[-1]] = value

    return change


def drop(name: str) -> Change:
    return lambda found: found.pop(name)


MODELS: tuple[tuple[str, Any, str], ...] = (
    ("table", Table, "tables/*/*.yml"),
    ("metric", Metric, "metrics/*.yml"),
    ("hypothesis", Hypothesis, "hypotheses/*.yml"),
)


@pytest.fixture(scope="module")
def ours() -> Loaded:
    """The tables, metrics and hypotheses of the project."""
    return {kind: {path: load_yaml(path, model) for path in sorted(HERE.glob(at))} for kind, model, at in MODELS}


def problems(folder: Path, ours: Loaded, name: str, change: Change) -> list[str]:
    """The problems of the project's metrics and hypotheses after one of them was changed."""
    ((kind, model, path),) = [(kind, model, at) for kind, model, _ in MODELS for at in ours[kind] if at.stem == name]
    declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(declared)
    copy = folder / path.name
    copy.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")
    try:
        changed = {copy if at == path else at: load_yaml(copy, model) if at == path else it
                   for at, it in ours[kind].items()}  # fmt: skip
    except ContractError as error:
        return [f"{Path(problem.file).name}: {problem.field}: {problem.what}" for problem in error.problems]
    found = problems_of_metrics(ours | {kind: changed})
    return [f"{Path(problem.file).name}: {problem.field}: {problem.what}" for problem in found]


def test_ours_are_right(tmp_path: Path, ours: Loaded) -> None:
    assert problems(tmp_path, ours, "people_buying", lambda found: None) == []


CONDITION = {"column": "is_known", "op": "=", "value": True}
WRONG: dict[str, tuple[str, Change, str]] = {
    "no north star": (
        "people_buying", put("input", "kind"),
        "kind: no metric is the north star: one metric, and one only, is of that kind"),
    "two north stars": (
        "basket_value", put("north_star", "kind"),
        "people_buying.yml: kind: basket_value is the north star already"),
    "an unknown table": (
        "people_buying", put("gold.order", "measure", "table"),
        "measure.table: gold.order is no table of gold or ops"),
    "a table of ops of which nothing is computed": (
        "run_seconds", put("ops.landings", "measure", "table"),
        "measure.table: no metric is computed of ops.landings"),
    "an unknown column": (
        "basket_value", put("sale_value", "measure", "column"),
        "measure.column: sale_value is no column of gold.orders"),
    "an unknown clock": (
        "basket_value", put("bought_at", "measure", "time"), "measure.time: bought_at is no column of gold.orders"),
    "a clock that is none": (
        "basket_value", put("channel", "measure", "time"), "measure.time: channel of gold.orders is no time"),
    "a window without a clock": (
        "basket_value", lambda found: found["measure"].pop("time"),
        "measure: a window of days needs the column of time that it is cut by: give time"),
    "a filter on no column": (
        "basket_value", put("sale_value", "measure", "filter", 0, "column"),
        "measure.filter.0.column: sale_value is no column of gold.orders"),
    "a filter of another type": (
        "basket_value", put("much", "measure", "filter", 0, "value"),
        "measure.filter.0.value: much is no number, as sales_value of gold.orders is"),
    "an order of what has none": (
        "mails_per_week", put(">", "numerator", "filter", 0, "op"), "numerator.filter.0.op: kind is a text, which"),
    "SQL as a column": (
        "basket_value", put("1=1 or sales_value", "measure", "filter", 0, "column"),
        "measure.filter.0.column: String should match pattern"),
    "SQL as an operator": (
        "basket_value", put("> 0 or", "measure", "filter", 0, "op"), "measure.filter.0.op: Input should be '='"),
    "an operator without its value": (
        "basket_value", lambda found: found["measure"]["filter"][0].pop("value"),
        "measure.filter.0: > takes one value"),
    "a list for one value": (
        "basket_value", put([1, 2], "measure", "filter", 0, "value"), "measure.filter.0: > takes one value"),
    "a restricted column": (
        "basket_value", put({"table": "gold.events", "agg": "count", "column": "traits"}, "measure"),
        "measure.column: traits is contact, which no metric may read"),
    "a filter on a restricted column": (
        "basket_value", put({"table": "gold.profile_contact", "agg": "count", "column": "profile_id",
                             "filter": [{"column": "email", "op": "is_given"}]}, "measure"),
        "measure.filter.0.column: email is contact, which no metric may read"),
    "no owner": ("basket_value", drop("owner"), "owner: Field required"),
    "a table of nobody": (
        "basket_value", put({"table": "gold.campaign_performance", "agg": "sum", "column": "opened"}, "measure"),
        "measure.table: gold.campaign_performance is not about people: it has no profile_id"),
    "the sum of a text": (
        "basket_value", put("channel", "measure", "column"), "measure.column: channel is a text, of which there is no"),
    "what people share, counted as distinct": (
        "people_buying", put("store_id", "measure", "column"), "measure.column: store_id may be shared by people"),
    "a number of a whole profile": (
        "people_buying", put({"table": "gold.profiles", "agg": "sum", "column": "sales_value"}, "measure"),
        "measure.column: sales_value is of a whole profile, which cannot be taken apart"),
    "the greatest of people": (
        "basket_value", put("max", "measure", "agg"), "measure.agg: the greatest of the people seen says little"),
    "a ratio of medians": (
        "coupon_use", put("median", "numerator", "agg"), "a ratio is of measures that are sums over people"),
    "a ratio without its lower half": (
        "coupon_use", drop("denominator"), "a ratio metric has denominator and numerator, and no other measure"),
    "a guardrail that stands nowhere": (
        "mails_per_week", drop("threshold"), "a guardrail has guards, and a threshold or groups.at_most"),
    "a threshold on both sides": (
        "mails_per_week", put({"at_most": 3, "at_least": 1}, "threshold"),
        "threshold: a threshold is at_most or at_least: give one of them"),
    "a threshold of what is no guardrail": (
        "basket_value", put({"at_most": 3}, "threshold"), "guards and threshold are for guardrails"),
    "a population by what people did": (
        "bought_lately", put([{"column": "orders", "op": ">", "value": 1}], "population", "conditions"),
        "population.conditions.0.column: orders is of what people did, in a profile that cannot be taken apart"),
    "a population of no audience": (
        "bought_lately", put({"audience": "audience_nobody"}, "population"),
        "population.audience: audience_nobody is no audience"),
    "people of a table of ops": (
        "run_seconds", put({"conditions": [CONDITION]}, "population"),
        "tables of ops know no population and no groups of people"),
    "groups by no column": (
        "coupon_use", put(["age"], "groups", "by"), "groups.by.0: age is no column of gold.profiles"),
    "groups by person": (
        "coupon_use", put(["profile_id"], "groups", "by"), "groups.by.0: profile_id is pseudonymous: it names"),
    "groups by a number": (
        "coupon_use", put(["records"], "groups", "by"), "groups.by.0: records is a number, of which there is no group"),
    "groups of four": (
        "coupon_use", put(4, "groups", "minimum_people"), "groups.minimum_people: Input should be greater than"),
    "the link of what names no event": (
        "bought_lately", put([{"column": "event.link_kind", "op": "=", "value": "inferred"}], "denominator", "filter"),
        "denominator.filter.0.column: event.link_kind is not known of a row of gold.profiles"),
    "another name than the file's": (
        "basket_value", put("basket", "metric"), "metric: basket is declared in basket_value.yml"),
    "a claim about no metric": (
        "a_third_may_be_mailed", put("reach", "metric"), "metric: reach is no metric"),
    "a claim about runs": (
        "a_third_may_be_mailed", put("run_seconds", "metric"), "metric: run_seconds tells of runs"),
    "a claim without an owner": ("a_third_may_be_mailed", drop("owner"), "owner: Field required"),
    "a claim that nothing refutes": ("a_third_may_be_mailed", drop("refuted_if"), "refuted_if: Field required"),
    "an answer before the verdict": (
        "a_third_may_be_mailed", put("2017-12-30", "answer", "answered_on"),
        "it is answered on 2017-12-30, before it is judged, on 2017-12-31"),
    "people by rows of runs": (
        "coupon_users_stay", put({"table": "ops.deliveries"}, "population", "did", 0),
        "population.did.0.table: a table of ops tells of runs"),
    "people by rows that there are not": (
        "coupon_users_stay", put("gold.visits", "compare", "these", "did", 0, "table"),
        "compare.these.did.0.table: gold.visits is no table of gold or ops"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_declaration_is_refused(tmp_path: Path, ours: Loaded, case: str) -> None:
    name, change, message = WRONG[case]
    found = problems(tmp_path, ours, name, change)
    assert any(message in problem for problem in found), "\n".join(found) or "nothing is refused"


def test_every_table_that_a_metric_reads_is_said_to_be_read() -> None:
    """What gold.metrics and gold.hypotheses are made of is declared, and laid out for the step that measures."""
    from measures.registry import MEASURES

    declared = contracts.Contracts()
    wanted = {measure.table for metric in declared.metrics.values() for measure in metric.measures}
    assert wanted
    said = {*declared.table("gold.metrics").reads, *declared.table("ops.metrics").reads}
    laid_out = {table for measure in MEASURES for table in measure.reads}
    assert wanted - said == set()
    assert wanted - laid_out == set()
