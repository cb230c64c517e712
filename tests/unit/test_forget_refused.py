"""Erasure of what was refused: lines that nobody could parse, and messages that a contract refuses, name people."""

from typing import Any

import pytest

from tests.erasable import erase, refuse, refused_still


def test_a_refused_message_that_has_a_short_number_of_theirs_in_its_field_goes_too(people: Any) -> None:
    held = next(row for row in people.rows("identity.identifiers") if row["record_id"] == "account:ann")
    card = {"identifier": "loyalty_id", "value": "4711", "raw_value": "4711"}
    people.lake.append("identity.identifiers", [held | card])
    line = next(row for row in people.rows("bronze.shop") if row["line"] == 2)
    refused = people.rows("silver.quarantine")[0]
    payloads = [
        "purchase,,1,2017-01-01 06:53:26,330,4711,77,1,0.5",  # no basket, so no message id
        "purchase,,1,2017-01-01 06:53:26,330,815,4711,1,0.5",  # another card, and a product of that number
    ]
    for place, payload in enumerate(payloads, start=3):
        at = {"source": "shop", "position": place, "line": place, "payload": payload}
        people.lake.append("bronze.shop", [line | {name: value for name, value in at.items() if name in line}])
        people.lake.append("silver.quarantine", [refused | at | {"file": line["file"]}])

    people.release()

    erase(people, "ann")

    assert [row["payload"] for row in people.rows("silver.quarantine") if row["source"] == "shop"] == payloads[1:]
    assert [row["payload"] for row in people.rows("bronze.shop") if row["position"] > 2][1:] == payloads[1:]
    assert "4711,77" not in "".join(row["payload"] for row in people.rows("bronze.shop"))


def holds(people: Any, address: str) -> None:
    """Cat has a further address."""
    held = next(row for row in people.rows("identity.identifiers") if row["record_id"] == "account:cat")
    people.lake.append("identity.identifiers", [held | {"identifier": "email", "value": address, "raw_value": address}])


def test_a_refused_line_is_theirs_in_any_spelling_of_their_mailbox(people: Any) -> None:
    holds(people, "cattest@gmail.com")
    stays = '{"broken": "not.cat.test@googlemail.com"'
    refuse(people, '{"broken": "Cat.Test+shop@googlemail.com"', stays)

    erase(people, "cat")

    assert refused_still(people) == [stays]
    assert "Cat.Test+shop" not in "".join(row["payload"] for row in people.rows("bronze.web"))


WRITTEN = {
    "pat.o'brien@mail-x.example": "PAT.O'Brien@mail-x.example",
    "r&d/sales!7@mail-x.example": "r&d/sales!7@mail-x.example",
    "иван6@почта.example": "ИВАН6@почта.example",
    "zoë@mail-x.example": "zoe\u0308@mail-x.example",
    "plain5@mail-x.example": "ｐｌａｉｎ5＠mail-x.example",
    "link8@mail-x.example": "https://shop.example/out?mail=Link8%2Bnews%40mail-x.example&from=7",
    "json9@mail-x.example": r"Json9\u0040mail-x.example",
    "line3@mail-x.example": r"Dear Sirs,\nline3@mail-x.example",
}
"""Addresses, and how a line may write them."""


@pytest.mark.parametrize("line", ['{{"broken": "{}",,}}', '{{"event": "unknown", "traits": {{"email": "{}"}}}}'])
def test_a_refused_line_is_theirs_by_an_address_of_other_letters_and_signs(line: str, people: Any) -> None:
    stay = [line.format(f"x{address}") for address in WRITTEN]
    for address in WRITTEN:
        holds(people, address)
    refuse(people, *(line.format(written) for written in WRITTEN.values()), *stay)

    erase(people, "cat")

    assert sorted(refused_still(people)) == sorted(stay)
