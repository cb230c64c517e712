"""Every error of Clew: what happened, where, and what to do, with the exit code a shell sees."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


class ClewError(Exception):
    """Base of all errors that Clew raises on purpose.

    Args:
        what: One sentence that says what happened. Never holds a personal value; keys of rows may be named.
        where: File and line, table, or row key.
        do: What the reader should do next, preferably a command.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, where: str = "", do: str = "") -> None:
        self.what, self.where, self.do = what, where, do
        super().__init__(str(self))

    def __reduce__(self) -> tuple[type["ClewError"], tuple[str, str, str]]:
        """Airflow passes errors between processes: all three parts must survive pickling."""
        return type(self), (self.what, self.where, self.do)

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"  where: {self.where}")
        if self.do:
            parts.append(f"  do:    {self.do}")
        return "\n".join(parts)


@dataclass(frozen=True)
class Problem:
    """One wrong field of a declaration: file, line (from 1), field, what is wrong and what is allowed."""

    file: str
    line: int
    field: str
    what: str
    allowed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        allowed = f" (allowed: {', '.join(self.allowed)})" if self.allowed else ""
        return f"{self.file}, line {self.line}: {self.field}: {self.what}{allowed}"


class ContractError(ClewError):
    """A declaration under contracts/ is wrong. Mend the file it names; a retry cannot help.

    Args:
        what: As of :class:`ClewError`.
        where: As of :class:`ClewError`; made from ``problems`` if there are any.
        do: As of :class:`ClewError`.
        problems: Every wrong field.
    """

    exit_code = 2

    def __init__(self, what: str, where: str = "", do: str = "", problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(what, where or "\n         ".join(map(str, problems)), do)


class UsageError(ClewError):
    """A command was called with arguments it cannot serve. Call it again, corrected."""

    exit_code = 2


class EnvironmentFault(ClewError):
    """Java, disk, memory, a port or a file system is not as needed. Mend it; a retry is safe."""

    exit_code = 3


class DataError(ClewError):
    """Data in the lake contradicts itself. Look at the rows it names before running again."""

    exit_code = 1


class GateClosed(ClewError):
    """A quality gate refused the run. The last release stays; retrying cannot open it."""

    exit_code = 1
