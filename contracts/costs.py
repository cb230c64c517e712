"""What contacts cost, and improvements that are thought of: what each costs, and which friction it would remove.

Declared in contracts/costs.yml, which need not be there. Costs are the business's own estimates: nothing measures them.
"""

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text


class ContactCost(Declared):
    """What one contact in a channel costs, whoever begins it."""

    cost: float = Field(ge=0, description="In the currency of the file")
    about: Text = Field(description="What is in it")


class Improvement(Declared):
    """Something that could be done, and the friction that it is expected to remove."""

    improvement: Name
    about: Text
    owner: Name
    journey: Name
    removes: tuple[Name, ...] = Field(min_length=1, description="Frictions of the journey")
    stages: tuple[Name, ...] | None = Field(None, min_length=1, description="Where; left out: in every stage")
    channels: tuple[Name, ...] | None = Field(None, min_length=1, description="Where; left out: in every channel")
    share: float = Field(gt=0, le=1, description="Of the effort of these frictions, the part that goes away")
    cost: float = Field(gt=0, description="Expected cost once, in the currency of the file")
    because: Text = Field(description="Why this share is expected")


class Costs(Declared):
    """contracts/costs.yml."""

    owner: Name
    currency: Text
    contacts: dict[Name, ContactCost] = Field(description="By channel; one that is not named costs nothing known")
    improvements: tuple[Improvement, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "Costs":
        names = [item.improvement for item in self.improvements]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the improvement {', '.join(twice)} is declared twice")
        return self
