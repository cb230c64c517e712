"""Fitted weights as a file, to score one file by what was learnt from another."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contracts.errors import DataError, EnvironmentFault
from identity.people.comparisons import Comparison
from identity.people.mixture import Weights

FORM = "clew-people-1"
_KINDS = ("match", "household", "stranger")


@dataclass(frozen=True)
class Fitted:
    """Weights of a file that was fitted before: by comparison and level, so that another file may lack some.

    Attributes:
        version: Changes with any weight.
        matches_per_record: How many pairs of one person there were for each record.
        households_per_record: How many pairs of one household.
        levels: Share by kind of pair, comparison and label of its level.
    """

    version: str
    matches_per_record: float
    households_per_record: float
    levels: dict[str, dict[str, dict[str, float]]]

    def weights(self, comparisons: tuple[Comparison, ...], records: int, pairs: float) -> Weights:
        """The weights for a file that is compared so.

        Raises:
            DataError: If the model never saw one of the comparisons.
        """
        for item in comparisons:
            known = self.levels["match"].get(item.name, {})
            if [level.label for level in item.levels] != list(known):
                raise DataError(
                    f"the model has no such comparison of {item.name}", self.version, "fit one: leave out --model"
                )
        shares = [
            tuple(np.array(list(self.levels[kind][item.name].values())) for item in comparisons) for kind in _KINDS
        ]
        scale = records / pairs
        return Weights(min(0.5, self.matches_per_record * scale), min(0.4, self.households_per_record * scale), *shares)


def save_model(path: Path, comparisons: tuple[Comparison, ...], weights: Weights, records: int, pairs: float) -> None:
    """Write the weights as JSON; the same weights write the same bytes.

    Raises:
        EnvironmentFault: If it cannot be written.
    """
    levels = {
        kind: {
            item.name: {level.label: float(f"{share:.12g}") for level, share in zip(item.levels, shares, strict=True)}
            for item, shares in zip(comparisons, getattr(weights, kind), strict=True)
        }
        for kind in _KINDS
    }
    body: dict[str, Any] = {
        "form": FORM,
        "matches_per_record": float(f"{weights.matches * pairs / records:.12g}"),
        "households_per_record": float(f"{weights.households * pairs / records:.12g}"),
        "levels": levels,
    }
    body["version"] = _version(body)
    try:
        path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(
            "the model cannot be written", str(path), "name a folder that can be written to"
        ) from error


def load_model(path: Path) -> Fitted:
    """Read what ``save_model`` wrote.

    Raises:
        DataError: If it is no such file, or its weights are not those that its version names.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        version = body.pop("version")
        if body["form"] != FORM or version != _version(body):
            raise ValueError("another form or version")
        return Fitted(version, body["matches_per_record"], body["households_per_record"], body["levels"])
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DataError("this is no model that clew resolve saved", str(path), "save one: --save-model FILE") from error


def _version(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8]
