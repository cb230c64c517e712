"""Whether two first names, or two birth dates, can be of one person.

We follow Winkler, "String Comparator Metrics and Enhanced Decision Rules in the Fellegi-Sunter Model of
Record Linkage" (1990, ERIC ED325505) for the likeness of names; from which likeness on two are one name is the
contract's. We differ in that nicknames, initials and names in scripts that cannot be compared never contradict each
other, because a contradiction here keeps two records apart for good; and in that two names in common use
(given_names.csv) are two names however alike, unless they are spellings of one: Maria and Marie may be twins.
"""

import csv
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from contracts.identity import Attributes, NameLikeness

_PREFIX_BONUS = 0.1
_GENERATIONS = {"sr": 1, "senior": 1, "jr": 2, "junior": 2, "ii": 2, "iii": 3, "iv": 4}
_CYRILLIC = str.maketrans(
    dict(zip("абвгдезиклмнопрстуфыэ", "abvgdeziklmnoprstufye", strict=True))
    | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya", "ъ": "", "ь": ""}
)


class FullName(NamedTuple):
    """The first and the last name that one record gives, in standard forms."""

    first: str
    last: str | None


@dataclass(frozen=True)
class Person:
    """What a record says of the person behind it, in standard forms.

    Attributes:
        first_name: The first name.
        last_name: The last name.
        birth_date: As an ISO date.
        exclusive: Exclusive identifiers, each as ``identifier=value``.
        is_filler: The name stands for many people (``identity.placeholders``): who gives another is somebody else, who
            gives the same may be.
    """

    first_name: str | None = None
    last_name: str | None = None
    birth_date: str | None = None
    exclusive: frozenset[str] = frozenset()
    is_filler: bool = False

    @property
    def is_named(self) -> bool:
        return self.first_name is not None

    @property
    def name(self) -> FullName | None:
        """First and last name, where there is a first one."""
        return FullName(self.first_name, self.last_name) if self.first_name else None

    @property
    def generation(self) -> int | None:
        """What a Jr or Sr behind the name says."""
        return _generation(self.first_name, self.last_name)

    @property
    def key(self) -> str | None:
        """What a record without a first name is known by: an exclusive identifier, else the last name."""
        return min(self.exclusive, default=self.last_name)


@cache
def nicknames() -> dict[str, frozenset[str]]:
    """The formal names behind each short name, from nicknames.csv beside this module."""
    return _from_table("name", "nickname_of")


@cache
def short_names() -> dict[str, frozenset[str]]:
    """The short names of each formal name."""
    return _from_table("nickname_of", "name")


