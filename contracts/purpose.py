"""Purposes and the consent policy: what data may be used for, and which statement counts when there are several.

Declared in contracts/consent/purposes.yml. The version of that file is the policy version that exported rows name.
"""

import datetime
from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text, Version

Status = Literal["granted", "denied", "withdrawn"]
Settled = Literal["granted", "denied", "withdrawn", "no_consent_known"]
STRICTEST_FIRST: tuple[Status, ...] = ("withdrawn", "denied", "granted")
"""The gates take this order from here, and so does the mart ``profile_consents``, as a variable of dbt."""


class Statement(Declared):
    """What a person said of one purpose, once."""

    status: Status
    given_at: datetime.datetime
    event_id: str = "example:1"


class SettleExample(Declared):
    """Statements on one purpose, in any order, and what they come to."""

    about: Text
    statements: tuple[Statement, ...]
    settles_to: Settled


class AntiStatement(Declared):
    """A statement that is not one, and the field that must be refused."""

    statement: dict[str, str]
    refused_as: Name


class Purpose(Declared):
    """One use of personal data that a person can allow or refuse."""

    about: Text
    owner: Name
    default: Literal["no"] = Field(description="What holds when the person has said nothing. Only `no` is possible.")
    used_by: Text


class Policy(Declared):
    """The consent policy: purposes, the answer when nothing is known, and how statements settle."""

    version: Version
    owner: Name
    why: Text
    settle: Literal["latest_then_strictest"] = Field(
        description="The statement given last counts. Of several given at the same instant, the strictest counts: "
        "withdrawn before denied before granted. Of equals, the one with the least event id is named as evidence."
    )
    purposes: dict[Name, Purpose] = Field(min_length=1)
    examples: tuple[SettleExample, ...] = Field(min_length=1)
    anti_examples: tuple[AntiStatement, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _examples_hold(self) -> "Policy":
        for number, example in enumerate(self.examples):
            settled = settle(example.statements)
            found = settled.status if settled else "no_consent_known"
            if found != example.settles_to:
                raise ValueError(
                    f"examples.{number} settles to {found}, but says {example.settles_to}: correct one of them"
                )
        return self


def settle(statements: Iterable[Statement]) -> Statement | None:
    """The statement that counts, by the rule ``latest_then_strictest``; None if nothing was said.

    The order of the input never matters.
    """
    return min(
        statements,
        key=lambda s: (-s.given_at.timestamp(), STRICTEST_FIRST.index(s.status), s.event_id),
        default=None,
    )
