"""`clew resolve`'s engine: small files whose answer is seen by eye, and files made by others, with known truth."""

import itertools

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import DataError, UsageError
from identity.people import coherent
from identity.people.columns import read_map, recognise
from identity.people.comparisons import slip
from identity.people.files import Told, check_output, resolve_files, write
from identity.people.model import load_model, save_model
from identity.people.pairs import Bench
from identity.people.resolve import resolve_people
from identity.people.standard import people, without_crowded
from identity.people.tables import DuckTables
from identity.people.truth import read_truth, score
from identity.sql import query
from sandbox.crowd import crowd
from tests.febrl import febrl_file

HEADER = ("id", "first_name", "last_name", "dob", "email", "phone", "street", "city", "postcode")
HOME, AWAY = ("1 Main St", "New York", "10001"), ("9 Oak Ave", "Boston", "02108")
NOWHERE = ("", "", "")


def row(record, first="", last="", born="", email="", phone="", home=NOWHERE):
    return (record, first, last, born, email, phone, *home)


def standard(rows):
    columns = {name: pa.array([item[at] or None for item in rows], pa.string()) for at, name in enumerate(HEADER)}
    table, _ = without_crowded(people(pa.table(columns), recognise(HEADER, "people.csv"), "people", "US"))
    return table


def profiles(rows):
    found = resolve_people(standard(rows)).clusters
    groups: dict[str, set[str]] = {}
    for record, profile in zip(found["record_id"].to_pylist(), found["profile_id"].to_pylist(), strict=True):
        groups.setdefault(profile, set()).add(record)
    return {frozenset(records) for records in groups.values()}


SEVERAL_FIRST = "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan \
Joseph Jessica Thomas Sarah Charles Karen Nancy Daniel Betty Anthony Sandra".split()
SEVERAL_LAST = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson \
Anderson Thomas Taylor Moore Jackson Martin".split()
)
ONE_PERSON = {
    "one e-mail and name": [row("a", "Ann", "Lee", email="ann@x.com"), row("b", "Ann", "Lee", email="ann@x.com")],
    "one phone and name": [row("a", "Ann", "Lee", phone="2125550101"), row("b", "Ann", "Lee", phone="212-555-0101")],
    "name and birth date": [row("a", "Ann", "Lee", "1980-02-03"), row("b", "ANN", "Lee", "03.02.1980")],
    "an e-mail without a name": [row("a", "Ann", "Lee", email="ann@x.com"), row("b", email="ann@x.com")],
    "a phone without a name": [row("a", "Ann", "Lee", phone="2125550101"), row("b", phone="2125550101")],
    "a name in two scripts": [
        row("a", "Дмитрий", "Соколов", "1980-02-03"),
        row("b", "Dmitry", "Sokolov", "1980-02-03"),
    ],
    "a diamond": [
        row("a", "Ann", "Kowalski", email="a@x.com", phone="2125550101"),
        row("b", "Ann", "Kowalski", email="a@x.com", phone="2125550102"),
        row("c", "Ann", "Kowalski", email="b@x.com", phone="2125550101"),
        row("d", "Ann", "Kowalski", email="b@x.com", phone="2125550102"),
    ],
    "a marriage": [
        row("a", "Ann", "Lee", "1980-02-03", "ann@x.com", home=HOME),
        row("b", "Ann", "Kowalski", "1980-02-03", "ann@x.com", home=AWAY),
    ],
    "a move": [
        row("a", "Ann", "Lee", "1980-02-03", "ann@x.com", "2125550101", HOME),
        row("b", "Ann", "Lee", "1980-02-03", "ann@y.com", "6175550101", AWAY),
    ],
    "a nickname": [
        row("a", "William", "Lee", "1980-02-03", home=HOME),
        row("b", "Bill", "Lee", "1980-02-03", home=HOME),
    ],
    "names exchanged": [row("a", "Ann", "Kowalski", "1980-02-03"), row("b", "Kowalski", "Ann", "1980-02-03")],
    "day and month exchanged": [row("a", "Ann", "Kowalski", "1980-02-03"), row("b", "Ann", "Kowalski", "1980-03-02")],
    "a chain": [
        row("a", "Ann", "Lee", email="a@x.com", phone="2125550101"),
        row("b", "Ann", "Lee", email="a2@x.com", phone="2125550101"),
        row("c", "Ann", "Lee", email="a2@x.com", phone="2125550199"),
    ],
}
SEVERAL_PEOPLE = {
    "a name alone": [row("a", "Ann", "Lee"), row("b", "Ann", "Lee")],
    "a family's mailbox": [row("a", "Ann", "Lee", email="fam@x.com"), row("b", "Bob", "Lee", email="fam@x.com")],
    "twins": [
        row("a", "Ann", "Lee", "1980-02-03", "fam@x.com", "2125550101", HOME),
        row("b", "Amy", "Lee", "1980-02-03", "fam@x.com", "2125550101", HOME),
    ],
    "a father and a son of one name": [
        row("a", "John", "Lee", "1950-02-03", phone="2125550101", home=HOME),
        row("b", "John", "Lee", "1982-07-19", phone="2125550101", home=HOME),
    ],
    "spouses with names of their own": [
        row("a", "Ann", "Lee", email="fam@x.com", phone="2125550101"),
        row("b", "Bob", "Fox", email="fam@x.com", phone="2125550101"),
    ],
    "a recycled phone": [
        row("a", "Ann", "Lee", "1980-02-03", phone="2125550101"),
        row("b", "Bob", "Fox", "1990-05-06", phone="2125550101"),
    ],
    "a father and a son with one mailbox": [
        row("a", "John", "Lee", "1950-02-03", "lee@x.com", "2125550101", HOME),
        row("b", "John", "Lee", "1982-07-19", "lee@x.com", "2125550101", HOME),
    ],
    "a filler": [row("a", "Ann", "Lee", "1900-01-01"), row("b", "Bob", "Fox", "1900-01-01")],
    "a kiosk": [
        row(f"k{at}", first, last, email="kiosk@shop.com", phone="8005550100")
        for at, (first, last) in enumerate(
            itertools.product(["Ann", "Bob", "Carl", "Dora", "Eve"], ["Lee", "Fox", "Gray"])
        )
    ],
}


