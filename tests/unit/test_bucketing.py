"""Arms are given out as GrowthBook's SDKs give them, by the same answer in Python and in DuckDB."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.bucketing import bucket, chosen, in_namespace, ranges
from contracts.bucketing_sql import arm_sql, bucket_sql, quoted
from contracts.experiment import Experiment
from tests.experiment import declared

# From tests/cases.json of growthbook/growthbook-python (specVersion 0.7.1), which has the vectors of every SDK.
HASHES = [
    ("", "a", 1, 0.22), ("", "b", 1, 0.077), ("b", "a", 1, 0.946), ("ef", "d", 1, 0.652),
    ("asdf", "8952klfjas09ujk", 1, 0.549), ("", "123", 1, 0.011), ("", '___)((*":&', 1, 0.563),
    ("seed", "a", 2, 0.0505), ("seed", "b", 2, 0.2696), ("foo", "ab", 2, 0.2575), ("foo", "def", 2, 0.2019),
    ("89123klj", "8952klfjas09ujkasdf", 2, 0.124), ("90850943850283058242805", "123", 2, 0.7516),
    ("()**(%$##$%#$#", '___)((*":&', 2, 0.0128),
]  # fmt: skip
RANGES = [
    ([0.5, 0.5], 1, [(0, 0.5), (0.5, 1)]),
    ([0.5, 0.5], 0.5, [(0, 0.25), (0.5, 0.75)]),
    ([0.25] * 4, 1, [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]),
    ([0.4, 0.6], 1, [(0, 0.4), (0.4, 1)]),
    ([0.2, 0.3, 0.5], 1, [(0, 0.2), (0.2, 0.5), (0.5, 1)]),
    ([0.2, 0.3, 0.5], 0.2, [(0, 0.04), (0.2, 0.26), (0.5, 0.6)]),
]
CHOSEN = [
    (0.2, [(0, 0.5), (0.5, 1)], 0), (0.4, [(0, 0.5), (0.5, 1)], 0), (0.6, [(0, 0.5), (0.5, 1)], 1),
    (0.8, [(0, 0.5), (0.5, 1)], 1), (0, [(0, 0.5), (0.5, 1)], 0), (0.5, [(0, 0.5), (0.5, 1)], 1),
    (0.2, [(0, 0.25), (0.5, 0.75)], 0), (0.4, [(0, 0.25), (0.5, 0.75)], -1), (0.6, [(0, 0.25), (0.5, 0.75)], 1),
    (0.8, [(0, 0.25), (0.5, 0.75)], -1), (0.25, [(0, 0.25), (0.5, 0.75)], -1), (0.5, [(0, 0.25), (0.5, 0.75)], 1),
    (0.5, [(0, 0.5), (0.5, 0.5), (0.5, 1)], 2),
]  # fmt: skip
NAMESPACES = [
    ("1", "namespace1", (0, 0.4), False), ("1", "namespace1", (0.4, 1), True),
    ("1", "namespace2", (0, 0.4), False), ("1", "namespace2", (0.4, 1), True),
    ("2", "namespace1", (0, 0.4), False), ("2", "namespace2", (0.4, 1), True),
    ("3", "namespace1", (0.4, 1), True), ("3", "namespace2", (0, 0.4), True),
    ("3", "namespace2", (0.4, 1), False), ("4", "namespace1", (0, 0.4), False),
    ("4", "namespace2", (0, 0.4), True), ("4", "namespace2", (0.4, 1), False),
]  # fmt: skip


@pytest.mark.parametrize(("seed", "hashed", "version", "wanted"), HASHES)
def test_an_id_lies_where_growthbook_puts_it(seed: str, hashed: str, version: int, wanted: float) -> None:
    assert bucket(seed, hashed, version) == wanted


@pytest.mark.parametrize(("weights", "coverage", "wanted"), RANGES)
def test_arms_have_the_ranges_of_growthbook(weights: list[float], coverage: float, wanted: list) -> None:
    assert [(round(low, 6), round(high, 6)) for low, high in ranges(weights, coverage)] == wanted


@pytest.mark.parametrize(("place", "of", "wanted"), CHOSEN)
def test_a_place_is_in_the_arm_of_growthbook(place: float, of: list[tuple[float, float]], wanted: int) -> None:
    assert chosen(place, of) == wanted


@pytest.mark.parametrize(("hashed", "name", "within", "wanted"), NAMESPACES)
def test_an_id_is_in_the_namespace_of_growthbook(
    hashed: str, name: str, within: tuple[float, float], wanted: bool
) -> None:
    assert in_namespace(name, hashed, within) is wanted


@pytest.fixture(scope="module")
def duck():
    with duckdb.connect() as connection:
        yield connection


TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=40)


@settings(max_examples=200, deadline=None)
@given(seed=TEXTS, hashed=TEXTS, version=st.sampled_from([1, 2]))
def test_duckdb_puts_any_text_where_python_does(duck, seed: str, hashed: str, version: int) -> None:
    sql = bucket_sql(seed, "id", version, "duckdb")
    assert duck.execute(f"select {sql} from (select ? as id)", [hashed]).fetchone() == (bucket(seed, hashed, version),)


def arms_in_duckdb(duck, experiment: Experiment, ids: list[str | None]) -> list[str | None]:
    listed = ", ".join(f"({number}, {'null' if one is None else quoted(one)})" for number, one in enumerate(ids))
    sql = f"select {arm_sql(experiment, 'id', 'duckdb')} from (values {listed}) as ids(n, id) order by n"
    return [arm for (arm,) in duck.execute(sql).fetchall()]


WAYS = {
    "of three arms": {"arms": {"a": 0.2, "b": 0.3, "c": 0.5}, "control": "a"},
    "of few people": {"coverage": 0.1},
    "by the older hash": {"hash_version": 1},
    "in a namespace": {"namespace": {"name": "page", "start": 0.25, "end": 0.75}},
    "a holdout": {
        "kind": "holdout", "arms": {"out": 0.3, "others": 0.7}, "control": "out",
        "namespace": {"name": "mail", "start": 0.1, "end": 0.4},
    },
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_duckdb_gives_the_arms_that_python_gives(duck, way: str) -> None:
    experiment = declared(**WAYS[way])
    ids = [f"user-{number}" for number in range(2_000)]
    found = arms_in_duckdb(duck, experiment, ids)
    assert found == [experiment.arm_of(one) for one in ids]
    assert set(experiment.arms) <= set(found)


def test_no_id_is_in_no_arm(duck) -> None:
    assert arms_in_duckdb(duck, declared(), [None]) == [None]
    holdout = declared(**WAYS["a holdout"])
    assert arms_in_duckdb(duck, holdout, [None]) == [None]


@pytest.mark.parametrize("way", WAYS)
def test_arms_get_the_shares_that_are_declared(way: str) -> None:
    experiment = declared(**WAYS[way])
    found = [experiment.arm_of(f"user-{number}") for number in range(20_000)]
    taking_part = sum(arm is not None for arm in found)
    for arm, share in experiment.arms.items():
        error = (share * (1 - share) / taking_part) ** 0.5
        assert abs(found.count(arm) / taking_part - share) < 4 * error


def test_more_coverage_takes_people_in_and_moves_nobody() -> None:
    few, many = declared(coverage=0.1), declared(coverage=0.6)
    for one in (f"user-{number}" for number in range(3_000)):
        assert few.arm_of(one) in (None, many.arm_of(one))


def test_experiments_in_parts_of_one_namespace_share_nobody() -> None:
    one = declared(seed="one", namespace={"name": "page", "start": 0, "end": 0.5})
    other = declared(seed="other", namespace={"name": "page", "start": 0.5, "end": 1})
    both = [(one.arm_of(f"user-{n}"), other.arm_of(f"user-{n}")) for n in range(3_000)]
    assert all((mine is None) != (theirs is None) for mine, theirs in both)
