"""How a mailbox and a telephone are named: by nobody without the key of the workspace."""

import hashlib

import pytest

from contracts.records import record_id
from lakehouse.pseudonym import keyed_hash

KEY, OTHER = b"a key for tests", b"another key"


@pytest.mark.parametrize(
    ("kind", "value", "spelled"),
    [
        ("mailbox", " Zoë@Example.com ", "zoë@example.com"),
        ("phone", "+1 (212) 555-0123", "+12125550123"),
        ("phone", "0212 5550123", "02125550123"),
        ("phone", "＋１ ２１２-５５５-０１２３", "+12125550123"),
        ("phone", "٢١٢٥٥٥٠١٢٣", "2125550123"),
    ],
)
def test_a_known_mailbox_or_number_is_not_found_without_the_key(kind: str, value: str, spelled: str) -> None:
    named = record_id(kind, value, KEY)
    assert named == f"{kind}:{keyed_hash(KEY, kind, spelled)[:16]}" == record_id(kind, spelled, KEY)
    assert named != record_id(kind, value, OTHER)
    assert hashlib.sha256(spelled.encode()).hexdigest()[:16] not in named


@pytest.mark.parametrize("value", ["n/a", "+", "", " "])
def test_a_telephone_without_a_digit_is_nobodys(value: str) -> None:
    assert record_id("phone", value, KEY) is None


def test_an_id_that_a_sender_gives_is_taken_as_it_is_under_any_key() -> None:
    assert record_id("account", " u1 ", KEY) == record_id("account", "u1", OTHER) == "account:u1"