@pytest.mark.parametrize("rows", ONE_PERSON.values(), ids=ONE_PERSON)
def test_records_of_one_person_are_one_profile(rows):
    assert profiles(rows) == {frozenset(record for record, *_ in rows)}


@pytest.mark.parametrize("rows", SEVERAL_PEOPLE.values(), ids=SEVERAL_PEOPLE)
def test_records_of_several_people_stay_apart(rows):
    assert profiles(rows) == {frozenset({record}) for record, *_ in rows}


@pytest.mark.parametrize("home", [HOME, NOWHERE], ids=["at its address", "by its phone"])
def test_five_hundred_people_of_one_kiosk_stay_apart(home):
    names = itertools.product(SEVERAL_FIRST, SEVERAL_LAST)
    rows = [
        row(f"k{at}", first, last, f"19{50 + at % 50}-0{1 + at % 9}-1{at % 7}", f"u{at}@x.com", "8005550100", home)
        for at, (first, last) in enumerate(names)
    ]
    assert len(rows) == 500
    assert len(profiles(rows)) == 500


def test_an_initial_between_two_people_does_not_join_them():
    rows = [
        row("jon", "Jon", "Smith", "1980-02-03", phone="2125550101", home=HOME),
        row("j", "J", "Smith", phone="2125550101", home=HOME),
        row("jane", "Jane", "Smith", "1982-05-06", phone="2125550101", home=HOME),
    ]
    assert not any({"jon", "jane"} <= group for group in profiles(rows))


@pytest.mark.parametrize("rows", [ONE_PERSON["a chain"], SEVERAL_PEOPLE["twins"]], ids=["chain", "twins"])
def test_the_order_of_a_file_changes_no_profile_and_no_id(rows):
    answers = {
        tuple(
            sorted(zip(*(found[name].to_pylist() for name in ("record_id", "profile_id", "probability")), strict=True))
        )
        for order in itertools.permutations(rows)
        for found in [resolve_people(standard(order)).clusters]
    }
    assert len(answers) == 1


