"""Pairwise precision, recall and F1, from counts of pairs."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class PairCounts:
    """Pairs of records: of one person, of one profile, of both."""

    true_pairs: int
    found_pairs: int
    right_pairs: int

    @property
    def precision(self) -> float:
        """Of the pairs found, the share that is right; 1.0 where none was found."""
        return self.right_pairs / self.found_pairs if self.found_pairs else 1.0

    @property
    def recall(self) -> float:
        """Of the pairs there are, the share that was found; 1.0 where there are none."""
        return self.right_pairs / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def as_dict(self) -> dict[str, float]:
        """All figures, the rates included."""
        return asdict(self) | {"precision": self.precision, "recall": self.recall, "f1": self.f1}