@cache
def given_names() -> dict[str, str]:
    """Each given name in common use, with the spelling that stands for all of that name, from given_names.csv."""
    with (Path(__file__).parent / "given_names.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row["spelling_of"] for row in csv.DictReader(file)}


def _from_table(key: str, value: str) -> dict[str, frozenset[str]]:
    gathered: dict[str, set[str]] = {}
    with (Path(__file__).parent / "nicknames.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            gathered.setdefault(row[key], set()).add(row[value])
    return {name: frozenset(others) for name, others in gathered.items()}


def formal_name(first_name: str) -> str:
    """One formal name for a first name: the alphabetically first that it is short for, or itself."""
    return min(nicknames().get(first_name, {first_name}))


@lru_cache(maxsize=500_000)
def first_names_agree(left: str, right: str, alike: NameLikeness) -> bool:
    """Equal, alike, a nickname, an initial, a beginning, or in scripts that cannot be compared."""
    if left == right:
        return True
    if left.isascii() != right.isascii():
        one, other = left.translate(_CYRILLIC), right.translate(_CYRILLIC)
        return not (one.isascii() and other.isascii()) or likeness(one, other) >= alike.across_scripts
    short, long = sorted((left.split()[0], right.split()[0]), key=len)
    if nicknames().get(short, frozenset()) & nicknames().get(long, frozenset()) or short in _forms(long):
        return True
    if _are_two_names(short, long):
        return False
    if long.startswith(short) and (len(short) == 1 or len(short) >= 3):
        return True
    pairs = [(short, form) for form in _forms(long)] + [(long, form) for form in _forms(short)]
    return any(likeness(one, other) >= alike.first_name for one, other in pairs)


def _are_two_names(left: str, right: str) -> bool:
    """Both are in common use, and not as spellings of one name."""
    known = given_names()
    return left in known and right in known and known[left] != known[right]


def first_names_confirm(left: str, right: str, alike: NameLikeness) -> bool:
    """First names agree, and say so: an initial, or a script that cannot be compared, agrees with many names."""
    if left == right:
        return len(left) > 1
    is_comparable = left.translate(_CYRILLIC).isascii() == right.translate(_CYRILLIC).isascii()
    return is_comparable and min(len(left), len(right)) > 1 and first_names_agree(left, right, alike)


def last_names_agree(left: str, right: str, alike: NameLikeness) -> bool:
    """Equal or alike."""
    return likeness(left, right) >= alike.last_name


def names_agree(left: FullName, right: FullName, alike: NameLikeness) -> bool:
    """Whether two first names can be of one person, the last names telling of an exchange and of father and son."""
    is_one = _are_exchanged(left, right) or first_names_agree(left.first, right.first, alike)
    return is_one and not _generations_differ(_generation(*left), _generation(*right))


def names_confirm(left: FullName, right: FullName, alike: NameLikeness) -> bool:
    """Names agree, and say so."""
    if not _are_exchanged(left, right) and not first_names_confirm(left.first, right.first, alike):
        return False
    return names_agree(left, right, alike)


def _are_exchanged(left: FullName, right: FullName) -> bool:
    """First and last name were typed into each other's field on one side."""
    return left.last is not None and left.first == right.last and left.last == right.first


def _generation(first_name: str | None, last_name: str | None) -> int | None:
    for name in (last_name, first_name):
        words = name.split() if name else []
        if len(words) > 1 and words[-1] in _GENERATIONS:
            return _GENERATIONS[words[-1]]
    return None


def _generations_differ(left: int | None, right: int | None) -> bool:
    return left is not None and right is not None and left != right


def _forms(name: str) -> frozenset[str]:
    """A name, its short names, and what it is short for: a nickname may have a slip of the hand in it, too."""
    return nicknames().get(name, frozenset()) | short_names().get(name, frozenset()) | {name}


@lru_cache(maxsize=500_000)
def birth_dates_agree(left: str, right: str) -> bool:
    """Equal, day and month exchanged, one digit wrong, or two neighbouring digits exchanged (ISO dates)."""
    if left == right or (left[:4] == right[:4] and left[5:7] == right[8:] and left[8:] == right[5:7]):
        return True
    different = [at for at in range(10) if left[at] != right[at]]
    if len(different) == 1:
        return True
    a, b = different[0], different[-1]
    return len(different) == 2 and b - a == 1 and left[a] == right[b] and left[b] == right[a]


def contradiction(left: Person, right: Person, rules: Attributes) -> str | None:
    """What makes it impossible that both are one person, by the attributes of which one has one; or None."""
    alike = rules.name_likeness
    if _share_a_kind(left.exclusive, right.exclusive):
        return "exclusive identifiers differ"
    if rules.first_name and _generations_differ(left.generation, right.generation):
        return "generations differ"
    if rules.first_name and left.name and right.name and not names_agree(left.name, right.name, alike):
        return "first names differ"
    if (
        rules.birth_date
        and left.birth_date
        and right.birth_date
        and not birth_dates_agree(left.birth_date, right.birth_date)
    ):
        return "birth dates differ"
    if _only_last_names_tell(left, right, alike):
        return "last names differ and no first name says that they are one person"
    return None


def same_person(left: Person, right: Person, rules: Attributes) -> bool:
    """First names agree and the last name or the birth date confirms it, and nothing contradicts."""
    alike = rules.name_likeness
    if not left.name or not right.name or left.is_filler or right.is_filler or contradiction(left, right, rules):
        return False
    if not names_agree(left.name, right.name, alike):
        return False
    dates = left.birth_date and right.birth_date and birth_dates_agree(left.birth_date, right.birth_date)
    return bool(dates) or _share_a_last_name(left, right, alike) or _are_exchanged(left.name, right.name)


def different_people(left: Person, right: Person, rules: Attributes) -> bool:
    """First names contradict each other, and birth dates do, too, where both sides give one.

    So neither a slip of the hand nor a nickname tells people apart, nor a marriage.
    """
    if not left.name or not right.name or names_agree(left.name, right.name, rules.name_likeness):
        return False
    return not left.birth_date or not right.birth_date or not birth_dates_agree(left.birth_date, right.birth_date)


def _only_last_names_tell(left: Person, right: Person, alike: NameLikeness) -> bool:
    """Who married keeps the first name; where a side has none, another last name is another person."""
    if not left.last_name or not right.last_name or (left.first_name and right.first_name):
        return False
    if left.birth_date and right.birth_date:  # they agree, or would have told
        return False
    is_swapped = left.last_name == right.first_name or right.last_name == left.first_name
    return not is_swapped and not _share_a_last_name(left, right, alike)


def _share_a_last_name(left: Person, right: Person, alike: NameLikeness) -> bool:
    return bool(left.last_name and right.last_name) and last_names_agree(
        left.last_name or "", right.last_name or "", alike
    )


def _share_a_kind(left: frozenset[str], right: frozenset[str]) -> bool:
    """Both sides hold a value of the same exclusive identifier, and no value in common."""
    kinds = {item.split("=", 1)[0] for item in left} & {item.split("=", 1)[0] for item in right}
    return any(not {item for item in left if item.startswith(f"{kind}=")} & right for kind in kinds)


@lru_cache(maxsize=500_000)
def likeness(left: str, right: str) -> float:
    """Jaro-Winkler similarity, 0 to 1."""
    if left == right:
        return 1.0
    if not left or not right:
        return 0.0
    window = max(len(left), len(right)) // 2 - 1
    taken: list[int] = []
    matched_left: list[str] = []
    for at, letter in enumerate(left):
        for other in range(max(0, at - window), min(len(right), at + window + 1)):
            if right[other] == letter and other not in taken:
                taken.append(other)
                matched_left.append(letter)
                break
    common = len(taken)
    if common == 0:
        return 0.0
    matched_right = [right[other] for other in sorted(taken)]
    exchanged = sum(a != b for a, b in zip(matched_left, matched_right, strict=True)) / 2
    jaro = (common / len(left) + common / len(right) + (common - exchanged) / common) / 3
    prefix = 0
    for a, b in zip(left[:4], right[:4], strict=False):
        if a != b:
            break
        prefix += 1
    return jaro + prefix * _PREFIX_BONUS * (1 - jaro)
