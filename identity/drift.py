"""How far a trained model is from the one in use: its levels, side by side."""

from dataclasses import dataclass
from math import log2

from identity.model import Model


@dataclass(frozen=True)
class Level:
    """One level of a comparison.

    Attributes:
        comparison: What is compared.
        level: How the two values stand to each other.
        m: How often this is so for two records of one person.
        u: How often for two records of different people.
        weight: log2 of m / u.
        weight_in_use: The same in the model in use; None where that has no such level.
    """

    comparison: str
    level: str
    m: float
    u: float
    weight: float
    weight_in_use: float | None

    @property
    def change(self) -> float | None:
        """How much the weight changed."""
        return None if self.weight_in_use is None else self.weight - self.weight_in_use


def levels(model: Model, in_use: Model | None = None) -> tuple[Level, ...]:
    """The levels of a model in its order, the highest first."""
    before = {(item.comparison, item.level): item.weight for item in levels(in_use)} if in_use else {}
    found = []
    for item in model.settings["comparisons"]:
        for level in item["comparison_levels"]:
            if level.get("is_null_level"):
                continue
            name, label = item["output_column_name"], level["label_for_charts"]
            m, u = level["m_probability"], level["u_probability"]
            found.append(Level(name, label, m, u, round(log2(m / u), 6), before.get((name, label))))
    return tuple(found)
