"""Export destinations: who gets which fields of whom, under which permission.

One YAML a destination, under contracts/exports/. A field map has paths into the profile and named converters, never
expressions. Each row also carries the receipt columns, which no contract can leave out.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text, Version
from contracts.link import IdentityMinimum, LinkKind
from contracts.marts import OF_PEOPLE, of_people
from contracts.purpose import Settled

Converter = Literal["as_is", "plain_text", "email_address", "google_email_sha256", "google_phone_sha256"]
"""``as_is`` leaves the value; ``plain_text`` trims, and takes out control characters; ``email_address`` trims and keeps
only what has the form of an address; ``google_email_sha256`` and ``google_phone_sha256`` normalise and hash as Google's
Customer Match asks (activation.convert cites the rules)."""

HASHING: tuple[Converter, ...] = ("google_email_sha256", "google_phone_sha256")

RECEIPT = (
    "profile_id",
    "consent_event_id",
    "notice_version",
    "policy_version",
    "link_kind",
    "link_probability",
    "release",
)
"""Columns of every export: whose row it is, what allows it, how surely it is one person, from which release."""

Channel = Literal["email", "ads", "sms", "push", "post", "phone", "none"]
"""How a destination reaches people; ``none`` is one that does not, such as a file for research."""

Reason = Literal[
    "retracted",
    "no_consent_known",
    "denied",
    "withdrawn",
    "snoozed",
    "expired",
    "too_young",
    "age_unknown",
    "jurisdiction",
    "topic_refused",
    "incomplete_receipt",
    "too_unsure",
    "no_address",
    "address_refused",
    "held_out",
    "address_taken",
    "capped",
]
REASONS: dict[Reason, str] = {
    "retracted": "they said no after the tables of the release were made, or another with the same address did",
    "no_consent_known": "the person never said yes or no to this purpose",
    "denied": "the person said no to this purpose",
    "withdrawn": "the person took back their yes",
    "snoozed": "the person asked for a pause, which is not over",
    "expired": "the yes is older than the policy lets it count",
    "too_young": "the person was younger than the policy asks on the day of their yes",
    "age_unknown": "no birth date is known, and the policy refuses that",
    "jurisdiction": "the yes was given in a place where the policy does not allow the purpose",
    "topic_refused": "the person refused or paused the topic of the destination",
    "incomplete_receipt": "the consent names no event or no notice version, or one that a spreadsheet would run as a "
    "formula, so the row could not be justified",
    "too_unsure": "the links of the profile are less sure than the destination asks under `identity`",
    "no_address": "no address field of the destination has a value",
    "address_refused": "another profile with the same address said no to this purpose",
    "held_out": "a holdout keeps the person, or another with the same address, away from what all others get",
    "address_taken": "another exported profile has the same address, and the destination takes one row an address",
    "capped": "the person has got as much within the window as a cap of contracts/consent/caps.yml allows",
}
"""Why a profile is not exported. A profile is counted under the first reason that holds."""


class FieldMap(Declared):
    """One exported column: the profile column that it comes from, and how it is converted."""

    profile: Name = Field(alias="from")
    convert: Converter = "as_is"
    about: Text


class ExampleLink(Declared):
    """How surely the profile of an example is one person."""

    kind: LinkKind = "founder"
    probability: float = Field(1.0, ge=0, le=1)


class ExportExample(Declared):
    """A profile with its settled consent, and the row that comes of it."""

    about: Text
    profile: dict[Name, str | None]
    consent: Settled
    link: ExampleLink = ExampleLink()
    row: dict[Name, str | None]


class ExportAntiExample(Declared):
    """A profile that must not be exported, and the reason that must be counted."""

    about: Text
    profile: dict[Name, str | None]
    consent: Settled
    link: ExampleLink = ExampleLink()
    refused_as: Reason


class Destination(Declared):
    """One place outside the lakehouse that data about people goes to."""

    destination: Name
    version: Version
    owner: Name
    about: Text
    why: Text
    purpose: Name
    channel: Channel = Field(description="How the destination reaches people; caps are counted by it")
    topic: Name | None = Field(
        None,
        description="What it is about, where its purpose has topics: one of them, or `all`. Who refused or paused it, "
        "or any of them all, is not exported.",
    )
    priority: int = Field(
        100,
        ge=0,
        description="Of destinations that share a cap the lower has the first claim; then the name",
    )
    audience: Name = Field("all", description="`all` profiles, or the name of a mart gold.audience_*")
    holdouts: tuple[Name, ...] = Field(
        (), description="Experiments of kind `holdout`: whom they hold out is not exported while they run"
    )
    identity: IdentityMinimum = Field(
        IdentityMinimum(), description="How surely a profile must be one person; without it any is exported"
    )
    format: Literal["csv"]
    fields: dict[Name, FieldMap] = Field(min_length=1)
    address: tuple[Name, ...] = Field(min_length=1, description="Fields of which at least one must have a value")
    one_row_per: Name | None = Field(None, description="An address field whose values may not repeat, or none")
    retention_days: int | None = Field(
        None,
        ge=1,
        description="So many days folders of this destination are kept under exports/: an export from the date of its "
        "release, a retraction from the day on which it was written. The newest export always stays. Where the "
        "purpose declares a shorter period, that counts.",
    )
    retract: Text = Field(description="How a person who withdraws is taken out again at the destination")
    examples: tuple[ExportExample, ...] = Field(min_length=1)
    anti_examples: tuple[ExportAntiExample, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_agree(self) -> "Destination":
        problems = []
        reserved = sorted(set(self.fields) & set(RECEIPT))
        if reserved:
            problems.append(f"fields: {', '.join(reserved)} are receipt columns and always present, leave them out")
        for name in (*self.address, *([self.one_row_per] if self.one_row_per else [])):
            if name not in self.fields:
                problems.append(f"{name} is not one of the fields: {', '.join(self.fields)}")
        if self.one_row_per and self.one_row_per not in self.address:
            problems.append(f"one_row_per: {self.one_row_per} must be one of address: {', '.join(self.address)}")
        if self.audience != "all" and not self.audience.startswith("audience_"):
            problems.append(f"audience: {self.audience} must be `all` or begin with audience_")
        for number, example in enumerate(self.examples):
            if set(example.row) != set(self.fields):
                problems.append(f"examples.{number}.row must have exactly the fields: {', '.join(self.fields)}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the exported file, in order."""
        return (*self.fields, *RECEIPT)

    @property
    def profile_columns(self) -> tuple[str, ...]:
        """Columns of gold.profiles and gold.profile_contact that the field map reads, each once."""
        return tuple(dict.fromkeys(field.profile for field in self.fields.values()))

    def schema_of_row(self) -> list[dict[str, Any]]:
        """The columns as the manifest describes them."""
        tables = of_people()
        mapped = [
            {
                "name": name,
                "type": "string",
                "from": f"{tables.get(field.profile, OF_PEOPLE[0])}.{field.profile}",
                "convert": field.convert,
            }
            for name, field in self.fields.items()
        ]
        kinds = {"link_probability": "double", "release": "bigint"}
        return mapped + [{"name": name, "type": kinds.get(name, "string"), "from": "receipt"} for name in RECEIPT]
