"""How two people of a file are compared: for each comparison its levels, from most to least alike.

Each level has the share of pairs that were expected to fall into it before any data was seen, of one person
(``match``), of two people of one household (``household``) and of two strangers (``stranger``): the first thing that a
fit starts from, and all there is for a file of ten rows. The shares are rough magnitudes of customer tables.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from math import inf

_NAMES_OF_FEW = (5e-6, 2e-5, 8e-5, 3.2e-4, 1.28e-3)
_RARE_LAST, _RARE_FIRST = 3.2e-4, 1.28e-3
_SLIPS = 0.5
"""Who gives a mailbox, phone or number twice gives it with a slip at most half as often as without."""
_COINCIDENCE = 0.01
"""Strangers seldom have one mailbox, phone or number: those that do share it, and are counted as of one household."""
_FEW = ("one in 200,000", "one in 50,000", "one in 12,500", "one in 3,000", "one in 800")


@dataclass(frozen=True)
class Level:
    """One level.

    Attributes:
        label: What the two have in common.
        condition: SQL over the columns of the two people, ``_l`` and ``_r``; None: all the rest.
        match: Expected share of the pairs of one person.
        household: Expected share of the pairs of one household.
        stranger: Expected share of the pairs of strangers.
        most: The greatest share of the pairs of one person that a fit may come to: in a file of people who all live
            at one address a fit would otherwise call them one person who has many names.
        most_beside_equal: The same, as a part of the share of the first level: who gives one mailbox twice seldom
            gives it with a slip, and in a file where all mailboxes are alike this tells of nobody.
        most_by_chance: The most such pairs of strangers, for each record, that a fit may come to: in a file of nothing
            but mailboxes it would otherwise call every repeated one a coincidence.
    """

    label: str
    condition: str | None
    match: float
    household: float
    stranger: float
    most: float = 1.0
    most_beside_equal: float = inf
    most_by_chance: float = inf


@dataclass(frozen=True)
class Comparison:
    """One comparison.

    Attributes:
        name: What is compared.
        nothing: SQL condition under which there is nothing to compare: such a pair is no evidence.
        levels: From most to least alike; the first whose condition holds.
        is_conditional: Whether it is for few pairs only, such as those of one name. Its strangers are then learnt from
            the pairs that blocking rules bring together, since of pairs drawn at random hardly one is such.
        shared: SQL that several conditions use, by the name by which they use it; worked out once a pair.
    """

    name: str
    nothing: str
    levels: tuple[Level, ...]
    shared: tuple[tuple[str, str], ...] = ()
    is_conditional: bool = False


def comparisons_of(columns: Set[str]) -> tuple[Comparison, ...]:
    """The comparisons for the columns that a file has (names of ``standard.TEXTS``)."""
    found = [_names(columns)]
    if "middle_name" in columns:
        found.append(_middle_name())
    if "birth_date" in columns:
        found.append(_birth_date())
    if "birth_year" in columns:
        found.append(_birth_year(columns))
    found += [_code(name) for name in ("national_id", "card") if name in columns]
    if "customer" in columns:
        found.append(_customer())
    if "email" in columns:
        found += _emails(columns)
    if "phone" in columns:
        found.append(_phone())
    if "street" in columns:
        found.append(_street("house" in columns))
    if {"postcode", "city"} & columns:
        found.append(_place(columns))
    found += [_plain(name) for name in ("street_2", "state", "gender", "birth_place", "occupation") if name in columns]
    there = tuple(comparison for comparison in found if comparison is not None)
    return there if len(there) > 1 else tuple(_without_likeness(item) for item in there)


def _without_likeness(alone: Comparison) -> Comparison:
    """What is alike tells of one person only together with something else."""
    return replace(alone, levels=tuple(level for level in alone.levels if level.most_beside_equal == inf))


def _equal(name: str) -> str:
    return f"{name}_l = {name}_r"


def _alike(name: str, least: float) -> str:
    return f"jaro_winkler_similarity({name}_l, {name}_r, {least}) >= {least}"  # told the least, it can stop early


def slip(name: str) -> str:
    """One letter more, less or another, or two neighbours exchanged: so the first half is equal, or the last.

    The halves go first because they are cheap to compare; they take one letter less than there is.
    """
    half = f"(least(length({name}_l), length({name}_r)) - 1) // 2"
    halves = " OR ".join(f"{end}({name}_l, {half}) = {end}({name}_r, {half})" for end in ("left", "right"))
    return f"({halves}) AND damerau_levenshtein({name}_l, {name}_r) <= 1"


def _missing(*names: str) -> str:
    return " AND ".join(f"({name}_l IS NULL OR {name}_r IS NULL)" for name in names)


_FIRST_ALIKE = (
    "first_alike",
    "CASE WHEN formal_name_l = formal_name_r OR starts_with(first_name_l, first_name_r) "
    f"OR starts_with(first_name_r, first_name_l) THEN true ELSE {_alike('first_name', 0.9)} END",
)
_LAST_ALIKE = (
    "last_alike",
    f"CASE WHEN {_equal('last_name')} THEN true ELSE {_alike('last_name', 0.9)} END",
)
"""Worked out for every pair, and therefore as CASE, which does not compare letters where it need not; OR does."""


def _names(columns: Set[str]) -> Comparison | None:
    """First and last name together: in a family, or in a file of noblemen, the one depends on the other."""
    if not {"first_name", "last_name"} <= columns:
        name = next(iter(sorted({"first_name", "last_name"} & columns)), None)
        return None if name is None else _one_name(name)
    first, last = _equal("first_name"), _equal("last_name")
    first_alike, last_alike = "first_alike", "last_alike"
    gap = f"({_missing('first_name')} OR {_missing('last_name')})"
    both = [
        Level(f"both equal, a name of {few}", f"{first} AND {last} AND full_name_share_l < {share}", m, h, u)
        for few, share, m, h, u in zip(
            _FEW, _NAMES_OF_FEW, (0.15, 0.15, 0.15, 0.1, 0.05), (4e-3, 4e-3, 4e-3, 4e-3, 3e-3),
            (1e-7, 4e-7, 1e-6, 3e-6, 4e-6), strict=True,
        )
    ]  # fmt: skip
    rare_last, rare_first = f"last_name_share_l < {_RARE_LAST}", f"first_name_share_l < {_RARE_FIRST}"
    return Comparison(
        "name",
        _missing("first_name") + " AND " + _missing("last_name"),
        (
            *both,
            Level("both equal, a common name", f"{first} AND {last}", 0.03, 0.001, 4e-6),
            Level("exchanged", "first_name_l = last_name_r AND last_name_l = first_name_r", 0.01, 3e-4, 2e-6),
            Level("last equal, first alike", f"{last} AND {first_alike}", 0.1, 0.02, 3e-5),
            Level("first equal, last alike", f"{first} AND {last_alike}", 0.05, 0.002, 3e-5),
            Level("both alike", f"{first_alike} AND {last_alike}", 0.02, 0.002, 1e-4),
            Level("rare last equal, no first", f"{gap} AND {last} AND {rare_last}", 0.03, 0.03, 1e-5),
            Level("last equal, no first", f"{gap} AND {last}", 0.03, 0.03, 1e-4),
            Level("first equal, no last", f"{gap} AND {first}", 0.03, 0.01, 5e-4),
            Level("one alike, the other missing", f"{gap} AND ({first_alike} OR {last_alike})", 0.01, 0.005, 1e-3),
            Level("one different, the other missing", gap, 0.01, 0.08, 0.05, 0.1),
            Level("rare last equal, first different", f"{last} AND {rare_last}", 5e-4, 0.2, 3e-5, 0.1),
            Level("last equal, first different", last, 5e-4, 0.4, 1e-3, 0.1),
            Level("rare first equal, last different", f"{first} AND {rare_first}", 0.015, 0.005, 3e-4, 0.1),
            Level("first equal, last different", first, 0.02, 0.01, 4e-3, 0.1),
            Level("last alike, first different", last_alike, 0.01, 0.03, 1e-3, 0.03),
            Level("first alike, last different", first_alike, 0.01, 0.01, 8e-3, 0.03),
            Level("different", None, 0.002, 0.17, 0.93, 0.04),
        ),
        (_FIRST_ALIKE, _LAST_ALIKE),
    )


def _one_name(name: str) -> Comparison:
    return Comparison(
        name,
        _missing(name),
        (
            *(
                Level(f"equal, a name of {few}", f"{_equal(name)} AND {name}_share_l < {share}", m, 0.3 * m, u)
                for few, share, m, u in zip(
                    _FEW, _NAMES_OF_FEW, (0.1, 0.15, 0.2, 0.2, 0.1), (1e-6, 4e-6, 2e-5, 7e-5, 3e-4), strict=True
                )
            ),
            Level("equal, a common name", _equal(name), 0.1, 0.03, 2e-3),
            Level("alike", _alike(name, 0.9), 0.1, 0.03, 5e-3, 0.3),
            Level("different", None, 0.05, 0.7, 0.99, 0.2),
        ),
    )


def _birth_date() -> Comparison:
    equal = _equal("birth_date")
    slip_or_swap = f"({slip('birth_date')}) OR birth_date_l = birth_date_swapped_r"
    return Comparison(
        "birth_date",
        _missing("birth_date"),
        (
            Level("equal, a day of one in 5,000", f"{equal} AND birth_date_share_l < 2e-4", 0.68, 0.024, 4e-5),
            Level("equal, a day of one in 1,000", f"{equal} AND birth_date_share_l < 1e-3", 0.13, 0.0045, 4e-5),
            Level("equal, a common day", equal, 0.04, 0.0015, 1e-4),
            Level("a slip, or day and month exchanged", slip_or_swap, 0.09, 0.01, 1e-3),
            Level("same year, or same day", f"{_equal('birth_year')} OR {_equal('birth_day')}", 0.03, 0.06, 0.02),
            Level("different", None, 0.002, 0.9, 0.97, 0.35),
        ),
    )  # fmt: skip


def _middle_name() -> Comparison:
    initial = "starts_with(middle_name_l, middle_name_r) OR starts_with(middle_name_r, middle_name_l)"
    return Comparison(
        "middle_name",
        _missing("middle_name"),
        (
            Level("equal", _equal("middle_name"), 0.55, 0.05, 0.02),
            Level("initial or beginning", initial, 0.3, 0.08, 0.06),
            Level("alike", _alike("middle_name", 0.9), 0.05, 0.02, 0.01, 0.2),
            Level("different", None, 0.1, 0.85, 0.91, 0.3),
        ),
    )


def _birth_year(columns: Set[str]) -> Comparison:
    """For two of whom not both give the date."""
    both_dates = " OR birth_date_l IS NOT NULL AND birth_date_r IS NOT NULL" if "birth_date" in columns else ""
    near = "abs(birth_year_l::INTEGER - birth_year_r::INTEGER) = 1"
    return Comparison(
        "birth_year",
        _missing("birth_year") + both_dates,
        (
            Level("equal", _equal("birth_year"), 0.92, 0.04, 0.015),
            Level("next to it, or a slip", f"{near} OR ({slip('birth_year')})", 0.06, 0.2, 0.15),
            Level("different", None, 0.02, 0.76, 0.835, 0.2),
        ),
    )


def _customer() -> Comparison:
    """The number that one system gave a customer: who is there twice has two, and these tell little."""
    return Comparison(
        "customer",
        _missing("customer") + " OR dataset_l <> dataset_r",
        (
            Level("equal", _equal("customer"), 0.6, 0.002, 3e-7, most_by_chance=_COINCIDENCE),
            Level("different", None, 0.4, 0.998, 0.9999997),
        ),
    )


def _code(name: str) -> Comparison:
    return Comparison(
        name,
        _missing(name),
        (
            Level("equal", _equal(name), 0.9, 0.002, 3e-6, most_by_chance=_COINCIDENCE),
            Level("a slip", slip(name), 0.06, 0.002, 2e-5, most_beside_equal=_SLIPS),
            Level("different", None, 0.04, 0.996, 0.99997),
        ),
    )


def _emails(columns: Set[str]) -> list[Comparison]:
    """Many mailboxes are made of names: those of two John Smiths are alike, and this tells of their names again.

    So where a name that is alike is in a mailbox, it is a comparison of its own how like two are that are not equal:
    one for whole names, one for those that share only the first or the last.
    """
    parts = [part for part in ("first", "last") if f"{part}_name" in columns]
    shared = tuple({"first": _FIRST_ALIKE, "last": _LAST_ALIKE}[part] for part in parts)
    named = [f"(has_{part}_l OR has_{part}_r)" for part in parts]
    one = " OR ".join(f"{part}_alike AND {has}" for part, has in zip(parts, named, strict=True)) or "false"
    whole = f"first_alike AND last_alike AND ({' OR '.join(named)})" if len(parts) > 1 else "false"
    alike, whole, one = (
        f"coalesce({sql}, false)" for sql in (f"{whole} OR {one}", whole, f"({one}) AND NOT ({whole})")
    )
    levels = (("same name at another domain", "mailbox_l = mailbox_r"), ("alike", _alike("email", 0.92)))
    found = [
        Comparison(
            "email",
            _missing("email"),
            (
                Level("equal", _equal("email"), 0.7, 0.1, 3e-7, most_by_chance=_COINCIDENCE),
                *(
                    Level(label, f"NOT {alike} AND {sql}", m, h, u, most_beside_equal=_SLIPS)
                    for (label, sql), m, h, u in zip(levels, (0.05, 0.1), (0.01, 0.02), (1e-4, 5e-4), strict=True)
                ),
                Level("different", None, 0.15, 0.87, 0.999),
            ),
            shared,
        )
    ]
    for name, condition, is_there in (
        ("mailbox of one name", whole, len(parts) > 1),
        ("mailbox of one part of a name", one, bool(parts)),
    ):
        if is_there:
            found.append(
                Comparison(
                    name,
                    f"{_missing('email')} OR {_equal('email')} OR NOT {condition}",
                    (
                        Level("nearly equal", _alike("email", 0.975), 0.2, 0.01, 0.005),
                        *(
                            Level(label, sql, m, h, u)
                            for (label, sql), m, h, u in zip(levels, (0.1, 0.3), (0.02, 0.2), (0.02, 0.2), strict=True)
                        ),
                        Level("different", None, 0.4, 0.77, 0.775),
                    ),
                    shared,
                    is_conditional=True,
                )
            )
    return found


def _phone() -> Comparison:
    return Comparison(
        "phone",
        _missing("phone"),
        (
            Level("equal", _equal("phone"), 0.65, 0.1, 3e-7, most_by_chance=_COINCIDENCE),
            Level("a slip", slip("phone"), 0.05, 0.01, 1e-5, most_beside_equal=_SLIPS),
            Level("different", None, 0.3, 0.79, 0.999),
        ),
    )


def _street(has_house: bool) -> Comparison:
    same_house = " AND house_l IS NOT DISTINCT FROM house_r" if has_house else ""
    levels = [Level("equal", _equal("street") + same_house, 0.6, 0.75, 2e-4)]
    if has_house:
        levels.append(Level("alike, same number", _alike("street", 0.88) + same_house, 0.1, 0.08, 5e-4))
    levels += [
        Level("alike, another number" if has_house else "alike", _alike("street", 0.88), 0.12, 0.05, 2e-3),
        Level("different", None, 0.18, 0.12, 0.998),
    ]
    return Comparison("street", _missing("street"), tuple(levels))


def _place(columns: Set[str]) -> Comparison:
    """Postcode and city together: the one mostly tells the other."""
    both = {"postcode", "city"} <= columns
    levels = []
    if both:
        levels.append(Level("postcode and city equal", f"{_equal('postcode')} AND {_equal('city')}", 0.7, 0.8, 1e-3))
    if "postcode" in columns:
        levels.append(Level("postcode equal", _equal("postcode"), 0.1 if both else 0.75, 0.08, 2e-3))
        levels.append(Level("postcode with a slip", slip("postcode"), 0.05, 0.02, 5e-3))
    if "city" in columns:
        levels.append(Level("city equal", _equal("city"), 0.05 if both else 0.75, 0.04, 0.02))
        levels.append(Level("city alike", _alike("city", 0.9), 0.04, 0.02, 0.01))
    if "postcode" in columns:
        levels.append(Level("postcode of one area", "postcode_area_l = postcode_area_r", 0.03, 0.02, 0.03))
    levels.append(Level("different", None, 0.06, 0.04, 0.95))
    return Comparison("place", _missing(*sorted({"postcode", "city"} & columns)), tuple(levels))


def _plain(name: str) -> Comparison:
    levels = [Level("equal", _equal(name), 0.88, 0.7, 0.1)]
    if name != "gender":
        levels.append(Level("alike", _alike(name, 0.85), 0.05, 0.05, 0.03))
    return Comparison(name, _missing(name), (*levels, Level("different", None, 0.07, 0.25, 0.87)))
