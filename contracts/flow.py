"""The data-flow map: from which source, by which tables, for which purpose, to which destination.

It is made of the declarations alone, and written to docs/reference/data-flow.md, with a picture beside it, by
``clew check --write-docs``.
"""

from collections.abc import Iterable
from pathlib import Path

from contracts.catalog import Contracts
from contracts.lineage import Lineage
from contracts.marts import of_people
from contracts.picture import Box, drawn
from contracts.table import OPERATION, RESTRICTED

PAGE, PICTURE = "data-flow.md", "data-flow.svg"
FOLDER = Path("docs") / "reference"
_LAYERS = ("sources", "bronze", "silver", "identity", "gold", "destinations")


class Flow:
    """What flows where.

    Args:
        contracts: All declarations.
    """

    def __init__(self, contracts: Contracts) -> None:
        self.contracts = contracts
        self.lineage = Lineage(contracts)
        self.tables = sorted(set(self.lineage.nodes) - {"bronze.<source>"})
        self.bronze = [f"bronze.{source}" for source in sorted(contracts.sources)]

    def sources_of(self, table: str) -> list[str]:
        """The tables that a table is made of; a table of silver is made of those of bronze."""
        if table.startswith("bronze."):
            return [table.removeprefix("bronze.")]
        found: list[str] = []
        for name in self.lineage.nodes[table].reads:
            found += self.bronze if name == "bronze.<source>" else [name]
        return sorted(dict.fromkeys(found))

    def purposes_of(self, table: str) -> list[str]:
        """What the columns of a table are for."""
        mart = self.contracts.marts.get(table)
        if mart is not None:
            return sorted({purpose for purpose in mart.purpose.values() if purpose})
        declared = self.contracts.table(table)
        return sorted(declared.purposes)

    def destinations(self) -> dict[str, list[str]]:
        """By destination, the tables that its rows come from."""
        known = of_people()
        return {
            name: sorted(
                {known[column] for column in destination.profile_columns if column in known}
                | {"gold.profiles"}
                | ({f"gold.{destination.audience}"} if destination.audience != "all" else set())
            )
            for name, destination in sorted(self.contracts.destinations.items())
        }

    def classes_of(self, table: str) -> list[str]:
        """The privacy classes of a table's columns, the harmless one left out."""
        return sorted({found or "undeclared" for found in self.contracts.classes(table)} - {"none"})


def page(contracts: Contracts) -> str:
    """The map as Markdown."""
    flow = Flow(contracts)
    lines = [
        "# Data-flow map",
        "",
        "Made from the declarations by `clew check --write-docs`; `clew check` tells when it is stale. A table is",
        f"restricted if a column of it is of the class {_listed(sorted(RESTRICTED))};",
        "[who reads what](../guides/privacy.md#roles-and-secrets).",
        "",
        f"![From sources by tables to destinations]({PICTURE})",
        "",
        "## Purposes",
        "",
        "| purpose | tables | destinations |",
        "| --- | --- | --- |",
    ]
    for purpose in (*contracts.policy.purposes, OPERATION):
        sent = [name for name, item in sorted(contracts.destinations.items()) if item.purpose == purpose]
        handed = {table for name in sent for table in flow.destinations()[name]}
        tables = [
            f"`{name}`" for name in (*flow.bronze, *flow.tables) if purpose in flow.purposes_of(name) or name in handed
        ]
        lines.append(f"| {purpose} | {', '.join(tables) or 'none'} | {', '.join(sent) or 'none'} |")
    lines += ["", "## Sources", "", "| source | channel | owner | goes to |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {source.channel} | {source.owner} | `bronze.{name}` |"
        for name, source in sorted(contracts.sources.items())
    ]
    lines += [
        "",
        "## Tables",
        "",
        "| table | made of | for | classes | folder | read by |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for table in (*flow.bronze, *flow.tables):
        made_of = flow.sources_of(table)
        told = (
            "every `bronze` table" if set(flow.bronze) <= set(made_of) else ", ".join(f"`{name}`" for name in made_of)
        )
        lines.append(
            f"| `{table}` | {told or 'what the platform does'} | {', '.join(flow.purposes_of(table))} "
            f"| {', '.join(flow.classes_of(table)) or 'none'} "
            f"| {'restricted' if contracts.is_restricted(table) else 'open'} | {', '.join(contracts.readers(table))} |"
        )
    lines += ["", "## Destinations", "", "| destination | for | made of | fields |", "| --- | --- | --- | --- |"]
    for name, tables in flow.destinations().items():
        item = contracts.destinations[name]
        lines.append(
            f"| {name} | {item.purpose} | {', '.join(f'`{table}`' for table in tables)} | {', '.join(item.fields)} |"
        )
    return "\n".join(lines) + "\n"


def picture(contracts: Contracts) -> str:
    """The map as an SVG picture that opens by itself."""
    flow = Flow(contracts)
    named = [name for name in (*flow.bronze, *flow.tables) if not name.startswith("ops.")]
    boxes = {name: Box(0, name, "what lands", False) for name in sorted(contracts.sources)}
    boxes |= {
        name: Box(
            _LAYERS.index(name.split(".")[0]), name, ", ".join(flow.purposes_of(name)), contracts.is_restricted(name)
        )
        for name in named
    }
    sent = flow.destinations()
    boxes |= {f"to {name}": Box(5, name, contracts.destinations[name].purpose, False) for name in sent}
    arrows = [(source, name) for name in named for source in flow.sources_of(name) if source in boxes]
    arrows += [(table, f"to {name}") for name, tables in sent.items() for table in tables]
    return drawn(_LAYERS, boxes, sorted(arrows), "Data-flow map: from sources by tables to destinations")


def _listed(words: Iterable[str]) -> str:
    *some, last = words
    return f"{', '.join(some)} or {last}" if some else last
