"""All declarations of one contracts folder, loaded on first use."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from contracts import HERE
from contracts.base import Declared, load_yaml
from contracts.errors import ContractError
from contracts.event import Event
from contracts.source import Source
from contracts.table import PrivacyClass, Table, is_restricted

if TYPE_CHECKING:
    from contracts.attribution import Attribution
    from contracts.campaigns import Campaigns
    from contracts.caps import Caps
    from contracts.costs import Costs
    from contracts.experiment import Experiment
    from contracts.export import Destination
    from contracts.hypothesis import Hypothesis
    from contracts.identity import IdentityRules
    from contracts.journey import Journey
    from contracts.lift import Lift
    from contracts.mart_rules import MartRules
    from contracts.marts import Mart
    from contracts.metric import Metric
    from contracts.purpose import Policy
    from contracts.roles import Role
    from contracts.signal import Signal

M = TypeVar("M", bound=Declared)
OURS = ("tables/*/*.yml", "roles.yml")
"""What Clew declares for every business: a contracts folder that has none of its own has Clew's."""


def declared_in(root: Path, pattern: str) -> list[Path]:
    """The files of a pattern in a contracts folder, sorted; Clew's own where the folder has none and need not."""
    found = sorted(root.glob(pattern))
    return found if found or pattern not in OURS else sorted(HERE.glob(pattern))


