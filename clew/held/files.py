"""Files with personal data: readable by their owner only, from the first byte on."""

import os
from pathlib import Path

from contracts.errors import UsageError


def refuse_unwritable(file: Path) -> None:
    """Refuse a place that cannot be written, before anything is gathered for it.

    Raises:
        UsageError: If it is in no folder that is there and may be written.
    """
    if not os.access(file.absolute().parent, os.W_OK | os.X_OK):
        raise UsageError("it cannot be written", str(file), "name a file in a folder that is there and is yours")


def write_private(text: str, file: Path) -> None:
    """Write a file with mode 600; one that is there is replaced, whatever its mode was.

    Raises:
        UsageError: If it cannot be written there.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
        draft.rename(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(
            f"it cannot be written: {error.strerror}", str(file), "name a file in a folder that is there"
        ) from error
