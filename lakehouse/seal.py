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
from lakehouse.settings import Settings

SEAL = "seal"
"""The key of a document under which its seal stands; the seal covers all others."""
ALGORITHM = "ed25519"
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