def truth_of(clusters):
    people_of = [record.split("-")[1] for record in clusters["record_id"].to_pylist()]
    return pa.table({"record_id": clusters["record_id"], "person_id": people_of})


@pytest.mark.parametrize(
    ("files", "across", "least"),
    [(["dataset3.csv"], False, 0.999), (["dataset4a.csv", "dataset4b.csv"], True, 0.9995)],
    ids=["FEBRL 3", "FEBRL 4"],
)
def test_data_made_by_others_is_resolved_untuned(files, across, least):
    found = resolve_files([febrl_file(file) for file in files], Told({}, across=across)).resolved.clusters
    measured = score(found, truth_of(found), across=across)
    assert measured.true_pairs in (6538, 5000)
    assert measured.f1 >= least, measured
    assert measured.biggest_profile <= measured.biggest_person


def test_a_crowd_with_households_kiosks_and_fillers_is_resolved():
    records, truth = crowd(6_000)
    table, taken = without_crowded(people(records, recognise(records.column_names, "crowd"), "crowd", "US"))
    measured = score(resolve_people(table).clusters, truth, across=False)
    assert "birth_date" in taken
    assert measured.precision >= 0.98, measured
    assert measured.recall >= 0.95, measured
    assert measured.biggest_profile <= 1.5 * measured.biggest_person


WEIGHTS = st.sampled_from([-12.0, -6.0, -1.0, 3.0, 4.0, 7.0, 18.0])


def levels(rows):
    """What each comparison finds of two records, by its label; a comparison with nothing to compare is left out."""
    with duckdb.connect() as connection:
        bench = Bench.of(DuckTables(connection), standard(rows), across=False)
        bench.tables.put("pair", pa.table({"l": [0], "r": [1]}))
        bench.compare("pair", "compared")
        found = bench.patterns("compared").levels[0]
    named = zip(bench.comparisons, found, strict=True)
    return {item.name: item.levels[level].label for item, level in named if level >= 0}


def test_mailboxes_made_of_one_name_do_not_tell_of_the_name_again():
    one = row("a", "John", "Smith", email="john.smith12@x.com")
    same_name = levels([one, row("b", "John", "Smith", email="john.smith987@x.com")])
    assert (same_name["email"], same_name["mailbox of one name"]) == ("different", "alike")
    slip_in_names = levels([one, row("b", "Mary", "Brown", email="john.smith13@x.com")])
    assert slip_in_names["email"] == "alike"
    assert "mailbox of one name" not in slip_in_names
    equal = levels([one, row("b", "John", "Smith", email="john.smith12@x.com")])
    assert equal["email"] == "equal"
    assert "mailbox of one name" not in equal


def test_a_mailbox_without_the_name_in_it_tells_by_being_alike():
    found = levels(
        [
            row("a", "Mary", "Smith", email="hannah88@powers.com"),
            row("b", "Mary", "Smith", email="hannah8@powers.com"),
        ]
    )
    assert found["email"] == "alike"


@given(st.lists(st.tuples(*[st.text("aab12", min_size=1, max_size=8)] * 2), min_size=1, max_size=50))
@settings(max_examples=30, deadline=None)
def test_a_slip_is_found_by_its_halves_as_by_the_whole(pairs):
    given_pairs = pa.table({"it_l": [left for left, _ in pairs], "it_r": [right for _, right in pairs]})
    found = query(
        f"SELECT ({slip('it')}) = (damerau_levenshtein(it_l, it_r) <= 1) AS same FROM pairs", pairs=given_pairs
    )
    assert all(found["same"].to_pylist())


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_joining_all_at_once_equals_joining_one_edge_at_a_time(data):
    records = data.draw(st.integers(2, 9))
    pairs = list(itertools.combinations(range(records), 2))
    weight = {pair: data.draw(WEIGHTS) + at / 1_000 for at, pair in enumerate(pairs)}
    ordered = sorted(pairs, key=lambda pair: -weight[pair])
    edges = as_edges([pair for pair in ordered if weight[pair] >= 2], weight)
    clusters, joins = coherent.join(records, edges, as_edges(ordered, weight))
    assert clusters.tolist() == one_at_a_time(records, [pair for pair in ordered if weight[pair] >= 2], weight)
    assert joins.sum() == records - len(set(clusters.tolist()))


