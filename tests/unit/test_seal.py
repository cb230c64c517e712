"""Seals: the same document has always the same one, and nothing else has it."""

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from lakehouse.errors import UsageError
from lakehouse.seal import SEAL, broken, public_key, sealed
from lakehouse.settings import Settings

OURS = Settings(signing_secret=SecretStr("11" * 32))
THEIRS = Settings(signing_secret=SecretStr("22" * 32))
DOCUMENT = {"rows": 33, "purpose": "advertising", "data": {"sha256": "ab"}, "name": "Zoë"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_a_sealed_document_holds_in_whatever_order_its_keys_stand() -> None:
    made = sealed(OURS, DOCUMENT)
    assert broken(made, public_key(OURS)) is None
    assert broken(dict(reversed(made.items())), public_key(OURS)) is None
    assert sealed(OURS, dict(reversed(DOCUMENT.items())))[SEAL] == made[SEAL]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rows": 34}, "altered"),
        ({"data": {"sha256": "ac"}}, "altered"),
        ({"one more": 1}, "altered"),
        ({SEAL: None}, "no seal"),
        ({SEAL: sealed(THEIRS, DOCUMENT)[SEAL]}, "another key"),
        ({SEAL: sealed(THEIRS, DOCUMENT)[SEAL] | {"public_key": public_key(OURS)}}, "altered"),
        ({SEAL: sealed(OURS, DOCUMENT)[SEAL] | {"signature": "no base64"}}, "altered"),
        ({SEAL: sealed(OURS, DOCUMENT)[SEAL] | {"algorithm": "none"}}, "algorithm"),
    ],
)
def test_what_was_altered_or_sealed_by_others_does_not_hold(change: dict[str, Any], says: str) -> None:
    assert says in str(broken(sealed(OURS, DOCUMENT) | change, public_key(OURS)))


@given(st.dictionaries(st.text().filter(lambda name: name != SEAL), JSON), st.text(), JSON)
def test_a_document_holds_with_exactly_its_values(document: dict[str, Any], name: str, value: Any) -> None:
    made = sealed(OURS, document)
    altered = made | ({name: value} if name != SEAL else {})
    is_same = repr(altered) == repr(made)  # 1 and True are equal to Python, but not to a reader of JSON
    assert (broken(altered, public_key(OURS)) is None) is is_same


def test_the_key_of_a_workspace_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first, second = public_key(Settings(home=tmp_path)), public_key(Settings(home=tmp_path))
    assert first == second
    assert len(base64.b64decode(first)) == 32
    assert (tmp_path / ".clew" / "signing.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("secret", ["", "11" * 31, "no digits"])
def test_a_key_that_is_none_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(UsageError, match="not 32 bytes") as refused:
        public_key(Settings(signing_secret=SecretStr(secret)))
    assert not secret or secret not in str(refused.value)


@pytest.mark.parametrize("key", ["", "no base64!", base64.b64encode(b"short").decode()])
def test_a_public_key_that_is_none_is_refused(key: str) -> None:
    made = sealed(OURS, DOCUMENT)
    with pytest.raises(UsageError, match="no public key"):
        broken(made | {SEAL: made[SEAL] | {"public_key": key}}, key)
