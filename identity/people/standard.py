"""Rows of any file as comparable people: standard forms, one column a meaning, gaps as NULL.

The forms are those of ``identity.standardise``. What a file of strangers needs beyond them is here: titles, whole
names in one column, birth dates of any century, house numbers inside streets, and values that stand on so many people
that they say nothing of any.
"""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from contracts.identity import Attributes, NameLikeness
from identity import standardise
from identity.agree import formal_name
from identity.people.columns import Columns
from identity.people.romanise import romanised
from identity.sql import query

TITLES = frozenset(
    "mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend hon baronet baron esq jr sr ii iii iv "
    "st nd rd th the of phd md".split()
)
TEXTS = (
    "first_name", "middle_name", "last_name", "birth_date", "birth_year", "email", "phone", "national_id", "card",
    "customer", "house", "street", "street_2", "city", "postcode", "state", "gender", "birth_place", "occupation",
)  # fmt: skip
MOST_PEOPLE = {"email": 8, "phone": 8, "national_id": 4, "card": 4, "customer": 4}
"""With more people than this found on a value, the value says nothing of any. Slips of the hand make many names of one
person's, though seldom of another beginning: there must be half as many of these, too."""
LEAST_CROWD, FAR_MORE = 50, 20
"""A value on so many rows without a name, and so many times more than the next one down, was filled in for many."""
MOST_AT_HOME = 30
"""So many people may give one address: a house of flats has that many, of whom few lack the number of the flat."""
_HOME = ("street", "house", "city", "postcode")
CROWDED_DAY, CROWDED_SHARE = 20, 0.003
"""A birth date that so many times more names have than the usual one, and that share of all, is filled in by forms."""
_ANY_DATE = Attributes(
    oldest_birth_date=datetime.date(1000, 1, 1),
    name_likeness=NameLikeness(first_name=1, last_name=1, across_scripts=1, why="no names are compared by it"),
)
_BORN = ("birth_date", "birth_year")
_YEAR = re.compile(r"\s*([12]\d{3})(?:\.0+)?\s*")
_HOUSE = re.compile(r"\s*(\d+\s?[a-zA-Z]?)\s+(.*\S)\s*")
_SLASHED = re.compile(r"\s*(\d{1,2})/(\d{1,2})/(\d{4}\b.*)")
_NOTHING = re.compile(r"\W*")


def people(rows: pa.Table, columns: Columns, dataset: str, region: str) -> pa.Table:
    """Rows in standard form.

    Args:
        rows: A file as text.
        columns: What its columns mean.
        dataset: Its name.
        region: Of phone numbers without a country code.

    Returns:
        dataset, position (from 1), record_id as written (the position where no column names records), TEXTS, and
        formal_name: Bob and Bobby are Robert.
    """
    given = {meaning: rows[column].to_pylist() for meaning, column in columns.of.items()}
    _split_names(given)
    _split_streets(given)
    _join_dates(given)
    _put_months_first(given)
    forms = _forms(dataset, region)
    nothing = pa.nulls(rows.num_rows, pa.string())
    positions = list(range(1, rows.num_rows + 1))
    ids = given.get("record_id") or [str(position) for position in positions]
    texts = {name: standardise.mapped(given[name], forms[name]) if name in given else nothing for name in TEXTS}
    years = [
        date[:4] if date else year for date, year in zip(*(texts[name].to_pylist() for name in _BORN), strict=True)
    ]
    texts["birth_year"] = pa.array(years, pa.string())
    formal = standardise.mapped(texts["first_name"].to_pylist(), lambda name: name and formal_name(name))
    return pa.table(
        {
            "dataset": pa.array([dataset] * rows.num_rows, pa.string()),
            "position": pa.array(positions, pa.int64()),
            "record_id": pa.array([one and one.strip() for one in ids], pa.string()),
            **texts,
            "formal_name": formal,
        }
    )


@dataclass(frozen=True)
class Crowded:
    """How many values of a column were taken out, and on how many rows they stood."""

    values: int
    rows: int


