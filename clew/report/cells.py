"""How figures are written, and which are not: what fewer than five people did is not told."""

import datetime
import decimal
from typing import Any

from clew.explained.markup import Markup, element

LEAST = 5
"""A figure of fewer people is not shown, but for nobody at all: a gate that nobody passes must be seen."""
FEW = f"fewer than {LEAST}"
NOT_KNOWN = "not known"


def is_few(people: Any) -> bool:
    """Whether a count is of somebody, but of too few."""
    return people is not None and 0 < people < LEAST


def people(count: Any) -> str:
    """A count of people."""
    if count is None:
        return NOT_KNOWN
    return FEW if is_few(count) else f"{int(count):,}"


def hides(part: Any, whole: Any) -> bool:
    """Whether a share would tell of few: of those in it, or of those who are not."""
    return part is None or whole is None or is_few(part) or is_few(whole - part)


def share(value: Any, digits: int = 0) -> str:
    """A share from 0 to 1, in per cent."""
    return NOT_KNOWN if value is None else f"{100 * value:.{digits}f} %"


def share_of(low: Any, high: Any, digits: int = 0) -> str:
    """An interval of a share, in per cent."""
    if low is None or high is None:
        return NOT_KNOWN
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f} %"


def number(value: Any, digits: int = 1) -> str:
    """A number with its digits; what is not known is said to be so."""
    if value is None or value != value:
        return NOT_KNOWN
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if text.strip("-0.,") else text.removeprefix("-")


def between(low: Any, high: Any, digits: int = 1) -> str:
    """An interval."""
    if low is None and high is None:
        return NOT_KNOWN
    return f"{number(low, digits)} to {number(high, digits)}"


def minutes(value: Any) -> str:
    """Minutes, in the unit in which people say them."""
    if value is None or value != value:
        return NOT_KNOWN
    for size, unit in ((1440, "days"), (60, "hours")):
        if value >= 2 * size:
            return f"{value / size:,.1f} {unit}"
    return f"{value:,.0f} min"


def words(name: Any) -> str:
    """A name of a declaration, as words."""
    return NOT_KNOWN if name is None else str(name).replace("_", " ")


def right(text: Any) -> Markup:
    """A cell of a table whose content stands on the right, as figures do."""
    return element("td", text, class_="number")


def plain(value: Any, name: str = "") -> Any:
    """A value of a table of another's making, as a cell."""
    match value:
        case None:
            return element("td", FEW if name.startswith("people") else NOT_KNOWN, class_="none")
        case bool():
            return "yes" if value else "no"
        case int():
            return right(people(value) if name.startswith("people") else f"{value:,}")
        case float() | decimal.Decimal():
            return right(figures(float(value)))
        case datetime.date() | datetime.datetime():
            return element("td", str(value)[:10], class_="date")
        case _:
            return words(value) if "_" in str(value) and " " not in str(value) else str(value)


def figures(value: float) -> str:
    """A number of which only its size is known: as many digits as tell something."""
    if value != value:
        return NOT_KNOWN
    return number(value, 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 4)
