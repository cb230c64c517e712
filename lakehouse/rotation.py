"""A new key for the seals: the old one says which it is, and stays known for what was sealed with it.

The change is four writes, and a process may die between any two of them; running it again goes on with the same new
key. Until it is finished nothing is written down, so that no entry follows with a key that was given up.
"""

import json
import secrets
from typing import TYPE_CHECKING

from pydantic import SecretStr

from lakehouse import audit
from lakehouse.errors import UsageError
from lakehouse.private import read_secret, replace_private
from lakehouse.seal import FORMER_KEYS, NEXT_KEY, broken, known_keys, public_key, sealed
from lakehouse.settings import SIGNING_KEY, Settings

if TYPE_CHECKING:
    from lakehouse.lake import Lake


def rotate(lake: "Lake") -> tuple[str, str]:
    """Give the workspace a new key of the seals, and have the audit say so.

    Where the key comes from ``CLEW_SIGNING_KEY``, that is the new one, and ``CLEW_FORMER_SIGNING_KEY`` the one before.

    Returns:
        The public keys, old and new.

    Raises:
        UsageError: If there is no key to change, or only one of two that the environment should give.
        DataError: If the newest entries of the audit were removed.
    """
    old, new = _both(lake.settings)
    keys = public_key(old), public_key(new)
    if keys[0] == keys[1]:
        raise UsageError("the new key is the old one", "CLEW_SIGNING_KEY", "make another with: openssl rand -hex 32")
    lake_then = type(lake)(old)
    former = [] if _is_listed(new, keys[0]) else list(known_keys(old))
    audit.note(
        lake_then,
        [audit.Act(audit.NEW_KEY, f"key {keys[1]}", f"follows key {keys[0]}", audit.fingerprint({"key": keys[1]}))],
    )
    if former:
        replace_private(lake.settings.state / FORMER_KEYS, json.dumps(sealed(new, {"keys": former})))
    following = lake.settings.state / NEXT_KEY
    if following.exists():
        following.rename(lake.settings.state / SIGNING_KEY)
    return keys


def is_cut_off(settings: Settings) -> bool:
    """Whether a change of the key was begun and not finished."""
    return settings.signing_secret is None and (settings.state / NEXT_KEY).exists()


def _both(settings: Settings) -> tuple[Settings, Settings]:
    """The settings as they were under the old key, and as they are under the new one."""
    if settings.signing_secret is not None:
        if settings.former_signing_secret is None:
            raise UsageError(
                "the key comes from the environment, and which one it follows is not said",
                "CLEW_FORMER_SIGNING_KEY",
                "set it to the key before, and CLEW_SIGNING_KEY to the new one, then run the command once",
            )
        return _under(settings, settings.former_signing_secret), settings
    if not settings.has_signing_key:
        raise UsageError("there is no key to change yet", str(settings.state / SIGNING_KEY), "the first seal makes one")
    following = settings.state / NEXT_KEY
    if not following.exists():
        replace_private(following, secrets.token_hex(32))
    old, new = (SecretStr(read_secret(settings.state / name).decode()) for name in (SIGNING_KEY, NEXT_KEY))
    return _under(settings, old), _under(settings, new)


def _under(settings: Settings, key: SecretStr) -> Settings:
    """The same settings with this key of the seals."""
    copied = settings.model_copy(update={"signing_secret": key})
    copied.__dict__.pop("signing_key", None)  # a copy takes along what was computed of the key before
    return copied


def _is_listed(new: Settings, old: str) -> bool:
    """Whether the list of former keys was written already, before a process died."""
    path = new.state / FORMER_KEYS
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return broken(told, public_key(new)) is None and old in told["keys"]