def without_crowded(standard: pa.Table) -> tuple[pa.Table, dict[str, Crowded]]:
    """Take out the values that stand on too many people, found from the data.

    Returns:
        The table, and what was taken out of which column.
    """
    taken: dict[str, Crowded] = {}
    for name, most in MOST_PEOPLE.items():
        standard, taken[name] = _without(standard, name, _crowded(standard, name, most))
    standard, taken["street"] = _without_crowded_homes(standard)
    crowded = query(
        f"""WITH days AS (
                SELECT birth_date, count(DISTINCT concat_ws(' ', first_name, last_name)) AS people FROM people
                WHERE birth_date IS NOT NULL GROUP BY birth_date)
            SELECT birth_date AS value FROM days
            WHERE people > greatest({CROWDED_DAY} * (1 + (SELECT median(people) FROM days)),
                                    {CROWDED_SHARE} * {standard.num_rows})""",
        people=standard,
    )
    if crowded.num_rows:  # the year of such a date says as little; one given alone stays
        standard = query(
            """SELECT * REPLACE (CASE WHEN birth_date IS NULL OR birth_date NOT IN (SELECT value FROM crowded)
                                      THEN birth_year END AS birth_year)
               FROM people ORDER BY dataset, position""",
            people=standard,
            crowded=crowded,
        )
    standard, taken["birth_date"] = _without(standard, "birth_date", crowded)
    return standard, {name: crowd for name, crowd in taken.items() if crowd.values}


def _crowded(standard: pa.Table, name: str, most: int) -> pa.Table:
    """The values of a column that many names stand on; or, where there are no names, far more rows than on others."""
    return query(
        f"""SELECT {name} AS value FROM people WHERE {name} IS NOT NULL GROUP BY {name}
            HAVING count(DISTINCT nullif(concat_ws(' ', formal_name, last_name), '')) > {most}
               AND count(DISTINCT nullif(concat_ws(' ', formal_name[1], last_name[1]), '')) > {most // 2}
               AND (count(DISTINCT birth_date) > {most} OR count(birth_date) = 0)
            UNION
            SELECT value FROM (
                SELECT value, n, min(n) FILTER (n >= {LEAST_CROWD} AND n > {FAR_MORE} * next) OVER () AS crowd FROM (
                    SELECT {name} AS value, count(*) AS n, lead(n, 1, 1) OVER (ORDER BY n DESC) AS next FROM people
                    WHERE {name} IS NOT NULL AND coalesce(first_name, last_name) IS NULL GROUP BY {name}))
            WHERE n >= crowd""",
        people=standard,
    )


def _without_crowded_homes(standard: pa.Table) -> tuple[pa.Table, Crowded]:
    """Take out the addresses that too many people give: a shop's, a shelter's."""
    crowded = query(
        """SELECT street, house, city, postcode, count(*) AS n FROM people WHERE street IS NOT NULL GROUP BY ALL
           HAVING count(DISTINCT nullif(concat_ws(' ', formal_name, last_name), '')) > $most""",
        {"most": MOST_AT_HOME},
        people=standard,
    )
    if not crowded.num_rows:
        return standard, Crowded(0, 0)
    gone = ", ".join(f"CASE WHEN is_crowded IS NULL THEN p.{name} END AS {name}" for name in _HOME)
    same = " AND ".join(f"p.{name} IS NOT DISTINCT FROM c.{name}" for name in _HOME)
    table = query(
        f"""SELECT p.* REPLACE ({gone}) FROM people p LEFT JOIN (SELECT *, true AS is_crowded FROM crowded) c ON {same}
            ORDER BY dataset, position""",
        people=standard,
        crowded=crowded,
    )
    return table, Crowded(crowded.num_rows, pc.sum(crowded["n"]).as_py())


def _without(standard: pa.Table, name: str, crowded: pa.Table) -> tuple[pa.Table, Crowded]:
    if not crowded.num_rows:
        return standard, Crowded(0, 0)
    table = query(
        f"""SELECT * REPLACE (CASE WHEN {name} NOT IN (SELECT value FROM crowded) THEN {name} END AS {name})
            FROM people ORDER BY dataset, position""",
        people=standard,
        crowded=crowded,
    )
    return table, Crowded(crowded.num_rows, table[name].null_count - standard[name].null_count)


