"""Which business a demo is of: the retailer of the real purchases, or one that is declared as a folder of contracts.

A workspace is of one scenario: its lake, its landing files and its contracts are one business's.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from contracts import HERE
from lakehouse.errors import UsageError
from lakehouse.private import make_private, read_secret, replace_private
from lakehouse.settings_file import NAME as SETTINGS

if TYPE_CHECKING:
    from lakehouse.settings import Settings

RETAILER = "retailer"
FOLDER = HERE.parent / "scenarios"
"""The scenarios that come with Clew, a folder each with contracts/ and sandbox.yml."""
MARK = ".demo"
"""A lake that holds this file was made by a demo, and may be replaced by the next one of the scenario it names."""


@dataclass(frozen=True)
class Scenario:
    """A business to be shown.

    Attributes:
        folder: Where it is declared; None of the retailer, whose files are made of real purchases.
        contracts: Its contracts.
        last_day: It lands by itself, after all the days before it.
    """

    name: str
    folder: Path | None
    contracts: Path
    first_day: date
    last_day: date


def scenario_of(asked: str) -> Scenario:
    """A scenario by its name, or by its folder.

    Raises:
        UsageError: If there is none.
        ContractError: If its sandbox.yml is wrong.
    """
    if asked == RETAILER:
        return Scenario(RETAILER, None, HERE, date(2017, 1, 1), date(2017, 12, 31))
    folder = (FOLDER / asked if "/" not in asked and (FOLDER / asked).is_dir() else Path(asked)).absolute()
    if not (folder / "sandbox.yml").is_file():
        known = sorted(path.parent.name for path in FOLDER.glob("*/sandbox.yml"))
        raise UsageError(
            f"there is no scenario {asked}",
            str(FOLDER),
            f"use one of: {', '.join([RETAILER, *known])}; or name a folder with sandbox.yml and contracts/",
        )
    from sandbox.scenario.check import CONTRACTS, read_scenario

    declared, _ = read_scenario(folder)
    return Scenario(declared.scenario, folder, folder / CONTRACTS, declared.first_day, declared.last_day)


def settled(settings: "Settings", scenario: Scenario) -> "Settings":
    """Give the workspace to a scenario: its contracts are the workspace's from now on.

    Raises:
        UsageError: If the workspace is another scenario's, or its settings name other contracts.
    """
    mark = settings.lake / MARK
    before = (mark.read_text(encoding="utf-8").strip() or RETAILER) if mark.exists() else scenario.name
    if before != scenario.name:
        raise UsageError(
            f"this workspace has the demo of the scenario {before}, and one lake is of one business",
            str(settings.lake),
            f"run it in another folder: CLEW_HOME=/tmp/clew-{scenario.name} clew demo --scenario {scenario.name}",
        )
    if scenario.folder is None or _is_same(settings.contracts, scenario.contracts):
        return settings
    if not _is_same(settings.contracts, HERE):
        raise UsageError(
            f"CLEW_CONTRACTS names other contracts than those of the scenario {scenario.name}",
            str(settings.contracts),
            "leave it unset: the demo sets it in the workspace's .clew/settings.env",
        )
    _keep(settings.state / SETTINGS, f"CLEW_CONTRACTS={scenario.contracts}")
    return type(settings)(home=settings.home)


def mark(settings: "Settings", scenario: Scenario) -> None:
    """Note in the lake of which demo it is."""
    settings.lake.mkdir(parents=True, exist_ok=True)
    (settings.lake / MARK).write_text("" if scenario.folder is None else f"{scenario.name}\n", encoding="utf-8")


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _keep(path: Path, line: str) -> None:
    make_private(path.parent)
    text = read_secret(path).decode() if path.exists() else ""
    lines = [text.rstrip("\n"), line] if text.strip() else [line]
    replace_private(path, "\n".join(lines) + "\n")
