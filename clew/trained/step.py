"""`clew identity train`: train, measure, take the model or leave it, and print what was found."""

import datetime
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from clew.output import print_section, print_table
from contracts.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    from identity.judge import Judgement
    from identity.training import Training
    from lakehouse.lake import Lake

NAME = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True)
class Outcome:
    """What became of a trained model.

    Attributes:
        training: What was measured.
        state: taken; same, if it is the model in use to the last digit, so that there is nothing to take; refused.
        forced: author and reason, if it was taken though the gate was closed.
        path: Where it was written.
        told: The same in a sentence.
    """

    training: "Training"
    state: Literal["taken", "same", "refused"]
    forced: dict[str, str] | None
    path: Path | None
    told: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        model = self.training.model
        head = {
            "name": self.training.name,
            "version": model.version,
            "state": self.state,
            "forced": self.forced,
            "path": None if self.path is None else str(self.path),
            "trained_on": model.trained_on,
        }
        return head | self.training.as_dict()


def trained(lake: "Lake", name: str | None, force: bool, reason: str | None, as_of: datetime.date) -> Outcome:
    """Train on the lake, and take the model if the gate opens or is forced.

    Raises:
        UsageError: If the name is no name of a model, or --force comes without --reason or the other way round.
    """
    from clew.screen import StepScreen
    from identity.training import train_on_lake

    in_use = lake.contracts.identity.probabilistic.model
    name = in_use if name is None else name
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a model", "--name", "use small letters, digits and hyphens: customers-2"
        )
    if force != bool(reason and reason.strip()):
        raise UsageError(
            "--force and --reason go together", "clew identity train", "say why a worse model is taken: --reason …"
        )
    screen = StepScreen(sys.stderr)
    screen.started("identity train")
    try:
        found = train_on_lake(
            lake, name, as_of, lambda what, rows: screen.said("identity train", what, rows or None, None)
        )
    finally:
        screen.finish()
    return _decided(lake, found, in_use, {"author": lake.settings.author, "reason": reason.strip()} if reason else None)


def _decided(lake: "Lake", found: "Training", in_use: str, forced: dict[str, str] | None) -> Outcome:
    from identity.training import take

    version = found.model.version
    if found.is_same:
        return Outcome(found, "same", None, None, f"{version} is the model in use: there is nothing to take")
    if not found.holds and forced is None:
        failed = ", ".join(check.name for check in found.checks if not check.holds)
        told = (
            f"{version} was not taken: {failed}\n  do:    label more pairs, or take it all the same: --force --reason …"
        )
        return Outcome(found, "refused", None, None, told)
    forced = None if found.holds else forced
    try:
        path = take(lake, found, forced)
    except OSError as error:
        raise EnvironmentFault(
            f"the model cannot be written: {error.strerror}",
            str(lake.settings.models),
            "make the folder writable, or name another: CLEW_MODELS",
        ) from error
    next_step = (
        "the next run scores with it: clew run"
        if found.name == in_use
        else f"the contract names {in_use}; compare, then name it there: clew identity diff --model {found.name}"
    )
    return Outcome(found, "taken", forced, path, f"{version} written to {path}\n{next_step}")


def print_training(found: "Training") -> None:
    """The gate, the labels, the blocking rules and the weights."""
    in_use = found.in_use or "none"
    print(f"{found.model.version}, trained on {found.model.trained_on['records']:,} records; in use: {in_use}\n")
    rows = [("holds" if check.holds else "fails", check.name, check.found, check.wanted) for check in found.checks]
    print_table(("gate", "check", "found", "wanted"), rows)
    judged = [(name, *_judged(item)) for name, item in judgements(found)]
    print_section(
        "Labelled pairs",
        ("told by", "pairs", "matches", "linked", "linked in use", "two people", "linked", "linked in use"),
        judged,
    )
    rules = [
        (", ".join(rule.columns), rule.pairs, rule.matches, rule.added, "yes" if rule.is_chosen else "no")
        for rule in found.blocking.rules
    ]
    print_section(
        f"Blocking rules: {found.blocking.reached:,} of {found.blocking.matches:,} known matches are reached",
        ("equal in", "pairs to compare", "known matches", "added", "chosen"),
        rules,
    )
    unseen = [(item.pairs, ", ".join(item.differ), ", ".join(item.lacking)) for item in found.blocking.unseen]
    print_section("Known matches that they cannot see", ("pairs", "the two differ in", "one of them lacks"), unseen)
    lost = [(", ".join(item.columns), item.pairs, item.links) for item in found.dropped]
    print_section("What the rules left out would bring", ("equal in", "pairs weighed", "of them linked"), lost)
    weights = [
        (level.comparison, level.level, _signed(level.weight), _signed(level.weight_in_use), _signed(level.change))
        for level in found.levels
    ]
    print_section("Match weights", ("comparison", "level", "weight", "in use", "change"), weights)
    if found.change is not None:
        change = found.change
        counts = [
            ("pairs linked by the model", *found.links),
            ("profiles", change.profiles_before, change.profiles_after),
            ("records of the biggest profile", change.biggest_before, change.biggest_after),
        ]
        print_section("On this lake", ("", "in use", "new"), counts)
        print(f"{change.merges:,} merges, {change.splits:,} splits, {change.ids_changed:,} records change their id")


def judgements(found: "Training") -> tuple[tuple[str, "Judgement"], ...]:
    """Who told, and what of it the models find."""
    return (("stewards", found.stewards), ("identifiers", found.identifiers))


def _judged(item: "Judgement") -> tuple[Any, ...]:
    return (
        item.pairs,
        item.matches,
        item.linked_matches,
        item.linked_matches_in_use,
        item.pairs - item.matches,
        item.linked_others,
        item.linked_others_in_use,
    )


def _signed(weight: float | None) -> str:
    return "" if weight is None else f"{weight:+.2f}"
