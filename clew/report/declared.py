"""Where a figure is declared: file, lines, and their text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from contracts import DBT_MODELS

if TYPE_CHECKING:
    from contracts import Contracts

Step = str | int


@dataclass(frozen=True)
class Place:
    """Lines of a declaration.

    Attributes:
        file: Its path from the folder in which contracts/ lies.
        first: Its first line, from 1.
        last: Its last line.
        text: These lines.
    """

    file: str
    first: int
    last: int
    text: str

    @property
    def name(self) -> str:
        lines = f"line {self.first}" if self.first == self.last else f"lines {self.first}–{self.last}"
        return f"{self.file}, {lines}"


class Declarations:
    """The files of one contracts folder, to point into."""

    def __init__(self, contracts: "Contracts") -> None:
        self._root = contracts.root
        self._read: dict[Path, tuple[str, yaml.Node | None]] = {}

    def find(self, pattern: str, key: str, name: str, *location: Step) -> Place | None:
        """A part of the declaration that bears a name.

        Args:
            pattern: Where such files lie under contracts/.
            key: The field that holds the name.
            name: The name.
            location: The way to the part: names of fields, and numbers of items from 0.
        """
        for path in sorted(self._root.glob(pattern)):
            root = self._file(path)[1]
            if isinstance(root, yaml.MappingNode) and any(
                field.value == key and value.value == name for field, value in root.value
            ):
                return self._place(path, root, location)
        return None

    def part(self, file: str, *location: Step) -> Place | None:
        """A part of a declaration of which there is one."""
        path = self._root / file
        root = self._file(path)[1] if path.exists() else None
        return None if root is None else self._place(path, root, location)

    def table(self, name: str) -> Place | None:
        """Where a table of gold is declared: under contracts/tables, or beside its model."""
        bare = name.split(".")[1]
        found = self.find("tables/*/*.yml", "name", name)
        if found is None and (path := DBT_MODELS / "marts" / f"{bare}.yml").exists():
            root = self._file(path)[1]
            found = None if root is None else self._place(path, root, ("models", 0), DBT_MODELS.parents[1])
        return found

    def _file(self, path: Path) -> tuple[str, yaml.Node | None]:
        if path not in self._read:
            text = path.read_text(encoding="utf-8")
            self._read[path] = text, yaml.compose(text, Loader=yaml.CSafeLoader)
        return self._read[path]

    def _place(self, path: Path, root: yaml.Node, location: Sequence[Step], base: Path | None = None) -> Place | None:
        first, node = 0, root
        for step in location:
            found = _child(node, step)
            if found is None:
                return None
            start, node = found
            first = start.start_mark.line
        lines = self._file(path)[0].split("\n")
        last = max(first, min(_last(node), len(lines) - 1))
        file = path.relative_to(base or self._root.parent).as_posix()
        return Place(file, first + 1, last + 1, "\n".join(lines[first : last + 1]))


def _child(node: yaml.Node, step: Step) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if not isinstance(node, yaml.SequenceNode):
        return None
    return (node.value[step], node.value[step]) if isinstance(step, int) and step < len(node.value) else None


def _last(node: yaml.Node) -> int:
    """The last line of a node, from 0: that of its last part, since a block's own end is where the next begins."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _last(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _last(node.value[-1])
    return int(node.end_mark.line) - (
        1 if node.end_mark.column == 0 and node.end_mark.line > node.start_mark.line else 0
    )
