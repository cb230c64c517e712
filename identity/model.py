"""The linkage model: how two records are compared, and the trained weights as a versioned file.

We follow Fellegi and Sunter, "A Theory for Record Linkage" (1969, doi:10.1080/01621459.1969.10501049), as
Splink carries it out. We differ in two things. E-mail, phone and address are one comparison, because in a
household they agree together: as three, they would outvote the first name. And there are no term-frequency
adjustments, because they would make the weight of a pair depend on who else is in the data, and a daily run
could not equal a full rebuild.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import splink.comparison_level_library as level
import splink.comparison_library as comparison
from splink import SettingsCreator

from identity.agree import formal_name
from identity.block import BLOCKING_RULES, splink_rules
from identity.placeholders import without_placeholders
from lakehouse.errors import DataError

MODELS = Path(__file__).parent / "models"
"""The models that come with Clew. A model of the same name in the workspace's own folder goes before them."""

_SAME_EMAIL = "email_l = email_r"
_SAME_PHONE = "phone_l = phone_r"
_SAME_ADDRESS = "street_l = street_r AND postcode_l = postcode_r"
_NO_CONTACT = (
    "(email_l IS NULL OR email_r IS NULL) AND (phone_l IS NULL OR phone_r IS NULL) "
    "AND (postcode_l IS NULL OR postcode_r IS NULL) AND (street_l IS NULL OR street_r IS NULL)"
)


@dataclass(frozen=True)
class Model:
    """A trained model.

    Attributes:
        version: Names it, and changes with any weight or blocking rule.
        settings: Splink's, with the weights.
        trained_on: What it was trained on: counts and seeds.
        evaluation: What was measured when it was taken; see ``training.Training``.
    """

    version: str
    settings: dict[str, Any]
    trained_on: dict[str, Any]
    evaluation: dict[str, Any] = field(default_factory=dict)

    @property
    def prior_weight(self) -> float:
        """Match weight of a pair of which nothing is known yet."""
        from math import log2

        prior = float(self.settings["probability_two_random_records_match"])
        return log2(prior / (1 - prior))


def settings(rules: Sequence[tuple[str, ...]] = BLOCKING_RULES) -> SettingsCreator:
    """The untrained model, which compares the pairs that any of the blocking rules brings together."""
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        comparisons=[_first_name(), _last_name(), _birth_date(), _contact()],
        blocking_rules_to_generate_predictions=[*splink_rules(rules)],
        retain_matching_columns=True,
        retain_intermediate_calculation_columns=True,
        linker_uid="clew",
    )


def _first_name() -> comparison.CustomComparison:
    return comparison.CustomComparison(
        output_column_name="first_name",
        comparison_levels=[
            level.NullLevel("first_name"),
            level.ExactMatchLevel("first_name").configure(label_for_charts="equal"),
            level.ExactMatchLevel("formal_name").configure(label_for_charts="nickname"),
            level.JaroWinklerLevel("first_name", 0.9).configure(label_for_charts="alike"),
            level.CustomLevel(
                "starts_with(first_name_l, first_name_r) OR starts_with(first_name_r, first_name_l)",
                label_for_charts="initial or beginning",
            ),
            level.ElseLevel().configure(label_for_charts="different"),
        ],
    )


def _last_name() -> comparison.CustomComparison:
    return comparison.CustomComparison(
        output_column_name="last_name",
        comparison_levels=[
            level.NullLevel("last_name"),
            level.ExactMatchLevel("last_name").configure(label_for_charts="equal"),
            level.JaroWinklerLevel("last_name", 0.9).configure(label_for_charts="alike"),
            level.ElseLevel().configure(label_for_charts="different"),
        ],
    )


def _birth_date() -> comparison.CustomComparison:
    return comparison.CustomComparison(
        output_column_name="birth_date",
        comparison_levels=[
            level.NullLevel("birth_date"),
            level.ExactMatchLevel("birth_date").configure(label_for_charts="equal"),
            level.CustomLevel("birth_date_l = birth_date_swapped_r", label_for_charts="day and month exchanged"),
            level.DamerauLevenshteinLevel("birth_date", 1).configure(label_for_charts="one digit wrong"),
            level.ExactMatchLevel("birth_year").configure(label_for_charts="same year"),
            level.ElseLevel().configure(label_for_charts="different"),
        ],
    )


