"""How `clew identity diff` works out and prints what other rules or another model would change."""

import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from clew.output import print_table
from contracts.errors import UsageError

if TYPE_CHECKING:
    from contracts.identity import IdentityRules
    from identity.diff import Difference, Example
    from lakehouse.lake import Lake


def rehearsed(lake: "Lake", file: Path | None, model: str | None, as_of: datetime.date, examples: int) -> "Difference":
    """Compare the rules in use with those of a file, with a model of another name, or with both.

    Raises:
        UsageError: If neither is given, or there is no such file.
        ContractError: If the rules in the file are wrong.
    """
    from clew.screen import StepScreen
    from identity.rehearsal import rehearse

    rules = _rules(lake, file, model)
    screen = StepScreen(sys.stderr)
    screen.started("identity diff")
    try:
        return rehearse(lake, rules, as_of, examples, lambda what, rows: screen.said("identity diff", what, rows, None))
    finally:
        screen.finish()


def print_difference(found: "Difference") -> None:
    """Counts, edges by rule where they differ, and examples."""
    print(f"{found.records:,} records")
    print_table(
        ("", "in use", "new"),
        [
            ("profiles", found.profiles_before, found.profiles_after),
            ("records of the biggest profile", found.biggest_before, found.biggest_after),
        ],
    )
    print()
    print_table(
        ("change", ""),
        [
            ("merges", found.merges),
            ("splits", found.splits),
            ("people touched", found.people_touched),
            ("records whose profile id changes", found.ids_changed),
            ("visits that would be another account's", found.visits_moved),
        ],
    )
    changed = [edge for edge in found.edges if edge.before != edge.after]
    if changed:
        print("\nedges")
        rows = [(edge.kind, edge.rule, edge.state, edge.before, edge.after) for edge in changed]
        print_table(("kind", "rule", "state", "in use", "new"), rows)
    for example in found.examples:
        _print_example(example)


def _print_example(example: "Example") -> None:
    parts = f"{example.parts} profiles, {example.records} records"
    merged = example.change == "merge"
    print(f"\n{example.change}: {parts} {'become' if merged else 'come of'} {example.profile}")
    print(f"   {example.left_record}  —  {example.right_record}")
    print(f"   {example.kind}, {example.rule}: weight {example.match_weight:+.2f}")
    print(f"   in use: {example.before}\n   new:    {example.after}")


def _rules(lake: "Lake", file: Path | None, model: str | None) -> "IdentityRules":
    from contracts.check import load_rules

    if file is None and model is None:
        raise UsageError("there is nothing to compare with", do="give --rules FILE, --model NAME or both")
    if file is not None and not file.is_file():
        raise UsageError("there is no such file", str(file), "give an identity contract: --rules FILE")
    rules = lake.contracts.identity if file is None else load_rules(file, lake.contracts.root)
    if model is None:
        return rules
    return rules.model_copy(update={"probabilistic": rules.probabilistic.model_copy(update={"model": model})})
