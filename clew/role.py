"""As whom a command reads: the role that was named, else the one that the files of the lake allow."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from contracts import ALL, LEAST
from contracts.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts import Contracts
    from lakehouse.places import Places
    from lakehouse.settings import Settings


@dataclass(frozen=True)
class Reader:
    """Somebody who reads tables.

    Attributes:
        role: Their role.
        declarations: The contracts folder, which tells what the role may read.
        may_enter: Whether the file system lets them into the restricted folder.
    """

    role: str
    declarations: Path
    may_enter: bool

    @cached_property
    def contracts(self) -> "Contracts":
        """What is declared; loaded only where the role must be looked up."""
        from contracts import Contracts

        return Contracts(self.declarations)

    def readable(self, tables: "Iterable[str]") -> list[str]:
        """Those of some tables that the role may read."""
        if self.role == ALL:
            return list(tables)  # all there are, without a look at the declarations: `clew query` has no time to lose
        return [table for table in tables if self.role in self.contracts.readers(table)]

    def declared(self) -> list[str]:
        """Every table that is declared, whether this reader can see it or not."""
        from clew.grants import every_table

        return every_table(self.contracts)

    def refusal(self, table: str) -> UsageError | None:
        """Why a table that is declared cannot be read, and what to do; None where the role and the files allow it."""
        readers = self.contracts.readers(table)
        if self.role not in readers:
            names_people = self.contracts.is_restricted(table)
            why = "it can name or reach a person" if names_people else "that role does without its schema"
            return UsageError(
                f"{table} is not for the role {self.role}: {why}",
                f"contracts/roles.yml; {' and '.join(readers)} may read it",
                "ask by profile_id in the other tables (clew tables); or, if you are one of those, name that role: "
                f"--role {readers[0] if readers else ALL}",
            )
        if self.contracts.is_restricted(table) and not self.may_enter:
            return UsageError(
                f"{table} lies in the restricted folder, which your account may not enter",
                "the file permissions of the lake, whatever role is named",
                "ask the owner of the lake; what you may read: clew tables",
            )
        return None


def reader(settings: "Settings", asked: str | None = None) -> Reader:
    """Who reads.

    Args:
        settings: ``CLEW_ROLE`` narrows what the file system allows.
        asked: A role named on the command line; it narrows further, and never widens.

    Raises:
        UsageError: If nothing declares the role, or ``CLEW_ROLE`` is a lesser one.
    """
    may_enter = can_enter(settings.places)
    named = [role for role in (settings.role, asked) if role is not None]
    who = Reader(named[-1] if named else (ALL if may_enter else LEAST), settings.contracts, may_enter)
    roles = who.contracts.roles if named else {}
    for role in named:
        if role not in roles:
            raise UsageError(f"there is no role {role}", "contracts/roles.yml", f"use one of: {', '.join(roles)}")
    if settings.role and asked and not roles[settings.role].covers(roles[asked]):
        raise UsageError(
            f"CLEW_ROLE is {settings.role}, and the role {asked} may read more",
            "CLEW_ROLE",
            "leave --role out; or unset CLEW_ROLE, if this account is yours alone",
        )
    return who


def can_enter(places: "Places") -> bool:
    """Whether this process may read what lies in the restricted folder; true where there is none yet."""
    return not os.path.lexists(places.restricted) or os.access(places.restricted, os.R_OK | os.X_OK)
