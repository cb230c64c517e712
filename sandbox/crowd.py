"""A crowd of any size with a known truth: ``python -m sandbox.crowd --records 1000000 --output people.parquet``.

One row is one record of a person, as a customer table has them. What makes it hard is what makes customer tables
hard: households under one roof with one mailbox and one phone, twins, fathers and sons of one name, moves, marriages,
nicknames, slips of the hand, gaps, values that forms and staff fill in, and kiosks whose contact data stands on the
records of everyone who bought there. Nothing of it tells a record's person but the truth file.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.names import CITIES, FAMILY, GIVEN, MAIL_DOMAINS, NICKNAMES, STREETS

SEED = 20_170_101
RECORDS_PER_PERSON = 3.03
MOST_RECORDS = 80
RARE_GIVEN, RARE_FAMILY, POSTCODES_OF_A_CITY = 1_500, 30_000, 60
TWINS, JUNIORS, MOVED, MARRIED, SECOND_MAILBOX = 0.02, 0.02, 0.3, 0.05, 0.25
GAPS = {"first_name": 0.02, "birth_date": 0.25, "email": 0.35, "phone": 0.3, "street": 0.2}
NICKNAMED, INITIAL, SLIP, SWAPPED, DATE_SLIP = 0.08, 0.03, 0.02, 0.005, 0.02
SHARED_MAILBOX, SHARED_PHONE, KIOSK, FILLED_IN = 0.12, 0.3, 0.003, 0.01
KIOSKS = 40
_ONSETS = "b br c ch d dr f g gr h j k kl l m n p r s sch st t tr v w z".split()
_VOWELS = "a e i o u ai ei ou ie".split()
_ENDS = "n r s t l ck ng rd nd tz ski sen son ley man burg ton er ova ini".split()


def crowd(records: int, seed: int = SEED) -> tuple[pa.Table, pa.Table]:
    """The records and their truth.

    Args:
        records: How many records, about; the same number and seed always give the same tables.
        seed: Of everything drawn.

    Returns:
        record_id, first_name, last_name, birth_date, email, phone, street, city, postcode; and record_id, person_id.
    """
    draw = np.random.default_rng(seed)
    people = _people(draw, max(2, round(records / RECORDS_PER_PERSON)))
    copies = np.minimum(1 + np.floor(draw.pareto(1.9, people["n"]) * 2.6).astype(int), MOST_RECORDS)
    person = np.repeat(np.arange(people["n"]), copies)
    person = person[draw.permutation(len(person))][:records]
    columns = _blurred(draw, _said(draw, people, person), person)
    ids = np.char.add("r", np.arange(len(person)).astype(str))
    table = pa.table({"record_id": ids} | {name: pa.array(values.tolist()) for name, values in columns.items()})
    truth = pa.table({"record_id": ids, "person_id": np.char.add("p", person.astype(str))})
    return table, truth


def _people(draw: np.random.Generator, n: int) -> dict:
    """Who there is: every array is of one entry a person, but ``n``."""
    household = np.sort(draw.integers(0, max(1, int(n / 2.3)), n))
    mates = np.concatenate([[False], household[1:] == household[:-1]])
    given, family = _vocabulary(draw, GIVEN, RARE_GIVEN), _vocabulary(draw, FAMILY, RARE_FAMILY)
    first = given[_zipf(draw, len(given), n)]
    last = family[_zipf(draw, len(family), int(household.max()) + 1)][household]
    last = np.where(draw.random(n) < 0.15, family[_zipf(draw, len(family), n)], last)
    born = draw.integers(-12_000, 14_000, n)  # days from 1970
    twin, junior = mates & (draw.random(n) < TWINS), mates & (draw.random(n) < JUNIORS)
    born = np.where(twin, np.roll(born, 1), born)
    first = np.where(junior & ~twin, np.roll(first, 1), first)
    last = np.where(twin | junior, np.roll(last, 1), last)
    maiden = np.where(draw.random(n) < MARRIED, family[_zipf(draw, len(family), n)], last)
    return {
        "n": n, "household": household, "first": first, "last": last, "maiden": maiden, "born": born,
        "mail": _mailboxes(draw, first, last), "mail2": np.where(draw.random(n) < SECOND_MAILBOX,
                                                                 _mailboxes(draw, first, maiden), ""),
        "phone": _phones(draw, n), "home_phone": _phones(draw, n)[household],
        "home": draw.integers(0, 2**62, int(household.max()) + 1)[household],
        "next_home": np.where(draw.random(n) < MOVED, draw.integers(0, 2**62, n), -1),
        "home_mail": _mailboxes(draw, np.full(n, "family"), last)[np.searchsorted(household, household)],
    }  # fmt: skip


def _said(draw: np.random.Generator, people: dict, person: np.ndarray) -> dict[str, np.ndarray]:
    """What a record would say if nobody erred."""
    n = len(person)
    later = draw.random(n) < 0.5
    mail2 = people["mail2"][person]
    mail = np.where(later & (mail2 != ""), mail2, people["mail"][person])
    mail = np.where(draw.random(n) < SHARED_MAILBOX, people["home_mail"][person], mail)
    phone = np.where(draw.random(n) < SHARED_PHONE, people["home_phone"][person], people["phone"][person])
    next_home = people["next_home"][person]
    home = np.where(later & (next_home >= 0), next_home, people["home"][person])
    born = (np.datetime64("1970-01-01") + people["born"][person]).astype(str)
    return {
        "first_name": people["first"][person],
        "last_name": np.where(later, people["last"][person], people["maiden"][person]),
        "birth_date": born.astype(object),
        "email": mail.astype(object),
        "phone": phone.astype(object),
    } | _addresses(home)


def _addresses(home: np.ndarray) -> dict[str, np.ndarray]:
    """Street, city and postcode of a home, which is a number."""
    city = home % len(CITIES)
    code = np.array([first for _, first, _ in CITIES])[city] + (home // 32) % POSTCODES_OF_A_CITY
    street = np.array(STREETS, dtype=object)[(home // 4_096) % len(STREETS)]
    number = 1 + (home // 262_144) % 900
    return {
        "street": (number.astype(str).astype(object) + " " + street),
        "city": np.array([name for name, _, _ in CITIES], dtype=object)[city],
        "postcode": np.char.zfill(code.astype(str), 5).astype(object),
    }


def _blurred(draw: np.random.Generator, said: dict[str, np.ndarray], person: np.ndarray) -> dict[str, np.ndarray]:
    """What the records say: with nicknames, slips, gaps, fillers and kiosks."""
    n = len(person)

    def some(share: float) -> np.ndarray:
        return draw.random(n) < share

    first, last = said["first_name"].copy(), said["last_name"].astype(object)
    nick = some(NICKNAMED)
    first[nick] = [NICKNAMES.get(name, name) for name in first[nick]]
    initial = some(INITIAL)
    first[initial] = [name[0] for name in first[initial]]
    for names in (first, last):
        slip = some(SLIP)
        names[slip] = [_slipped(name, at) for name, at in zip(names[slip], draw.random(slip.sum()), strict=True)]
    swapped = some(SWAPPED)
    first[swapped], last[swapped] = last[swapped], first[swapped]
    born = said["birth_date"].copy()
    wrong = some(DATE_SLIP)
    born[wrong] = [
        f"{date[:8]}{day:02d}" for date, day in zip(born[wrong], draw.integers(1, 29, wrong.sum()), strict=True)
    ]
    kiosk, which = some(KIOSK), draw.integers(0, KIOSKS, n)
    columns = said | {"first_name": first, "last_name": last, "birth_date": born}
    shop = {"email": "store{}@shop.example", "phone": "+1 800 555 {:04d}", "street": "{} Market Sq"}
    for name, form in shop.items():
        columns[name] = columns[name].copy()
        columns[name][kiosk] = [form.format(number) for number in which[kiosk]]
    for name, filler in {"birth_date": "1900-01-01", "email": "none@none.com", "phone": "999 999 9999"}.items():
        columns[name][some(FILLED_IN)] = filler
    for name, share in GAPS.items():
        gap = some(share)
        for column in (name, "city", "postcode") if name == "street" else (name,):
            columns[column][gap] = None
    return columns


def _slipped(name: str, at: float) -> str:
    """Two neighbouring letters exchanged, or one left out."""
    place = int(at * max(1, len(name) - 1))
    if int(at * 1e6) % 2:
        return name[:place] + name[place + 1 :]
    return name[:place] + name[place + 1 : place + 2] + name[place : place + 1] + name[place + 2 :]


def _vocabulary(draw: np.random.Generator, common: str, rare: int) -> np.ndarray:
    """The common names, then names made of syllables, each once."""
    parts = [draw.choice(words, rare) for words in (_ONSETS, _VOWELS, _ONSETS, _VOWELS, _ENDS)]
    made = {"".join(syllables).capitalize() for syllables in zip(*parts, strict=True)}
    return np.array([*common.split(), *sorted(made - set(common.split()))], dtype=object)


def _zipf(draw: np.random.Generator, kinds: int, n: int) -> np.ndarray:
    """Ranks 0 to kinds - 1, the share of rank k falling as 1 / (k + 20)."""
    shares = 1 / (np.arange(kinds) + 20.0)
    return draw.choice(kinds, n, p=shares / shares.sum())


def _domains(draw: np.random.Generator, n: int) -> np.ndarray:
    return np.char.add("@", draw.choice(MAIL_DOMAINS, n))


def _mailboxes(draw: np.random.Generator, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    names = np.char.lower(np.char.add(np.char.add(first.astype(str), "."), last.astype(str)))
    names = np.char.replace(names, "'", "")
    return np.char.add(np.char.add(names, draw.integers(1, 2_000, len(first)).astype(str)), _domains(draw, len(first)))


def _phones(draw: np.random.Generator, n: int) -> np.ndarray:
    areas = np.array([code for _, _, codes in CITIES for code in codes])
    numbers = np.char.zfill(draw.integers(2_000_000, 9_999_999, n).astype(str), 7)
    return np.char.add(np.char.add("+1", draw.choice(areas, n)), numbers)


def main() -> int:
    """Write the records, and their truth beside them as ``<name>.truth.parquet``."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.crowd", description="Write a crowd of records.")
    parser.add_argument("--records", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed ({SEED})")
    parser.add_argument("--output", type=Path, default=Path("people.parquet"), help="file to write (people.parquet)")
    given = parser.parse_args()
    records, truth = crowd(given.records, given.seed)
    pq.write_table(records, given.output)
    pq.write_table(truth, given.output.with_suffix(".truth.parquet"))
    people = len(set(truth["person_id"].to_pylist()))
    print(f"{records.num_rows:,} records of {people:,} people")
    return 0


if __name__ == "__main__":
    sys.exit(main())
