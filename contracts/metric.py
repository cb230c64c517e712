"""Metrics as declared under contracts/metrics: each once, with its owner, formula, population, unit and grain.

The words are MetricFlow's (https://docs.getdbt.com/docs/build/metrics-overview): a metric is ``simple``, of one
measure, or a ``ratio`` of two; a measure aggregates a column of a table. ``contracts.semantic`` writes the same metrics
in MetricFlow's own YAML.
"""

from typing import Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text
from contracts.condition import Population, Rows

Agg = Literal["count", "count_distinct", "sum", "average", "median", "max"]
ADDITIVE: tuple[Agg, ...] = ("count", "count_distinct", "sum")
"""Aggregations that are a sum over people, of which a ratio is made."""
Kind = Literal["north_star", "guardrail", "input"]
Guards = Literal["fatigue", "latency", "privacy", "fairness", "identity", "service"]
FEWEST_SHOWN = 5
"""No figure is of fewer people: it would tell of each of them."""
OF_OPS = ("ops.runs", "ops.check_results", "ops.deliveries", "ops.retractions", "ops.releases", "ops.row_counts")
"""Tables of what runs did that a metric may be of."""


class Measure(Rows):
    """A column of a table, aggregated.

    Attributes:
        agg: ``count`` counts rows in which the column has a value, ``count_distinct`` people or rows of a key.
        column: What is aggregated; ``max`` is for tables of ops: the greatest of people seen says little of others.
        since: A column of time; what is aggregated is the hours from it to ``column``.
    """

    agg: Agg
    column: Name
    since: Name | None = None


class Threshold(Declared):
    """Where a guardrail stands: the metric, in its unit, is to be at most or at least this."""

    at_most: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _stands_on_one_side(self) -> "Threshold":
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a threshold is at_most or at_least: give one of them")
        return self

    @property
    def text(self) -> str:
        return f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"


class Groups(Declared):
    """Groups of people between which the metric is compared.

    Attributes:
        by: Columns of gold.profiles; the people of each value are held against all others who have one.
        minimum_people: Of a group, and of the others, before anything is said of their difference.
        at_most: A known difference to the worse of more than this, in the metric's unit, breaks a guardrail.
    """

    by: tuple[Name, ...] = Field(min_length=1)
    minimum_people: int = Field(30, ge=FEWEST_SHOWN)
    at_most: float | None = Field(None, ge=0)


class Metric(Declared):
    """contracts/metrics/<name>.yml."""

    metric: Name
    owner: Name
    about: Text
    kind: Kind
    type: Literal["simple", "ratio"]
    unit: Text
    grain: Text
    direction: Literal["up", "down"] = Field(description="Which way is good")
    measure: Measure | None = None
    numerator: Measure | None = None
    denominator: Measure | None = None
    population: Population = Population()
    groups: Groups | None = None
    guards: Guards | None = Field(None, description="What a guardrail keeps from harm")
    threshold: Threshold | None = None

    @model_validator(mode="after")
    def _has_the_measures_of_its_type(self) -> "Metric":
        given = {name for name in ("measure", "numerator", "denominator") if getattr(self, name) is not None}
        wanted = {"measure"} if self.type == "simple" else {"numerator", "denominator"}
        if given != wanted:
            raise ValueError(f"a {self.type} metric has {' and '.join(sorted(wanted))}, and no other measure")
        if self.type == "ratio" and any(measure.agg not in ADDITIVE for measure in self.measures):
            raise ValueError(f"a ratio is of measures that are sums over people: agg is one of {', '.join(ADDITIVE)}")
        return self

    @model_validator(mode="after")
    def _a_guardrail_says_where_it_stands(self) -> "Metric":
        stands = self.threshold is not None or (self.groups is not None and self.groups.at_most is not None)
        if self.kind == "guardrail" and not (self.guards and stands):
            raise ValueError("a guardrail has guards, and a threshold or groups.at_most")
        if self.kind != "guardrail" and (self.guards or self.threshold):
            raise ValueError(f"guards and threshold are for guardrails, and this is kind {self.kind}")
        return self

    @model_validator(mode="after")
    def _people_are_in_gold(self) -> "Metric":
        if len(schemas := {measure.table.split(".")[0] for measure in self.measures}) > 1:
            raise ValueError(f"its measures are of {' and '.join(sorted(schemas))}: take both from one schema")
        if self.is_of_operation and (self.groups or self.population != Population()):
            raise ValueError("tables of ops know no population and no groups of people: leave them out")
        return self

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The one measure, or numerator and denominator."""
        return tuple(found for found in (self.measure, self.numerator, self.denominator) if found is not None)

    @property
    def is_of_operation(self) -> bool:
        """Whether it tells of runs, whose clocks never enter gold."""
        return self.measures[0].table.startswith("ops.")
