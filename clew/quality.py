"""How `clew identity quality` prints the estimate."""

from typing import TYPE_CHECKING

from clew.output import note, print_table

if TYPE_CHECKING:
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
    if not found.is_random:
        note("no random sample was reviewed: what was decided may not be like the rest")
    for missing in found.missing:
        note(f"too few labels: {missing}")
    if found.missing or not found.is_random:
        note("more of them: clew identity review --sample 100")


def _text(rate: "Rate") -> str:
    if rate.estimate is None or rate.low is None or rate.high is None:
        return "unknown"
    return f"{100 * rate.estimate:5.1f} %  (95 %: {100 * rate.low:.1f} to {100 * rate.high:.1f} %)"
