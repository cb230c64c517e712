"""Damage to CSV lines: tills that restart, exports cut short, clocks and encodings set wrong."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

LINE, PURCHASED_AT, PRODUCT, QUANTITY, SALES_VALUE, CATEGORY = 2, 3, 6, 7, 8, 13
UPDATED_AT, FIRST_NAME = -1, 1
EXTRA_LINES_FROM = 2_000  # above every line number of a basket, redemptions included


def _shop(**changes: str) -> Callable[[str, Random, str], bytes | None]:
    """Return a breaker that sets columns by name on a copy of a purchase with a line number of its own."""
    places = {"kind": 0, "basket": 1, "at": PURCHASED_AT, "product": PRODUCT, "quantity": QUANTITY}

    def broken(line: str, chance: Random, fresh: str) -> bytes | None:
        cells = line.split(",")
        if cells[0] != "purchase":
            return None
        cells[LINE] = str(EXTRA_LINES_FROM + int(fresh[:6], 16))
        for name, value in changes.items():
            cells[places[name]] = value
        return ",".join(cells).encode()

    return broken


def _exact_duplicate(line: str, chance: Random, fresh: str) -> bytes | None:
    return line.encode()


def _shop_conflict(line: str, chance: Random, fresh: str) -> bytes | None:
    cells = line.split(",")
    if cells[0] != "purchase":
        return None
    cells[SALES_VALUE] = f"{float(cells[SALES_VALUE]) + 1:.2f}"
    return ",".join(cells).encode()


def _till_noise(line: str, chance: Random, fresh: str) -> bytes | None:
    return f"#### TILL {chance.randrange(1, 12)} RESTARTED ####".encode()


def _truncated(line: str, chance: Random, fresh: str) -> bytes | None:
    """Cut after two to four cells: fewer columns than any line has."""
    return ",".join(line.split(",")[: chance.randrange(2, 5)]).encode()


def _shop_bytes(line: str, chance: Random, fresh: str) -> bytes | None:
    data = _shop()(line, chance, fresh)
    return None if data is None else data[:-2] + b"\xe9\xff" + data[-2:]


def _crm(place: int, value: str) -> Callable[[str, Random, str], bytes | None]:
    def broken(line: str, chance: Random, fresh: str) -> bytes | None:
        if '"' in line:
            return None
        cells = line.split(",")
        cells[place] = value
        return ",".join(cells).encode()

    return broken


def _crm_bytes(line: str, chance: Random, fresh: str) -> bytes | None:
    return b",".join([*line.encode().split(b",")[:1], b"Ren\xe9e", *line.encode().split(b",")[2:]])


BREAKERS: dict[str, dict[str, Callable[[str, Random, str], bytes | None]]] = {
    "shop": {
        "exact_duplicate": _exact_duplicate,
        "conflicting_duplicate": _shop_conflict,
        "malformed": _till_noise,
        "truncated": _truncated,
        "unknown_event": _shop(kind="refund"),
        "wrong_type": _shop(quantity="two"),
        "missing_property": _shop(product=""),
        "missing_id": _shop(basket=""),
        "far_future": _shop(at="2099-01-01 00:00:00"),
        "invalid_utf8": _shop_bytes,
    },
    "crm": {
        "exact_duplicate": _exact_duplicate,
        "malformed": _till_noise,
        "truncated": _truncated,
        "wrong_type": _crm(UPDATED_AT, "soon"),
        "missing_id": _crm(0, ""),
        "far_future": _crm(UPDATED_AT, "2099-01-01T00:00:00Z"),
        "invalid_utf8": _crm_bytes,
    },
}