def _forms(dataset: str, region: str) -> dict[str, Callable[[str | None], str | None]]:
    address = standardise.address_part

    def valid(form: Callable[[str], standardise.Standard]) -> Callable[[str | None], str | None]:
        def standard(raw: str | None) -> str | None:
            result = form(raw) if raw else None
            return result.value if result and not result.reason else None

        return standard

    return dict.fromkeys(TEXTS, address) | {
        "first_name": _name,
        "middle_name": _name,
        "last_name": _name,
        "birth_date": lambda raw: standardise.birth_date(raw, _ANY_DATE),
        "birth_year": lambda raw: found[1] if (found := _YEAR.fullmatch(raw or "")) else None,
        "email": valid(standardise.email),
        "phone": valid(lambda raw: standardise.phone(raw, region)),
        "national_id": _code,
        "card": _code,
        "customer": _number_of(dataset),
        "street": standardise.street,
        "street_2": standardise.street,
        "postcode": standardise.postcode,
    }


def _name(raw: str | None) -> str | None:
    """A name in Latin letters, without titles; None where nothing else is left."""
    value = romanised(standardise.name(raw) or "")
    return " ".join(word for word in value.split() if word not in TITLES) or None


def _code(raw: str | None) -> str | None:
    """Letters and digits in lower case; None for a filler such as 0000."""
    value = re.sub(r"\W", "", raw or "").lower()
    return value if len(set(value)) > 1 or (value and len(value) < 3) else None


def _number_of(dataset: str) -> Callable[[str | None], str | None]:
    """A customer's number, which says nothing beyond the system that gave it."""
    return lambda raw: f"{code} of {dataset}" if (code := _code(raw)) else None


def _split_names(given: dict[str, list[str | None]]) -> None:
    """A whole name gives the first and the last name to rows that have none: ``Ann Lee`` and ``Lee, Ann``."""
    whole = given.pop("full_name", None)
    if whole is None:
        return
    firsts, lasts = (given.get(name) or [None] * len(whole) for name in ("first_name", "last_name"))
    split = [_split_name(name) if not (first or last) else (first, last)
             for name, first, last in zip(whole, firsts, lasts, strict=True)]  # fmt: skip
    given["first_name"], given["last_name"] = [first for first, _ in split], [last for _, last in split]


def _split_name(whole: str | None) -> tuple[str | None, str | None]:
    if not whole or _NOTHING.fullmatch(whole):
        return None, None
    last, comma, first = whole.partition(",")
    if comma and _name(first):
        return first, last
    words = (_name(whole.split(",")[0]) or "").split()
    return (words[0] if len(words) > 1 else None), (words[-1] if words else None)


def _split_streets(given: dict[str, list[str | None]]) -> None:
    """The number before a street, where no column has it."""
    if "house" in given or "street" not in given:
        return
    streets = (street if street and len(street) <= standardise.LONGEST_TEXT else "" for street in given["street"])
    split = [_HOUSE.fullmatch(street) for street in streets]
    given["house"] = [found and found[1].replace(" ", "") for found in split]
    given["street"] = [found[2] if found else street for found, street in zip(split, given["street"], strict=True)]


def _join_dates(given: dict[str, list[str | None]]) -> None:
    """Year, month and day in columns of their own, where no column has the date."""
    years, months, days = given.get("birth_year"), given.pop("birth_month", None), given.pop("birth_day", None)
    if "birth_date" in given or years is None or months is None or days is None:
        return
    given["birth_date"] = [
        "-".join((year, month, day)) if year and month and day else None
        for year, month, day in zip(years, months, days, strict=True)
    ]


def _put_months_first(given: dict[str, list[str | None]]) -> None:
    """Dates such as 03/04/1980 with the month first, where others of their column show that the day was: 25/04/1980."""
    dates = given.get("birth_date", [])
    slashed = {date: found for date in set(dates) if date and (found := _SLASHED.fullmatch(date))}
    days_first, months_first = (any(int(found[at]) > 12 for found in slashed.values()) for at in (1, 2))
    if days_first and not months_first:
        turned = {date: f"{found[2]}/{found[1]}/{found[3]}" for date, found in slashed.items()}
        given["birth_date"] = [turned.get(date, date) if date else None for date in dates]
