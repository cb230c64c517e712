"""Seals: who holds a document and the public key can tell that this workspace made it, and that nobody altered it.

A seal is an Ed25519 signature (RFC 8032) over the document's canonical text: JSON in UTF-8 with sorted keys and without
spaces. It takes no clock and no random number, so the same document always gets the same seal.
"""

import base64
import json
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any

from lakehouse.errors import UsageError
from lakehouse.settings import SIGNING_KEY, Settings

SEAL = "seal"
"""The key of a document under which its seal stands; the seal covers all others."""
ALGORITHM = "ed25519"
FORMER_KEYS = "former.keys"
"""The file, under ``.clew``, of the public keys that sealed here before; itself sealed with the present key."""
NEXT_KEY = "signing.key.next"
"""The file, under ``.clew``, of a key that is about to follow (lakehouse.rotation)."""
_SEED_BYTES = 32


def canonical(document: Mapping[str, Any]) -> bytes:
    """The text that a seal covers: everything but the seal itself."""
    covered = {key: value for key, value in document.items() if key != SEAL}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def public_key(settings: Settings) -> str:
    """The key by which anybody checks this workspace's seals, in base64. It is no secret."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return _text(_private_key(settings).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def known_keys(settings: Settings, present: str | None = None) -> tuple[str, ...]:
    """The public key of this workspace, then those that it had before, the newest first; makes none.

    A former key proves what was sealed with it while it was the key, which the audit tells; it proves nothing sealed
    later.

    Args:
        settings: The workspace.
        present: The present key, where it is not to be believed of the workspace itself.

    Raises:
        UsageError: If there is no key yet, or the list of former keys is not of the present one.
    """
    if present is None:
        if not settings.has_signing_key:
            raise UsageError(
                "this workspace has no key of its seals",
                str(settings.state / SIGNING_KEY),
                "give the public key that it should have been, with --public-key; a key is made with the first seal",
            )
        present = public_key(settings)
    path = settings.state / FORMER_KEYS
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return (present,)
    except ValueError:
        told = {}
    wrong = broken(told, present) if isinstance(told, Mapping) else "it was altered"
    if wrong:
        raise UsageError(
            f"the list of former keys cannot be believed: {wrong}",
            str(path),
            "if a change of the key was cut off, finish it: clew audit rotate-key; else restore the file from a backup",
        )
    return (present, *map(str, told["keys"]))


def is_sealed(settings: Settings, document: Mapping[str, Any], *, presently: bool = False) -> bool:
    """Whether a document is as this workspace sealed it, be it with a former key; never where it has none.

    Args:
        settings: The workspace.
        document: With its seal.
        presently: Only the present key counts.
    """
    if not settings.has_signing_key:
        return False
    keys = (public_key(settings),) if presently else known_keys(settings)
    return any(broken(document, key) is None for key in keys)


def signature(settings: Settings, document: Mapping[str, Any]) -> str:
    """The signature of a document, in base64."""
    return _text(_private_key(settings).sign(canonical(document)))


def sealed(settings: Settings, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its seal: algorithm, public key and signature."""
    seal = {"algorithm": ALGORITHM, "public_key": public_key(settings), "signature": signature(settings, document)}
    return {**document, SEAL: seal}


def is_signed(document: Mapping[str, Any], signed: str, key: str) -> bool:
    """Whether a signature is that of the document by the holder of a public key.

    Raises:
        UsageError: If the key is none.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        verifier = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
    except (NotBase64, ValueError) as error:
        raise UsageError(
            "that is no public key of Ed25519", "--public-key", "give what `clew export key` prints where it was made"
        ) from error
    try:
        verifier.verify(base64.b64decode(signed, validate=True), canonical(document))
    except (InvalidSignature, NotBase64, ValueError):
        return False
    return True


def broken(document: Mapping[str, Any], key: str) -> str | None:
    """What is wrong with a document's seal, or None where it holds.

    Args:
        document: With its seal, if it has one.
        key: The public key of who should have sealed it. The key named in the seal is not believed.
    """
    seal = document.get(SEAL)
    if not isinstance(seal, Mapping):
        return "it has no seal"
    if seal.get("algorithm") != ALGORITHM:
        return f"its seal is of an algorithm other than {ALGORITHM}"
    if seal.get("public_key") != key:
        return "it was sealed with another key"
    if not is_signed(document, str(seal.get("signature")), key):
        return "it is not what was sealed: it was altered"
    return None


def _private_key(settings: Settings) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if settings.signing_secret is None and (settings.state / NEXT_KEY).exists():
        raise UsageError(
            "a change of the key of the seals was cut off",
            str(settings.state / NEXT_KEY),
            "finish it: clew audit rotate-key",
        )
    try:
        seed = bytes.fromhex(settings.signing_key.decode())
    except ValueError:
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise UsageError(
            f"the key of the seals is not {_SEED_BYTES} bytes in hexadecimal digits",
            "CLEW_SIGNING_KEY, or .clew/signing.key",
            "make one with: openssl rand -hex 32; what was sealed with another key no longer verifies",
        )
    return Ed25519PrivateKey.from_private_bytes(seed)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