def _contact() -> comparison.CustomComparison:
    return comparison.CustomComparison(
        output_column_name="contact",
        comparison_levels=[
            level.CustomLevel(_NO_CONTACT, label_for_charts="not comparable").configure(is_null_level=True),
            level.CustomLevel(f"{_SAME_EMAIL} AND {_SAME_PHONE}", label_for_charts="e-mail and phone equal"),
            level.CustomLevel(_SAME_EMAIL, label_for_charts="e-mail equal"),
            level.CustomLevel(_SAME_PHONE, label_for_charts="phone equal"),
            level.CustomLevel(_SAME_ADDRESS, label_for_charts="street and postcode equal"),
            level.CustomLevel(
                "jaro_winkler_similarity(street_l, street_r) >= 0.9 AND "
                "(postcode_l = postcode_r OR damerau_levenshtein(postcode_l, postcode_r) <= 1)",
                label_for_charts="street and postcode alike",
            ),
            level.CustomLevel("postcode_l = postcode_r", label_for_charts="postcode equal"),
            level.CustomLevel("street_l = street_r", label_for_charts="street equal"),
            level.ElseLevel().configure(label_for_charts="different"),
        ],
    )


def compared_people(records: pa.Table) -> pa.Table:
    """The records that have a name and something beside it, with the columns that rules block on.

    What speaks for nobody is left out: it must neither be compared nor make blocks.
    """
    from identity.sql import query

    people = query(
        """SELECT record_id, first_name, last_name, strftime(birth_date, '%Y-%m-%d') AS birth_date,
                  strftime(birth_date, '%Y') AS birth_year, email, phone, street, postcode, CASE WHEN
                  day(birth_date) <= 12 THEN strftime(birth_date, '%Y-%d-%m') END AS birth_date_swapped,
                  last_name[1:4] AS last_start
           FROM records
           WHERE (first_name IS NOT NULL OR last_name IS NOT NULL)
                 AND (birth_date IS NOT NULL OR email IS NOT NULL OR phone IS NOT NULL OR postcode IS NOT
                 NULL)
           ORDER BY record_id""",
        records=without_placeholders(records),
    )
    names = query("SELECT DISTINCT first_name FROM people WHERE first_name IS NOT NULL", people=people)
    formal = pa.array([formal_name(name) for name in names["first_name"].to_pylist()], pa.string())
    return query(
        "SELECT people.*, formal_name FROM people LEFT JOIN names USING (first_name) ORDER BY record_id",
        people=people,
        names=names.append_column("formal_name", formal),
    )


def model_version(name: str, trained: dict[str, Any]) -> str:
    """The model's name and eight hex digits of its content."""
    content = json.dumps(trained, sort_keys=True).encode()
    return f"{name}-{hashlib.sha256(content).hexdigest()[:8]}"


def new_model(
    name: str, trained: dict[str, Any], trained_on: dict[str, Any], evaluation: dict[str, Any] | None = None
) -> Model:
    """A model of this name with the version that its settings give it."""
    return Model(model_version(name, trained), trained, trained_on, evaluation or {})


def save_model(name: str, model: Model, folder: Path) -> Path:
    """Write ``<name>.json``, and the same as ``<version>.json``, which no other model takes the place of.

    Each is written whole or not at all; the same model is written as the same bytes.
    """
    body = {
        "version": model.version,
        "trained_on": model.trained_on,
        "evaluation": model.evaluation,
        "settings": model.settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    for written in (folder / f"{model.version}.json", path):
        draft = folder / f".{written.name}.{os.getpid()}"
        draft.write_text(json.dumps(body, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
        draft.replace(written)
    return path


def load_model(name: str, own: Path | None = None) -> Model:
    """Read a trained model.

    Args:
        name: Its name, or one version of it; the contract says which is in use.
        own: The workspace's folder of models, where it is looked for first.

    Raises:
        DataError: If there is no such model, or its weights are not those that its version names.
    """
    folders = [MODELS] if own is None else [own, MODELS]
    path = next((found for folder in folders if (found := folder / f"{name}.json").is_file()), None)
    path = path or next(
        (found for folder in folders if _holds(found := folder / f"{_trained_as(name)}.json", name)), None
    )
    if path is None:
        raise DataError(
            f"there is no trained model {name}",
            str(folders[0] / f"{name}.json"),
            f"train it: clew identity train --name {name}",
        )
    body = json.loads(path.read_text(encoding="utf-8"))
    version = body["version"]
    trained_as = _trained_as(version)
    if name not in (version, trained_as) or version != model_version(trained_as, body["settings"]):
        raise DataError(
            f"the weights of model {name} are not those of version {version}",
            str(path),
            f"restore the file, or remove it and train anew: clew identity train --name {name}",
        )
    return Model(version, body["settings"], body["trained_on"], body.get("evaluation", {}))


def _trained_as(version: str) -> str:
    """The name that a version was trained under."""
    return version.rpartition("-")[0]


def _holds(path: Path, version: str) -> bool:
    """Whether the file of a name holds this version of it; the models that come with Clew have no file a version."""
    return path.is_file() and json.loads(path.read_text(encoding="utf-8"))["version"] == version
