"""What a step read and wrote, by what its tables declare: the versions on the disk alone would also tell of others.

A step wrote the tables that changed and whose ``writer`` (contracts/tables) works in it; it read what the tables of its
writers are made of, and what else they say that they read. Two runs of one step at the same time are not told apart.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.lineage import Lineage, Node
    from lakehouse.lake import Lake

Versions = Mapping[str, int]
GATE, RELEASE, EXPORT, MARTS = "gate_", "release", "export", "build_marts"
WRITERS: Mapping[str, tuple[str, ...]] = {
    "land": ("spark_jobs.bronze.land",),
    "conform": ("spark_jobs.silver.conform",),
    "requeue": ("spark_jobs.silver.conform",),
    "resolve": ("identity.resolve", "identity.history", "identity.basis"),
    "build_events": ("spark_jobs.gold.events",),
    MARTS: ("spark_jobs.gold.consent_state", "lakehouse.policies"),
    "measure": ("measures.step",),
    GATE: ("expectations.gate", "lakehouse.releases"),
    RELEASE: ("lakehouse.releases",),
    EXPORT: ("activation.deliveries", "expectations.gate"),
    "retract": ("activation.withdrawals",),
}
"""By step, the modules that write tables in it; dbt, in ``build_marts``, writes the marts."""
KEEPERS = ("maintain", "retain", "forget")
"""Steps that go over all tables, while the others stand still: what they leave of a table is made of that table."""
BESIDE = ("ops.runs", "ops.audit")
"""Written by every step, about itself."""
BRONZE = "bronze.<source>"
_RELEASED = ("silver", "identity", "gold")


def outputs_of(lineage: "Lineage", step: str, before: Versions, after: Versions) -> list[str]:
    """The tables that a step changed."""
    changed = [table for table in sorted(after) if after[table] != before.get(table) and table not in BESIDE]
    if step in KEEPERS:
        return changed
    return [table for table in changed if (node := lineage.node(table)) is not None and _writes(step, node)]


def inputs_of(
    lineage: "Lineage", lake: "Lake", step: str, before: Versions, after: Versions, release: int | None
) -> dict[str, int | None]:
    """What a step read, by name: a table with its version, or the folder of a source, as ``landing/<source>``.

    Args:
        lineage: What is made of what.
        lake: The lake.
        step: The step.
        before: The newest versions when it began.
        after: Those when it ended.
        release: The release that an export handed over; None where it handed over nothing.
    """
    if step in KEEPERS:
        return {table: before[table] for table in outputs_of(lineage, step, before, after) if table in before}
    if step.startswith(GATE):
        return {table: after[table] for table in sorted(after) if table.split(".")[0] == step.removeprefix(GATE)}
    if step == RELEASE:
        return {table: after[table] for table in sorted(after) if table.split(".")[0] in _RELEASED}
    if step == EXPORT:
        return {} if release is None else _exported(lineage, lake, release, after)
    names = {name for node in lineage.nodes.values() if _writes(step, node) for name in _reads(lineage, node)}
    own = {name for name in names if (node := lineage.node(name)) is not None and _writes(step, node)}
    return {name: after.get(name) for name in sorted(names - own) if name in after or name.startswith("landing/")}


def reads_of(lineage: "Lineage", table: str, after: Versions) -> dict[str, int | None]:
    """What a mart is made of, each with its version."""
    return {name: after.get(name) for name in _reads(lineage, lineage.nodes[table])}


def _writes(step: str, node: "Node") -> bool:
    if node.is_mart:
        return step == MARTS
    return node.writer in WRITERS.get(GATE if step.startswith(GATE) else step, ())


def _reads(lineage: "Lineage", node: "Node") -> Iterator[str]:
    sources = lineage.contracts.sources
    if node.name == BRONZE:
        yield from (f"landing/{source}" for source in sources)
    for name in node.reads:
        yield from (f"bronze.{source}" for source in sources) if name == BRONZE else (name,)


def _exported(lineage: "Lineage", lake: "Lake", release: int, after: Versions) -> dict[str, int | None]:
    """What exports are made of: marts as the release has them, and what was said since."""
    from contracts.flow import Flow
    from lakehouse.releases import release_tables

    names = {table for tables in Flow(lineage.contracts).destinations().values() for table in tables}
    names |= set(lineage.nodes["ops.deliveries"].reads)
    released = {table: at for table, at in release_tables(lake, release).items() if table.startswith("gold.")}
    versions = {**after, **released}
    return {table: versions[table] for table in sorted(names) if table in versions}
