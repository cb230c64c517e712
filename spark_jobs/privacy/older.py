"""Tables that went on since the latest release: the release's rows without the erased, as a version that stays.

Conform adds to silver every hour and a release is made once a day, so silver is mostly ahead of what readers see, and
what came since has passed no gate. The live rows are erased first. Then each table is put back to the version of the
release, erased again and sealed off, and put forward to the live rows. In this order the log, from the sealed version
on, names only files without the erased, and the purge may begin there.

Idempotence key: the two versions it goes between; a part that died is done again from the beginning.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakehouse.purge import seal_off
from spark_jobs.privacy.rows import remove_from
from spark_jobs.privacy.whose import Theirs

if TYPE_CHECKING:
    from lakehouse.lake import Lake

CAN_GO_ON = "silver."
"""What the tables are called that may go on between releases; others do so only where a run died before its release."""


def without_them(lake: "Lake", theirs: Theirs, released: Mapping[str, int], live: Mapping[str, int]) -> dict[str, int]:
    """Make a version of each table that has the rows of the release without the erased; live rows stay the newest.

    The caller lets the steps stand still (``lakehouse.still``).

    Args:
        lake: The lake.
        theirs: What goes.
        released: The tables, each with its version in the latest release.
        live: The version of each that has the live rows without the erased.

    Returns:
        The version by table, for a release and for the purge.
    """
    for table, version in released.items():
        lake.delta(table).restore(version)
    remove_from(lake, released, theirs)
    made = {table: seal_off(lake, table) for table in released}
    for table in released:
        lake.delta(table).restore(live[table])
    return made
