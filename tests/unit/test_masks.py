"""What a library says is told without what may be a value of a person."""

import pytest

from lakehouse.masks import masked
from tests.hostile import corpus


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The value 'Ann O'Hara' of the type", "The value ... of the type"),
        ('key "x" and "y" differ', "key ... differ"),
        ("no <ann.lee+x@example.org> here", "no ... here"),
        ("cannot use +1 (202) 555-0143 now", "cannot use ... now"),
        ("cannot use 2025550143.", "cannot use ...."),
        ("born 1980-03-04, card 4711000815", "born ..., card ..."),
        ("[CAST_INVALID_INPUT] line 31 pos 4, SQLSTATE: 22018", "[CAST_INVALID_INPUT] line 31 pos 4, SQLSTATE: 22018"),
        ("a column with name `kind` of 12 and 345 678", "a column with name `kind` of 12 and ..."),
        ("it's\nAnn's\nline", "it's\nAnn's\nline"),
    ],
)
def test_quoted_texts_addresses_and_long_numbers_are_hidden(said: str, told: str) -> None:
    assert masked(said) == told


@pytest.mark.parametrize("piece", corpus.STRETCHED)
def test_a_message_of_a_megabyte_is_masked_at_once(piece: str) -> None:
    assert masked(corpus.stretch(piece)).endswith(("x", "..."))
