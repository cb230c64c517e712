"""How surely the records of a profile are one person, and the least of it that a reader of profiles may ask for."""

from typing import Literal

from pydantic import Field, model_validator

from contracts.base import Declared

LinkKind = Literal["founder", "deterministic", "inferred", "probabilistic"]
FIRMEST_FIRST: tuple[LinkKind, ...] = ("founder", "deterministic", "inferred", "probabilistic")
"""A founder needs no link. A deterministic link rests on an identifier of a person or on a steward's decision, an
inferred one on a device or on who had a number at that time, a probabilistic one on likeness. A record, and a profile,
is of the weakest kind among the links that hold it. The gates take this order from here, and so do the marts, as a
variable of dbt."""

REFUSED = "consent_refused"
"""How the reason of an edge begins whose records are not joined since the person refused that."""


class IdentityMinimum(Declared):
    """The least that an export or an audience asks of the links of a profile; without any field it asks for nothing."""

    least_probability: float = Field(
        0.0, ge=0, le=1, description="Of the weakest link that holds the profile together, `link_probability`"
    )
    kinds: tuple[LinkKind, ...] = Field(
        FIRMEST_FIRST, min_length=1, description="What the weakest kind of link may be, `link_kind`"
    )

    @model_validator(mode="after")
    def _takes_what_is_firmer(self) -> "IdentityMinimum":
        weakest = max(FIRMEST_FIRST.index(kind) for kind in self.kinds)
        left_out = [kind for kind in FIRMEST_FIRST[:weakest] if kind not in self.kinds]
        if left_out:
            raise ValueError(
                f"kinds takes {FIRMEST_FIRST[weakest]} and leaves out {', '.join(left_out)}, which is firmer: add it"
            )
        return self

    @property
    def condition(self) -> str:
        """The minimum in SQL, over link_kind and link_probability."""
        kinds = ", ".join(f"'{kind}'" for kind in self.kinds)
        return f"(link_kind IN ({kinds}) AND link_probability >= {self.least_probability!r})"
