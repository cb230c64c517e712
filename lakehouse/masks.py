"""What may be a value of a person in a message of a library, and a message without it.

A value without quotes that is a word, a name say, cannot be told from the message; Spark and Delta quote theirs.
"""

import re

VALUES = r"""['"].*['"]|(?<![^\s@])[^\s@]+@[^\s@]+|\+?[0-9][0-9 ().-]{5,}[0-9]"""
"""What stands between the first and the last quote of a line, a word with an @ in it, and what begins and ends with a
digit and is of seven signs or more, as telephones, dates and cards are. Python and Java read it alike; a word is begun
at its beginning only, so that a long one is read once."""
HIDDEN = "..."


def masked(message: str) -> str:
    """A message with dots for what may be a value."""
    return re.sub(VALUES, HIDDEN, message)
