"""`clew resolve` on files of shapes that nobody has tuned it to: few columns, fillers, namesakes, two systems."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import UsageError
from identity.people.columns import recognise
from identity.people.files import Told, resolve_files
from identity.people.mixture import _within
from identity.people.resolve import resolve_people
from identity.people.standard import people, without_crowded

FIRST = "James Mary Robert Linda David Susan Thomas Karen Daniel Sandra".split()
LAST = "Smith Johnson Brown Garcia Miller Davis Wilson Moore Jackson Martin".split()


def resolved(columns, rows):
    """The groups of rows, counted from 0, that are one person; and what was set aside."""
    table = pa.table({name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(columns)})
    standard, crowded = without_crowded(people(table, recognise(columns, "people.csv"), "people", "US"))
    profile = resolve_people(standard).clusters["profile_id"].to_pylist()
    groups: dict[str, set[int]] = {}
    for at, name in enumerate(profile):
        groups.setdefault(name, set()).add(at)
    return {frozenset(group) for group in groups.values() if len(group) > 1}, crowded


def write_csv(path, header, rows):
    path.write_text("\n".join(",".join(line) for line in [header, *rows]) + "\n", encoding="utf-8")
    return path


def letters(number):
    """Four letters that no other number has, and few share."""
    return "".join(chr(ord("a") + number * 7_919 // 26**place % 26) for place in range(4))


def mailbox(number):
    return f"{letters(number)}{number * 31 % 1_000}@{'xyz'[number % 3]}.com"


def phone(number):
    return f"212{2_000_000 + number * 7_919 % 7_000_000}"


@pytest.mark.parametrize("value", [mailbox, phone])
@pytest.mark.parametrize(("distinct", "repeats"), [(5, 2), (40, 10), (900, 100), (2_700, 300)])
def test_what_repeats_in_a_file_of_nothing_else_is_one_person(value, distinct, repeats):
    rows = [(value(number),) for number in [*range(distinct), *range(repeats)]]
    found, crowded = resolved([value.__name__.replace("mailbox", "email")], rows)
    assert found == {frozenset({at, distinct + at}) for at in range(repeats)}
    assert not crowded


def test_mailboxes_that_are_only_alike_are_several_people_in_a_file_of_nothing_else():
    assert resolved(["email"], [(f"ann{letters(number)}@x.com",) for number in range(500)])[0] == set()


def test_a_mailbox_on_far_more_rows_than_any_other_is_set_aside_though_no_name_says_so():
    rows = [(mailbox(number),) for number in range(300)] + [(mailbox(0),)] + [("kiosk@shop.example",)] * 500
    found, crowded = resolved(["email"], rows)
    assert found == {frozenset({0, 300})}
    assert (crowded["email"].values, crowded["email"].rows) == (1, 500)


def test_a_customer_of_many_orders_is_set_aside_neither_among_others_of_many_nor_under_one_name():
    orders = [(mailbox(number),) for number in range(60) for _ in range(number + 1)]
    assert len(resolved(["email"], orders)[0]) == 59
    rows = [("Ann", "Lee", "ann@x.com")] * 200 + [("Bob", "Fox", mailbox(number)) for number in range(100)]
    found, crowded = resolved(["first_name", "last_name", "email"], rows)
    assert frozenset(range(200)) in found
    assert not crowded


def test_a_customer_of_more_rows_than_a_block_may_have_is_one_person_and_a_bare_name_repeated_is_not():
    rows = [("Ann", "Lee", "ann@x.com")] * 700
    rows += [(FIRST[at % 10], letters(at), f"{letters(5_000 + at)}@{letters(at)}.com") for at in range(900)]
    rows += [("Dora", "Gray", None)] * 30
    assert resolved(["first_name", "last_name", "email"], rows)[0] == {frozenset(range(700))}


def test_slips_in_one_persons_name_make_no_crowd_of_a_mailbox_and_many_names_do():
    slips = [("Elizabeth", "Kowal" + "abcdefghijklmnopqrst"[at] + "ki", "liz@x.com") for at in range(20)]
    names = [(FIRST[at % 10], LAST[at // 10], "desk@x.com") for at in range(0, 100, 7)]
    found, crowded = resolved(["first_name", "last_name", "email"], slips + names)
    assert frozenset(range(20)) in found
    assert (crowded["email"].values, crowded["email"].rows) == (1, len(names))


@pytest.mark.parametrize(
    "box",
    [lambda n, f, last: f"u{n}@x.com", lambda n, f, last: mailbox(n), lambda n, f, last: f"{f}.{last}{n}@x.com"],
    ids=["in a row", "unlike", "of their names"],
)
def test_nine_people_of_each_name_with_mailboxes_of_their_own_stay_apart(box):
    names = [(first, last) for first in FIRST for last in LAST]
    rows = [(*names[at // 9], box(at, *names[at // 9])) for at in range(900)]
    assert resolved(["first_name", "last_name", "email"], rows)[0] == set()
    again = [rows[at] for at in range(0, 900, 30)]
    assert resolved(["first_name", "last_name", "email"], rows + again)[0] == {
        frozenset({30 * at, 900 + at}) for at in range(30)
    }


def test_mailboxes_alike_by_one_first_name_do_not_join_other_last_names():
    rows = [("James", last, f"james{7_900 + at}@x.com") for at, last in enumerate(LAST)]
    others = [(first, "Lee", mailbox(at)) for at, first in enumerate(FIRST)]
    assert resolved(["first_name", "last_name", "email"], rows + others)[0] == set()


def test_a_middle_name_and_a_year_of_birth_tell_two_people_of_one_name_and_home():
    columns = ["first_name", "middle_name", "last_name", "birth_year", "zip"]
    one = ("John", "Albert", "Kowalski", "1950", "10001")
    assert resolved(columns, [one, ("John", "A.", "Kowalski", "1950", "10001")])[0] == {frozenset({0, 1})}
    assert resolved(columns, [one, ("John", "Brian", "Kowalski", "1982", "10001")])[0] == set()


def test_a_year_of_birth_is_held_against_the_year_of_a_date(tmp_path):
    dates = write_csv(tmp_path / "a.csv", ["first", "last", "dob", "zip"], [("Ann", "Kowalski", "1980-02-03", "10001")])
    rows = [("Ann", "Kowalski", "1980", "10001"), ("Ann", "Kowalski", "1951", "10001")]
    years = write_csv(tmp_path / "b.csv", ["first", "last", "birth_year", "zip"], rows)
    found = resolve_files([dates, years], Told({}, across=True)).resolved.clusters["profile_id"].to_pylist()
    assert found[0] == found[1] != found[2]


def test_a_customer_number_names_the_rows_where_each_has_its_own_and_joins_them_where_it_repeats(tmp_path):
    header = ["customer_id", "first_name", "last_name", "email"]
    once = write_csv(tmp_path / "a.csv", header, [("7", "Ann", "Lee", "a@x.com"), ("8", "Bob", "Fox", "b@x.com")])
    outcome = resolve_files([once], Told({}))
    assert outcome.columns[0].of["record_id"] == "customer_id"
    assert outcome.resolved.clusters["record_id"].to_pylist() == ["7", "8"]
    repeated = [("7", "Ann", "Lee", "a@x.com"), ("7", "A", "Lee", "new@y.com"), ("8", "Bob", "Fox", "b@x.com")]
    outcome = resolve_files([write_csv(tmp_path / "b.csv", header, repeated)], Told({}))
    assert outcome.columns[0].of["customer"] == "customer_id"
    found = outcome.resolved.clusters["profile_id"].to_pylist()
    assert found[0] == found[1] != found[2]


def test_customer_numbers_of_two_systems_are_not_each_others(tmp_path):
    header = ["customer_id", "first_name", "last_name"]
    one = write_csv(tmp_path / "a.csv", header, [("7", "Ann", "Lee"), ("7", "Ann", "Lee")])
    other = write_csv(tmp_path / "b.csv", header, [("7", "Bob", "Fox"), ("7", "Bob", "Fox")])
    found = resolve_files([one, other], Told({})).resolved.clusters["profile_id"].to_pylist()
    assert found[0] == found[1] != found[2] == found[3]


def test_columns_are_known_with_a_word_before_that_says_whose_they_are():
    found = recognise(["Billing First Name", "Billing Phone", "shipping_city", "username", "Phone"], "f")
    assert found.of == {"first_name": "Billing First Name", "phone": "Phone", "city": "shipping_city"}
    assert found.ignored == ("Billing Phone", "username")
    assert recognise(["BillingFirstName"], "f").of == {"first_name": "BillingFirstName"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["03/04/1980", "25/04/1980"], ["1980-04-03", "1980-04-25"]),
        (["03/04/1980", "04/25/1980"], ["1980-03-04", "1980-04-25"]),
        (["03/04/1980", "05/06/1990"], ["1980-03-04", "1990-05-06"]),
    ],
    ids=["day first", "month first", "it does not show"],
)
def test_a_column_shows_whether_its_dates_begin_with_the_day(written, meant):
    rows = pa.table({"dob": written})
    assert people(rows, recognise(["dob"], "f"), "f", "US")["birth_date"].to_pylist() == meant


@pytest.mark.parametrize(("alike", "pairs"), [(0, 0), (12, 12), (40, 40)], ids=["no overlap", "some", "all"])
def test_two_exports_with_other_columns_are_linked_by_as_many_people_as_they_share(tmp_path, alike, pairs):
    def person(number):
        return FIRST[number % 10], LAST[number // 10 % 10] + letters(number), mailbox(number), phone(number)

    ours = [(f"a{at}", *person(at)) for at in range(40)]
    theirs = [
        (f"b{at}", last, first, tel, mail) for at in range(40) for first, last, mail, tel in [person(40 - alike + at)]
    ]
    one = write_csv(tmp_path / "a.csv", ["ID", "FIRST NAME", "LAST NAME", "E-MAIL", "MOBILE PHONE"], ours)
    other = write_csv(tmp_path / "b.csv", ["id", "surname", "given_name", "tel", "mail"], theirs)
    clusters = resolve_files([one, other], Told({}, across=True)).resolved.clusters.to_pylist()
    together: dict[str, set[str]] = {}
    for row in clusters:
        together.setdefault(row["profile_id"], set()).add(row["record_id"])
    assert {frozenset(group) for group in together.values() if len(group) > 1} == {
        frozenset({f"a{40 - alike + at}", f"b{at}"}) for at in range(pairs)
    }


def test_rows_that_say_nothing_and_fillers_join_nobody():
    rows = [(FIRST[at % 10], LAST[at // 10], mailbox(at)) for at in range(100)]
    rows += [(None, None, None)] * 30 + [(FIRST[at % 10], letters(at), "none@none.com") for at in range(100)]
    rows += [(FIRST[at % 10], letters(100 + at), "n/a") for at in range(100)]
    found, crowded = resolved(["first_name", "last_name", "email"], rows)
    assert found == set()
    assert crowded["email"].values == 1


@given(st.lists(st.tuples(st.floats(0.001, 1), st.floats(0.05, 1)), min_size=2, max_size=8))
@settings(max_examples=100, deadline=None)
def test_shares_stay_shares_and_below_what_they_may_come_to(levels):
    share = np.array([value for value, _ in levels])
    most = [*(limit / len(levels) for _, limit in levels[:-1]), np.inf]
    (found,) = _within([most], (share / share.sum(),))
    assert found.sum() == pytest.approx(1)
    assert (found <= np.array(most) + 1e-12).all()


def test_a_folder_and_a_text_file_are_refused_for_what_they_are(tmp_path):
    with pytest.raises(UsageError, match="this is a folder"):
        resolve_files([tmp_path], Told({}))
    with pytest.raises(UsageError, match="neither CSV nor Parquet"):
        resolve_files([write_csv(tmp_path / "people.txt", ["email"], [("a@x.com",)])], Told({}))


def test_the_year_of_a_filler_birth_date_goes_with_it_and_other_years_stay():
    rows = [("Ann", "Lee", f"{1950 + at % 40}-0{1 + at % 9}-1{at % 8}") for at in range(400)]
    rows += [(first, last + letters(at), "1900-01-01") for at in range(3) for first in FIRST for last in LAST]
    columns = ["first_name", "last_name", "dob"]
    table = pa.table({name: [row[at] for row in rows] for at, name in enumerate(columns)})
    standard, crowded = without_crowded(people(table, recognise(columns, "people.csv"), "people", "US"))
    assert (crowded["birth_date"].values, crowded["birth_date"].rows) == (1, 300)
    years = standard["birth_year"].to_pylist()
    assert years[400:] == [None] * 300
    assert years[:400] == [row[2][:4] for row in rows[:400]]