def as_edges(pairs, weight):
    columns = ([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    weights = np.array([weight[pair] for pair in pairs], dtype=float)
    return coherent.Edges(*(np.array(column, dtype=np.int32) for column in columns), weights)


def one_at_a_time(records, ordered, weight):
    """The rule in words: strongest first; a refused union takes every edge between its two clusters with it."""
    cluster = {record: {record} for record in range(records)}
    refused: set[tuple[int, int]] = set()
    for one, other in ordered:
        mine, theirs = cluster[one], cluster[other]
        if mine is theirs or (one, other) in refused:
            continue
        across = [tuple(sorted(pair)) for pair in itertools.product(mine, theirs)]
        if sum(min(weight[pair], coherent.MOST) for pair in across) < 0:
            refused |= set(across)
            continue
        mine |= theirs
        for record in theirs:
            cluster[record] = mine
    return [min(cluster[record]) for record in range(records)]


def write_csv(path, rows, header=HEADER):
    path.write_text("\n".join(",".join(line) for line in [header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_file_becomes_a_file_of_profiles(tmp_path):
    given = write_csv(tmp_path / "people.csv", ONE_PERSON["a move"])
    outcome = resolve_files([given], Told({}))
    write(outcome, tmp_path / "out.csv")
    write(outcome, tmp_path / "out.parquet")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "record_id,profile_id,kind,probability"
    assert [line.split(",")[0] for line in lines[1:]] == ["a", "b"]
    assert [line.split(",")[2] for line in lines[1:]] == ["founder", "probabilistic"]
    found = duckdb.sql(f"SELECT count(DISTINCT profile_id) FROM '{tmp_path / 'out.parquet'}'").fetchall()
    assert found == [(1,)]
    assert not list(tmp_path.glob(".*"))


def test_lines_that_are_no_rows_are_left_out_and_counted(tmp_path):
    given = write_csv(tmp_path / "people.csv", [*ONE_PERSON["a move"], ("c", "too", "few")])
    outcome = resolve_files([given], Told({}))
    assert outcome.files[0].rejected.to_pylist() == [{"line": 4, "reason": "missing columns"}]
    assert outcome.resolved.clusters.num_rows == 2


def test_the_name_of_a_file_changes_no_id_and_a_file_of_gaps_is_refused(tmp_path):
    one, other = (write_csv(tmp_path / name, ONE_PERSON["a move"]) for name in ("one.csv", "other.csv"))
    ids = [resolve_files([path], Told({})).resolved.clusters["profile_id"] for path in (one, other)]
    assert ids[0] == ids[1]
    gaps = write_csv(tmp_path / "gaps.csv", [("a", *[""] * 8), ("b", *[""] * 8)])
    with pytest.raises(DataError, match="no row says anything that could be compared"):
        resolve_files([gaps], Told({}))


def test_ids_that_differ_only_in_gaps_around_them_name_nobody_twice(tmp_path):
    rows = [row('"a "', "Ann", "Lee", "1980-02-03"), row('"a"', "Bob", "Fox", "1990-05-06")]
    found = resolve_files([write_csv(tmp_path / "people.csv", rows)], Told({})).resolved.clusters
    assert found["record_id"].to_pylist() == ["1", "2"]
    assert len(found["profile_id"].unique()) == 2


def test_a_file_too_large_to_compare_all_pairs_and_without_a_rule_stays_as_it_is(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,occupation\n" + "".join(f"{at},maker of {at} things\n" for at in range(1_500)))
    resolved = resolve_files([path], Told({})).resolved
    assert (resolved.pairs, len(resolved.clusters["profile_id"].unique())) == (0, 1_500)


def test_what_would_spoil_the_work_is_refused_before_it(tmp_path):
    given = write_csv(tmp_path / "people.csv", ONE_PERSON["a move"])
    with pytest.raises(UsageError, match="would replace the people"):
        check_output(tmp_path / "." / "people.csv", [given])
    with pytest.raises(UsageError, match="no such folder"):
        check_output(tmp_path / "none" / "out.csv", [given])
    with pytest.raises(UsageError, match="neither CSV nor Parquet"):
        check_output(tmp_path / "out.txt", [given])
    with pytest.raises(UsageError, match="the same file was given twice"):
        resolve_files([given, given], Told({}))
    with pytest.raises(UsageError, match="there is no country XX"):
        resolve_files([given], Told({}, region="XX"))


def test_a_guessed_column_of_ids_that_repeats_is_not_used_and_a_named_one_is_refused(tmp_path):
    rows = [("x", *ONE_PERSON["a move"][0][1:]), ("x", *ONE_PERSON["a move"][1][1:])]
    given = write_csv(tmp_path / "people.csv", rows)
    assert resolve_files([given], Told({})).resolved.clusters["record_id"].to_pylist() == ["1", "2"]
    with pytest.raises(DataError, match="column id does not name every row differently"):
        resolve_files([given], Told({}, id_column="id"))


def test_columns_are_recognised_in_other_languages():
    header = ["Vorname", "Nachname", "Geburtsdatum", "Straße", "PLZ", "Ort", "Telefon", "E-Mail"]
    meant = ("first_name", "last_name", "birth_date", "street", "postcode", "city", "phone", "email")
    assert recognise(header, "leute.csv").of == dict(zip(meant, header, strict=True))


def test_columns_are_recognised_by_common_names_and_told_by_a_map(tmp_path):
    found = recognise(["Rec ID", "Given Name", "SURNAME", "D.O.B.", "ZIP", "shoe"], "f")
    assert set(found.of) == {"record_id", "first_name", "last_name", "birth_date", "postcode"}
    assert found.of["birth_date"] == "D.O.B."
    assert found.ignored == ("shoe",)
    told = tmp_path / "map.yml"
    told.write_text("shoe: last_name\nSURNAME: ignore\n")
    assert recognise(["SURNAME", "shoe"], "f", read_map(told)).of == {"last_name": "shoe"}
    told.write_text("shoe: lastname\n")
    with pytest.raises(UsageError, match=r"lastname is nothing that a column can mean[\s\S]*did you mean last_name"):
        read_map(told)
    with pytest.raises(UsageError, match="no column of people was recognised"):
        recognise(["shoe"], "f")


def test_a_saved_model_scores_another_file_alike_and_a_changed_one_is_refused(tmp_path):
    given = write_csv(tmp_path / "people.csv", ONE_PERSON["a move"])
    first = resolve_files([given], Told({}))
    bench = first.resolved.bench
    model = tmp_path / "model.json"
    save_model(model, bench.comparisons, first.resolved.weights, bench.records, bench.total)
    again = resolve_files([given], Told({}, model=model))
    assert again.resolved.clusters.equals(first.resolved.clusters)
    model.write_text(model.read_text().replace("both equal", "both  equal", 1))
    with pytest.raises(DataError, match="no model that clew resolve saved"):
        load_model(model)


def test_a_whole_name_and_a_whole_street_are_taken_apart():
    rows = pa.table({"name": ["Dr. Ann Lee", "Lee, Ann"], "address": ["12b Main Street", "12B main st."]})
    found = people(rows, recognise(rows.column_names, "f"), "f", "US")
    for name, value in {"first_name": "ann", "last_name": "lee", "house": "12b", "street": "main st"}.items():
        assert found[name].to_pylist() == [value, value]


def test_the_truth_may_name_records_by_a_column_of_its_own(tmp_path):
    truth = tmp_path / "truth.csv"
    truth.write_text("record_id,person_id\na,1\n", encoding="utf-8")
    assert read_truth(truth, "rid").to_pylist() == [{"record_id": "a", "person_id": "1"}]
    truth.write_text("rid,person_id\na,1\n", encoding="utf-8")
    assert read_truth(truth, "rid").to_pylist() == [{"record_id": "a", "person_id": "1"}]