class Contracts:
    """What the business declares, by kind and name.

    Args:
        root: The folder that holds sources/, events/, consent/, exports/ and identity.yml, and whatever else the
            business declares. Without tables/ or roles.yml of its own it has those of Clew.
    """

    def __init__(self, root: Path = HERE) -> None:
        self.root = root

    @cached_property
    def sources(self) -> dict[str, Source]:
        return self._by_name("sources/*.yml", Source, "source")

    @cached_property
    def events(self) -> dict[str, Event]:
        return self._by_name("events/*/*.yml", Event, "event")

    @cached_property
    def tables(self) -> dict[str, Table]:
        return self._by_name("tables/*/*.yml", Table, "name")

    @cached_property
    def destinations(self) -> "dict[str, Destination]":
        from contracts.export import Destination

        return self._by_name("exports/*.yml", Destination, "destination")

    @cached_property
    def identity(self) -> "IdentityRules":
        from contracts.identity import IdentityRules

        return load_yaml(self.root / "identity.yml", IdentityRules)

    @cached_property
    def policy(self) -> "Policy":
        from contracts.purpose import Policy

        return load_yaml(self.root / "consent" / "purposes.yml", Policy)

    @cached_property
    def caps(self) -> "Caps | None":
        """The caps, or None where none are declared."""
        from contracts.caps import Caps

        path = self.root / "consent" / "caps.yml"
        return load_yaml(path, Caps) if path.exists() else None

    @cached_property
    def attribution(self) -> "Attribution | None":
        """How credit is given, or None where nothing is declared."""
        from contracts.attribution import Attribution

        path = self.root / "attribution.yml"
        return load_yaml(path, Attribution) if path.exists() else None

    @cached_property
    def lifts(self) -> "dict[str, Lift]":
        """The measured lifts that are declared, by name; there may be none."""
        from contracts.lift import Lift

        return self._by_name("lifts/*.yml", Lift, "lift") if any(self.root.glob("lifts/*.yml")) else {}

    @cached_property
    def campaigns(self) -> "Campaigns | None":
        """When each campaign ran, or None where that is not declared."""
        from contracts.campaigns import Campaigns

        path = self.root / "campaigns.yml"
        return load_yaml(path, Campaigns) if path.exists() else None

    @cached_property
    def experiments(self) -> "dict[str, Experiment]":
        """The experiments, dead ones too; none where there is no folder of them."""
        from contracts.experiment import Experiment

        if not (self.root / "experiments").is_dir():
            return {}
        return self._by_name("experiments/*.yml", Experiment, "experiment")

    def holdouts(self, destination: "Destination") -> "list[Experiment]":
        """The holdouts that an export goes by."""
        return [self.experiments[name] for name in destination.holdouts]

    @cached_property
    def roles(self) -> "dict[str, Role]":
        from contracts.roles import Roles

        found = declared_in(self.root, "roles.yml")
        return load_yaml(found[0] if found else self.root / "roles.yml", Roles).roles

    @cached_property
    def signals(self) -> "dict[str, Signal]":
        """The signals, or none where none are declared."""
        from contracts.signal import Signals

        path = self.root / "signals.yml"
        return load_yaml(path, Signals).signals if path.exists() else {}

    @cached_property
    def journeys(self) -> "dict[str, Journey]":
        """The journeys, or none where none are declared."""
        from contracts.journey import Journey

        return self._by_name("journeys/*.yml", Journey, "journey") if any(self.root.glob("journeys/*.yml")) else {}

    @cached_property
    def metrics(self) -> "dict[str, Metric]":
        """The metrics, or none where none are declared."""
        from contracts.metric import Metric

        return self._by_name("metrics/*.yml", Metric, "metric") if any(self.root.glob("metrics/*.yml")) else {}

    @cached_property
    def hypotheses(self) -> "dict[str, Hypothesis]":
        """The hypotheses, or none where none are declared."""
        from contracts.hypothesis import Hypothesis

        found = any(self.root.glob("hypotheses/*.yml"))
        return self._by_name("hypotheses/*.yml", Hypothesis, "hypothesis") if found else {}

    @cached_property
    def mart_rules(self) -> "MartRules":
        """What the marts go by; what no marts.yml says follows from the sources."""
        from contracts.mart_rules import MartRules

        path = self.root / "marts.yml"
        declared = load_yaml(path, MartRules) if path.exists() else MartRules()
        return declared.completed(self.sources.values())

    @cached_property
    def costs(self) -> "Costs | None":
        """What contacts and improvements cost, or None where nothing is declared."""
        from contracts.costs import Costs

        path = self.root / "costs.yml"
        return load_yaml(path, Costs) if path.exists() else None

    @cached_property
    def marts(self) -> "dict[str, Mart]":
        from contracts.marts import marts

        return marts()

    def is_restricted(self, name: str) -> bool:
        """Whether a table may hold what names a person or reaches them; one that nothing declares may."""
        return is_restricted(self.classes(name))

    def classes(self, name: str) -> tuple[PrivacyClass | None, ...]:
        """The privacy classes of a table's columns; that of a table which nothing declares is not known."""
        mart = self.marts.get(name)
        if mart is not None:
            return tuple(mart.privacy.values())
        try:
            return tuple(column.privacy for column in self.table(name).columns.values())
        except ContractError:
            return (None,)

    def readers(self, name: str) -> tuple[str, ...]:
        """The roles that may read a table, in the order of roles.yml."""
        classes = self.classes(name)
        return tuple(role for role, declared in self.roles.items() if declared.may_read(name, classes))

    def table(self, name: str) -> Table:
        """A table's declaration; a bronze table is declared once for all sources.

        Raises:
            ContractError: If nothing declares it.
        """
        declared = self.tables.get(name)
        if declared is None and name.startswith("bronze.") and name.split(".", 1)[1] in self.sources:
            declared = self.tables.get("bronze.<source>")
        if declared is None:
            raise ContractError(
                f"no table {name} is declared",
                str(self.root / "tables"),
                f"declare it, or use one of: {', '.join(sorted(self.tables))}",
            )
        return declared

    def _by_name(self, pattern: str, model: type[M], key: str) -> dict[str, M]:
        paths = declared_in(self.root, pattern)
        if not paths:
            raise ContractError("no declaration found", str(self.root / pattern), "check CLEW_CONTRACTS")
        loaded: dict[str, M] = {}
        for path in paths:
            item = load_yaml(path, model)
            name = getattr(item, key)
            if name in loaded:
                raise ContractError(f"{key} {name} is declared twice", str(path), "rename or remove one")
            loaded[name] = item
        return loaded
