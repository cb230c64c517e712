"""The report of a training as one HTML page: the gate, charts of the weights, labels, blocking rules."""

from typing import TYPE_CHECKING, Any

from clew.explained.markup import Markup, element
from clew.explained.shell import scrolled, table, whole_page
from clew.trained.charts import probability_chart, weight_chart
from clew.trained.step import judgements

if TYPE_CHECKING:
    from identity.training import Training


def page(found: "Training") -> str:
    """The page of a training."""
    verdict = "nothing that was checked speaks against it" if found.holds else "it is worse than the model in use"
    parts = [
        element("p", verdict[:1].upper() + verdict[1:], ".", class_="verdict" if found.holds else "verdict apart"),
        element(
            "p",
            f"Trained on {found.model.trained_on['records']:,} records and {found.taught:,} labelled pairs. In use: ",
            element("code", found.in_use or "none"),
            ".",
        ),
        _gate(found),
        _charts(found),
        _labels(found),
        _blocking(found),
        _change(found),
    ]
    return whole_page(f"Model {found.model.version}", parts, "Weights are log2 of m / u: +1 doubles the odds.")


def _gate(found: "Training") -> list[Markup]:
    rows = [
        (
            element("td", "holds" if check.holds else "fails", class_="linked" if check.holds else "blocked"),
            check.name,
            element("td", check.found, class_="why"),
            element("td", check.wanted, class_="why"),
        )
        for check in found.checks
    ]
    return [element("h2", "The gate"), table("What must hold.", ("", "check", "found", "wanted"), rows)]


def _charts(found: "Training") -> list[Any]:
    parts: list[Any] = [
        element("h2", "Match weights"),
        element(
            "p",
            "Green speaks for one person, red against; the line across a bar is the weight in use. Below them m, "
            "how often a level occurs for two records of one person (green), and u, for two people (red).",
            class_="faint",
        ),
    ]
    for comparison in dict.fromkeys(level.comparison for level in found.levels):
        levels = [level for level in found.levels if level.comparison == comparison]
        weights, probabilities = f"Match weights of {comparison}", f"m and u of {comparison}"
        parts += [
            element("h3", comparison),
            scrolled(weight_chart(levels, weights), weights),
            scrolled(probability_chart(levels, probabilities), probabilities),
        ]
    return parts


def _labels(found: "Training") -> list[Markup]:
    rows = [
        (name, item.pairs, item.linked_matches, item.matches, item.linked_others, item.gained, item.lost)
        for name, item in judgements(found)
    ]
    heads = ("told by", "pairs", "matches linked", "of", "pairs of two people linked", "gained", "lost")
    parts = [
        element("h2", "Labelled pairs"),
        table("Gained and lost: pairs about which only this model, or only the one in use, is right.", heads, rows),
    ]
    for name, rate in (("precision", found.quality.precision), ("recall", found.quality.recall)):
        if rate.estimate is not None:
            told = f"{name} by stewards' labels: {rate.estimate:.1%} (95 %: {rate.low:.1%} to {rate.high:.1%})"
            parts.append(element("p", told))
    return parts


def _blocking(found: "Training") -> list[Markup]:
    rules = [
        (", ".join(rule.columns), rule.pairs, rule.matches, rule.added, "yes" if rule.is_chosen else "no")
        for rule in found.blocking.rules
    ]
    unseen = [(item.pairs, ", ".join(item.differ), ", ".join(item.lacking)) for item in found.blocking.unseen]
    lost = [(", ".join(item.columns), item.pairs, item.links) for item in found.dropped]
    reached = f"{found.blocking.reached:,} of {found.blocking.matches:,} known matches are reached."
    return [
        element("h2", "Which pairs are compared"),
        table(reached, ("equal in", "pairs to compare", "known matches", "added", "chosen"), rules),
        element("h3", "Which it cannot see"),
        table("Known matches that no rule brings together.", ("pairs", "differ in", "one side lacks"), unseen),
        table("What the rules left out would bring.", ("equal in", "pairs weighed", "of them linked"), lost),
    ]


def _change(found: "Training") -> list[Markup]:
    if found.change is None:
        return []
    change = found.change
    rows = [
        ("pairs linked by the model", *found.links),
        ("profiles", change.profiles_before, change.profiles_after),
        ("records of the biggest profile", change.biggest_before, change.biggest_after),
        ("merges", "", change.merges),
        ("splits", "", change.splits),
        ("records whose profile id changes", "", change.ids_changed),
    ]
    edges = [
        (edge.kind, edge.rule, edge.state, edge.before, edge.after)
        for edge in change.edges
        if edge.before != edge.after
    ]
    return [
        element("h2", "On this lake"),
        table("Against the model in use.", ("", "in use", "new"), rows),
        table("Edges that differ.", ("kind", "rule", "state", "in use", "new"), edges),
    ]
