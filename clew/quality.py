"""How `clew identity quality` prints the estimate, and `clew identity evaluate` what was measured."""

from typing import TYPE_CHECKING

from clew.output import note, print_section, print_table

if TYPE_CHECKING:
    from identity.evaluation import Evaluation
    from identity.quality import Quality, Rate


def print_quality(found: "Quality") -> None:
    """A table of the bands, the two rates, and what to hold of them."""
    rows = [
        (
            f"{band.lower:g} and up" if band.upper is None else f"{band.lower:g} to {band.upper:g}",
            "yes" if band.is_linked else "no",
            band.pairs,
            band.labels,
            band.decided_matches + band.sampled_matches,
            band.sampled,
        )
        for band in found.bands
    ]
    print_table(("match weight", "linked", "pairs", "labels", "of one person", "labels drawn at random"), rows)
    print(f"\nprecision  {_text(found.precision)}   of the pairs that the model links")
    print(f"recall     {_text(found.recall)}   of the matches that it weighed at or above the review threshold")
    if not found.labels:
        note("nothing is labelled yet, so nothing is known of precision and recall")
        note("to label a random sample of pairs: clew identity review --sample 100")
        return
    if not found.is_random:
        note("no random sample was reviewed: what was decided may not be like the rest")
    for missing in found.missing:
        note(f"too few labels: {missing}")
    if found.missing or not found.is_random:
        note("more of them: clew identity review --sample 100")


def print_evaluation(found: "Evaluation") -> None:
    """The rates, the counts behind them, the causes of missed pairs, and the groups."""
    metrics = found.metrics
    rows = [
        ("precision", f"{metrics.precision:.2%}", f"{metrics.right_pairs:,} of {metrics.found_pairs:,} pairs found"),
        ("recall", f"{metrics.recall:.2%}", f"{metrics.right_pairs:,} of {metrics.true_pairs:,} pairs of one person"),
        (
            "recall within reach",
            f"{found.recall_within_reach:.2%}",
            f"{found.right_reachable_pairs:,} of {found.reachable_pairs:,} that some evidence joins",
        ),
        ("biggest wrong profile", f"{metrics.biggest_wrong_profile:,}", "records"),
        ("wrong profiles", f"{metrics.merged_profiles:,}", f"of {metrics.profiles:,}"),
        ("people in several profiles", f"{metrics.split_people:,}", f"of {metrics.people:,}"),
    ]
    print_table(("measure", "value", "of what"), rows)
    print_section("Missed pairs", ("cause", "pairs"), [(item.cause, item.pairs) for item in found.missed])
    for dimension in dict.fromkeys(group.dimension for group in found.groups):
        groups = [
            (
                group.value,
                group.people,
                group.true_pairs,
                _share(group.false_merges),
                _share(group.missed_merges),
                _share(group.missed_within_reach),
            )
            for group in found.groups
            if group.dimension == dimension
        ]
        heads = (dimension.replace("_", " "), "people", "pairs", "false merges", "missed", "missed within reach")
        print_section(f"By {dimension.replace('_', ' ')}", heads, groups)


def _share(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.2%}"


def _text(rate: "Rate") -> str:
    if rate.estimate is None or rate.low is None or rate.high is None:
        return "unknown"
    return f"{100 * rate.estimate:5.1f} %  (95 %: {100 * rate.low:.1f} to {100 * rate.high:.1f} %)"
