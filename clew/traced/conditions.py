"""Origins as SQL: the rows ``of`` that rows ``it`` are made of, and back.

Names are declared ones; values are quoted here.

Each is a semi-join with a condition of equalities first, so that DuckDB hashes it whichever side is the larger.
"""

from collections.abc import Callable, Iterable, Mapping

from contracts.lineage import ASSIGNMENTS, PERSON, Lineage
from contracts.origin import Origin
from contracts.source import Source

MadeOf = Mapping[str, tuple[Origin, ...]]
View = Callable[[str], str]
"""The name to read a parent by."""
_VIA = "_via_"


def quoted(name: str) -> str:
    """A name of SQL; of a table with its schema, both parts."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def literal(text: str) -> str:
    """A text of SQL."""
    return "'" + text.replace("'", "''") + "'"


def rows_behind(lineage: Lineage, made_of: MadeOf, origin: Origin, rows: str, parent: str, view: View) -> str:
    """The rows of ``parent``, a relation, that some of ``rows`` are made of."""
    if origin.via == ASSIGNMENTS:
        person = f"SELECT it.*, {_theirs(origin)} FROM {rows} AS it JOIN {ASSIGNMENTS} AS via USING ({PERSON})"
        return f"SELECT of.* FROM {parent} AS of SEMI JOIN ({person}) AS it ON {_condition(origin, lineage)}"
    if origin.via is not None:
        between = _between(lineage, made_of, origin, view)
        chain = " UNION ALL ".join(
            f"SELECT of.* FROM {table} AS of SEMI JOIN {rows} AS it ON {told}" for table, told in between
        )
        return f"SELECT of.* FROM {parent} AS of SEMI JOIN ({chain}) AS via ON {_joined(origin)}"
    return f"SELECT of.* FROM {parent} AS of SEMI JOIN {rows} AS it ON {_condition(origin, lineage)}"


def rows_made(lineage: Lineage, made_of: MadeOf, origin: Origin, child: str, rows: str, view: View) -> str:
    """The rows of ``child``, a relation, that are made of some of ``rows``."""
    if origin.via == ASSIGNMENTS:
        joined = _joined(origin)
        person = (
            f"SELECT of.*, via.{PERSON} AS {quoted(_VIA + PERSON)}, {_theirs(origin)} "
            f"FROM {rows} AS of JOIN {ASSIGNMENTS} AS via ON {joined}"
        )
        whose = " AND ".join([f"it.{PERSON} = of.{quoted(_VIA + PERSON)}", *_parts(origin, lineage)])
        return f"SELECT it.* FROM {child} AS it SEMI JOIN ({person}) AS of ON {whose}"
    if origin.via is not None:
        between = _between(lineage, made_of, origin, view)
        return " UNION ".join(
            f"SELECT it.* FROM {child} AS it SEMI JOIN "
            f"(SELECT via.* FROM {table} AS via SEMI JOIN {rows} AS of ON {_joined(origin)}) AS of ON {told}"
            for table, told in between
        )
    return f"SELECT it.* FROM {child} AS it SEMI JOIN {rows} AS of ON {_condition(origin, lineage)}"


def _condition(origin: Origin, lineage: Lineage) -> str:
    person = [f"it.{quoted(_VIA + mine)} = of.{quoted(theirs)}" for mine, theirs in origin.joined.items()]
    return " AND ".join([*person, *_parts(origin, lineage)])


def _parts(origin: Origin, lineage: Lineage) -> list[str]:
    parts = [f"it.{quoted(mine)} IS NOT DISTINCT FROM {_first(theirs)}" for mine, theirs in origin.same.items()]
    parts += [
        f"of.{quoted(name)} BETWEEN it.{quoted(low)} AND it.{quoted(high)}"
        for name, (low, high) in origin.within.items()
    ]
    parts += [
        f"it.{quoted(name)} >= of.{quoted(low)} AND coalesce(it.{quoted(name)} < of.{quoted(high)}, true)"
        for name, (low, high) in origin.during.items()
    ]
    parts += [f"of.{quoted(name)} IN ({', '.join(map(literal, values))})" for name, values in origin.only.items()]
    return [*parts, f"({carried(lineage.contracts.sources.values())})"] if origin.carried else parts


def _between(lineage: Lineage, made_of: MadeOf, origin: Origin, view: View) -> list[tuple[str, str]]:
    """The table between two, as it is read, and the conditions by which its rows are told."""
    via = next(name for name in made_of if name.rsplit(".", 1)[-1] == origin.via)
    return [(view(via), _condition(way, lineage)) for way in made_of[via]]


def _theirs(origin: Origin) -> str:
    return ", ".join(f"via.{quoted(mine)} AS {quoted(_VIA + mine)}" for mine in origin.joined)


def _joined(origin: Origin) -> str:
    return " AND ".join(f"via.{quoted(mine)} = of.{quoted(theirs)}" for mine, theirs in origin.joined.items())


def _first(theirs: str | tuple[str, ...]) -> str:
    if isinstance(theirs, str):
        return f"of.{quoted(theirs)}"
    return f"coalesce({', '.join(f'of.{quoted(name)}' for name in theirs)})"


def carried(sources: Iterable[Source]) -> str:
    """Whether the event ``of`` carries the identifier of ``it``, where the contract of its source says."""
    cases = " ".join(
        f"WHEN of.source = {literal(source.source)} AND it.identifier = {literal(tie.identifier)} "
        f"AND trim({_at(tie.path)}) = it.value THEN true"
        for source in sources
        for tie in source.identifiers
    )
    return f"CASE {cases} ELSE false END"


def _at(path: str) -> str:
    """The value at a path of an event, as text; what lies deeper than one key is JSON."""
    head, *keys = path.split(".")
    if not keys:
        return f"of.{quoted(head)}"
    first = f"of.{quoted(head)}[{literal(keys[0])}]"
    if not keys[1:]:
        return first
    inner = "".join(f'."{key}"' for key in keys[1:])
    return f"CASE WHEN json_valid({first}) THEN json_extract_string({first}, {literal('$' + inner)}) END"
