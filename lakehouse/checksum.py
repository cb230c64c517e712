"""The version checksum of a table that was just made: what its log adds up to, so that no reader need add it up.

delta-rs writes none. Spark writes one with each commit, derived from the one before it; where there is none to begin
with, the first commit has it read the whole log by three jobs of its own: 1.3 seconds for a table without a row.
"""

import json
from pathlib import Path

FIRST = f"{0:020}"


def write_first(folder: Path) -> None:
    """Write the checksum of a table's first version, if that version only makes the table.

    It appears whole or not at all, and a table is as good without.

    Args:
        folder: The table's folder.

    Source: Delta transaction log protocol, "Version Checksum File".
    """
    log = folder / "_delta_log"
    try:
        lines = (log / f"{FIRST}.json").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # somebody else made it, long enough ago for its first entry to be swept up
        return
    whole: dict[str, dict[str, object]] = {}
    for line in lines:
        whole |= json.loads(line)
    if whole.keys() - {"commitInfo"} != {"protocol", "metaData"}:
        return
    told = {
        "tableSizeBytes": 0,
        "numFiles": 0,
        "numMetadata": 1,
        "numProtocol": 1,
        "setTransactions": [],
        "domainMetadata": [],
        "metadata": whole["metaData"],
        "protocol": whole["protocol"],
        "allFiles": [],
    }
    draft = log / f".{FIRST}.crc.tmp"
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.replace(log / f"{FIRST}.crc")
