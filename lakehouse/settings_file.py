"""The file of settings, ``.clew/settings.env``: lines ``CLEW_NAME=value``, for what should not stand in a shell.

It may hold secrets, so its owner alone may read it. What the environment says goes before what the file says.
"""

import os
from pathlib import Path

from contracts.errors import UsageError
from lakehouse.private import read_secret

NAME = "settings.env"


def read(path: Path, known: frozenset[str]) -> dict[str, str]:
    """The settings of a file, by name; none where there is no file.

    Args:
        path: The file.
        known: The names that mean something.

    Raises:
        EnvironmentFault: If others may read it.
        UsageError: If a line is no setting. The message never shows the line: it may be a secret.
    """
    try:
        text = read_secret(path).decode()
    except FileNotFoundError:
        return {}
    except PermissionError:
        if os.access(path.parent, os.X_OK):
            raise
        return {}  # another user's workspace, of which this user may read the open tables only
    except UnicodeDecodeError as error:
        raise UsageError("the settings are no UTF-8 text", str(path), "write lines as CLEW_DRIVER_MEMORY=4g") from error
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if not equals or name not in known:
            what = f"{name} is no setting" if equals and name.isidentifier() else "a line is no setting"
            raise UsageError(what, f"{path}, line {number}", f"write NAME=value, of: {', '.join(sorted(known))}")
        if name in found:
            raise UsageError(f"{name} is set twice", f"{path}, line {number}", "leave one")
        found[name] = value[1:-1] if len(value) > 1 and value[0] == value[-1] in "'\"" else value
    return found
