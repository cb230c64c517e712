"""How a person is named: by a profile id, a record id, or an identifier in any spelling."""

from dataclasses import dataclass
from typing import Any, get_args

from contracts.errors import UsageError
from contracts.source import RecordKind
from lakehouse.settings import Settings

WHO = "A profile id, email:…, phone:…, loyalty:…, user:…, crm:…, anonymous:…, order:…, or a record id."

PROFILES_MEANT = """
    SELECT DISTINCT profile_id FROM (
        SELECT profile_id FROM identity.assignments
        WHERE profile_id = $text OR own_profile_id = $text OR record_id = $text
           OR record_id IN (
               SELECT record_id FROM identity.identifiers
               WHERE identifier = $identifier AND (list_contains($forms, value) OR list_contains($forms, raw_value)))
        QUALIFY (profile_id = $text) = max(profile_id = $text) OVER ())
    ORDER BY 1
"""
"""The profiles that somebody named, with the parameters of ``Who.asked``. A retired id means the profile that has its
founder now, if no profile has that id."""


@dataclass(frozen=True)
class Who:
    """What was written.

    Attributes:
        text: As it was written.
        identifier: The kind of identifier that it may be; None for a profile id, and for a kind of record only.
        forms: The value as written and in its standard form.
        unusable: Why the value identifies nobody, or None.
    """

    text: str
    identifier: str | None
    forms: tuple[str, ...]
    unusable: str | None = None

    @property
    def is_profile_id(self) -> bool:
        """Whether it can only be a profile id: those have no colon."""
        return ":" not in self.text

    @property
    def asked(self) -> dict[str, Any]:
        """The parameters of PROFILES_MEANT."""
        return {"text": self.text, "identifier": self.identifier, "forms": list(self.forms)}

    @property
    def noun(self) -> str:
        """What it is, in words, without its value."""
        return "id" if self.is_profile_id else self.identifier or "record"


def parse(text: str) -> Who:
    """Read what was written.

    Raises:
        UsageError: If it is empty, or begins with a kind that nobody declared.
    """
    kind, colon, value = text.partition(":")
    if not (value if colon else kind).strip():
        raise UsageError("nobody is named", do="write a profile id, or a value after the colon, as in email:…")
    if not colon:
        return Who(text, None, ())
    from contracts import Contracts

    rules = Contracts(Settings().contracts).identity
    named = rules.words
    if kind in named:
        from identity.standardise import standard_of

        standard = standard_of(rules.identifiers[named[kind]], rules.phone_region)(value)
        forms = tuple(form for form in (value.strip(), standard.value) if form)
        return Who(text, named[kind], forms, standard.reason)
    if kind in get_args(RecordKind):
        return Who(text, None, ())
    raise UsageError(
        f"{kind}: is no way to name a person",
        do=f"write a profile id, or one of: {', '.join(f'{name}:…' for name in sorted(named))}",
    )
