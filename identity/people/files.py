"""From files of people to a file of profiles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from contracts.errors import DataError, EnvironmentFault, UsageError
from identity.engine import BYTES_PER_RECORD_OF_FILE, Choice, engine_for
from identity.people.columns import Columns, recognise
from identity.people.model import load_model
from identity.people.read import File, read_file
from identity.people.resolve import Resolved, resolve_people
from identity.people.standard import Crowded, people, without_crowded
from identity.people.truth import Score, read_truth, score


@dataclass(frozen=True)
class Told:
    """What the caller says of the files.

    Attributes:
        columns: Meaning by column.
        id_column: The column that names a record.
        region: Of phone numbers without a country code, in letters of either case.
        across: Link two files to each other, never two rows of one.
        model: Weights to use instead of fitting them, as ``save_model`` wrote them.
        engine: What compares the pairs; auto: by size.
    """

    columns: Mapping[str, str]
    id_column: str = ""
    region: str = "US"
    across: bool = False
    model: Path | None = None
    engine: Choice = "auto"


@dataclass(frozen=True)
class Outcome:
    """What was read, what was found, and how right it is where the truth is known.

    Attributes:
        files: The files, as they were read.
        columns: What the columns of each mean.
        crowded: For each column the values that stood on too many people and were not used.
        resolved: What was found.
        score: Against the truth, if one was given.
    """

    files: tuple[File, ...]
    columns: tuple[Columns, ...]
    crowded: dict[str, Crowded]
    resolved: Resolved
    score: Score | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON; see ``clew resolve`` in docs/reference/cli.md."""
        clusters, plan = self.resolved.clusters, self.resolved.plan
        sizes = clusters["profile_id"].value_counts().field("counts").to_pylist()
        return {
            "files": [
                {
                    "path": str(file.path),
                    "rows": file.rows.num_rows,
                    "rejected": file.rejected.num_rows,
                    "encoding": file.encoding,
                    "columns": columns.of,
                    "ignored": list(columns.ignored),
                }
                for file, columns in zip(self.files, self.columns, strict=True)
            ],
            "records": clusters.num_rows,
            "profiles": len(sizes),
            "joined_profiles": sum(size > 1 for size in sizes),
            "biggest_profile": max(sizes),
            "crowded_values": {name: crowd.values for name, crowd in self.crowded.items()},
            "crowded_rows": {name: crowd.rows for name, crowd in self.crowded.items()},
            "compared": [item.name for item in self.resolved.bench.comparisons],
            "pairs": self.resolved.pairs,
            "links": self.resolved.links,
            "blocking": None if plan.rules is None else [list(rule) for rule in plan.rules],
            "blocking_reach": plan.reach,
            "truth": self.score and self.score.as_dict(),
        }


def resolve_files(
    paths: Sequence[Path], told: Told, truth: Path | None = None, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Resolve the people of one file, or of several together.

    Raises:
        UsageError: If a file, a column or the truth is not as it should be.
        DataError: If a file cannot be read, or its column of ids names two rows alike.
    """
    twice = [str(path) for path in paths if sum(path.resolve() == other.resolve() for other in paths) > 1]
    if twice:
        raise UsageError("the same file was given twice", twice[0], "name each file once")
    region = told.region.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise UsageError(f"there is no country {told.region}", "--region", "give two letters, such as US or GB")
    known = read_truth(truth, told.id_column) if truth else None
    model = load_model(told.model) if told.model else None
    names = _names(paths)
    files = [read_file(path) for path in paths]
    columns = [_columns(file, told) for file in files]
    parts = [people(file.rows, meant, name, region) for file, meant, name in zip(files, columns, names, strict=True)]
    standard, crowded = without_crowded(pa.concat_tables(parts))
    say(f"{standard.num_rows:,} records read and standardised")
    engine = engine_for(standard.num_rows, told.engine, bytes_per_record=BYTES_PER_RECORD_OF_FILE)
    resolved = resolve_people(standard, across=told.across, model=model, engine=engine, say=say)
    found = None if known is None else score(resolved.clusters, known, across=told.across)
    return Outcome(tuple(files), tuple(columns), crowded, resolved, found)


def check_output(path: Path, inputs: Sequence[Path]) -> None:
    """Find out before the work whether the profiles can be written.

    Raises:
        UsageError: If the name says neither CSV nor Parquet, is that of an input, or its folder is not there.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError("the name says neither CSV nor Parquet", str(path), "name it .csv or .parquet")
    if any(path.resolve() == given.resolve() for given in inputs):
        raise UsageError("the profiles would replace the people", str(path), "name another file: --output")
    check_folder(path, "--output")


def check_folder(path: Path, option: str) -> None:
    """Find out before the work whether the folder of a file is there.

    Raises:
        UsageError: If it is not.
    """
    if not path.parent.is_dir():
        raise UsageError("there is no such folder", str(path.parent), f"make it, or name a file in another: {option}")


def write(outcome: Outcome, path: Path) -> None:
    """Write the profiles: record_id, profile_id, kind, probability, and dataset where there are several.

    Raises:
        EnvironmentFault: If it cannot be written.
    """
    clusters = outcome.resolved.clusters
    wanted = ["record_id", "profile_id", "kind", "probability"]
    table = clusters.select(["dataset", *wanted] if len(outcome.files) > 1 else wanted)
    form = "FORMAT csv, HEADER true" if path.suffix.lower() == ".csv" else "FORMAT parquet, COMPRESSION zstd"
    partial = path.with_name(f".{path.name}.partial")
    try:
        with duckdb.connect() as connection:
            connection.register("clusters", table)
            connection.execute(f"COPY clusters TO '{str(partial).replace(chr(39), chr(39) * 2)}' ({form})")
        partial.replace(path)
    except (OSError, duckdb.IOException) as error:
        raise EnvironmentFault(
            "the profiles cannot be written", str(path), "name a folder that can be written to"
        ) from error


def _names(paths: Sequence[Path]) -> list[str]:
    """What each data set is called: the file's name, with its folder where two have one name."""
    names = [path.stem for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _columns(file: File, told: Told) -> Columns:
    """What the columns mean; a guessed column of ids that names two rows alike is no column of ids.

    The number of a customer that names every row is a column of ids: it tells of a customer only where it repeats.
    """
    columns = recognise(file.rows.column_names, str(file.path), told.columns, told.id_column)
    number = columns.of.get("customer")
    if number and told.columns.get(number) != "customer" and _is_unique(file.rows[number]):
        rest = {meaning: column for meaning, column in columns.of.items() if meaning != "customer"}
        ids = {"record_id": number} if "record_id" not in rest or not _is_unique(file.rows[rest["record_id"]]) else {}
        columns = Columns(
            rest | ids, tuple(name for name in file.rows.column_names if name not in (rest | ids).values())
        )
    name = columns.of.get("record_id")
    if name is None or _is_unique(file.rows[name]):
        return columns
    if name == told.id_column or told.columns.get(name) == "record_id":
        raise DataError(
            f"column {name} does not name every row differently", str(file.path), "name another: --id-column"
        )
    others = {meaning: column for meaning, column in columns.of.items() if meaning != "record_id"}
    return Columns(others, (*columns.ignored, name))


def _is_unique(column: pa.ChunkedArray) -> bool:
    """Whether a column names every row, and none as another: as ids are kept, without the gaps around them."""
    kept = pc.utf8_trim_whitespace(column)
    return column.null_count == 0 and len(kept.unique()) == len(column) and not pc.any(pc.equal(kept, "")).as_py()
