"""What was handed over and is still held: exports and retractions under ``exports/``, and people taken out of them.

A folder is never changed after it is visible, but for one cause: a person was erased. Then their rows go, and the
manifest is sealed anew with a note of how many went and by which act, so that the proof still holds of what is left.
"""

import csv
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from activation.files import (
    DATA,
    MANIFEST,
    RETRACTIONS,
    described,
    is_as_described,
    publish,
    read_manifest,
    staging,
    write_csv,
    write_manifest,
)
from activation.named import Named
from lakehouse import audit
from lakehouse.errors import DataError, UsageError
from lakehouse.seal import is_sealed, sealed

if TYPE_CHECKING:
    from lakehouse.lake import Lake

FILES = (("data", DATA), ("retractions", RETRACTIONS))
"""By what a manifest calls them, the files of a folder that name people."""
RETRACTED_IN = "retractions"
"""The folder, in that of a destination, of the retractions that do not wait for a release."""


@dataclass(frozen=True)
class Held:
    """One folder that was handed over.

    Attributes:
        kind: ``export`` of a release, or ``retract``.
        destination: By its folder.
        number: Of the release, or of the retraction.
        folder: Where it is.
    """

    kind: Literal["export", "retract"]
    destination: str
    number: int
    folder: Path

    @property
    def subject(self) -> str:
        """What the audit calls it."""
        return f"{'export' if self.kind == 'export' else 'retraction'} {self.destination} {self.number}"


def folder(lake: "Lake", destination: str, release: int) -> Path:
    """Where an export is once it is published."""
    return lake.settings.exports / destination / f"{release:06d}"


def retraction_folder(lake: "Lake", destination: str, number: int) -> Path:
    """Where a retraction is once it is published."""
    return lake.settings.exports / destination / RETRACTED_IN / f"{number:06d}"


def published_folders(lake: "Lake") -> list[Path]:
    """The folders of all published exports, by destination and release."""
    return [path.parent for path in sorted(_enterable(lake).glob(f"*/[0-9]*/{MANIFEST}"))]


def published_retractions(lake: "Lake") -> list[Path]:
    """The folders of all retractions that were written, by destination and number."""
    return [path.parent for path in sorted(_enterable(lake).glob(f"*/{RETRACTED_IN}/[0-9]*/{MANIFEST}"))]


def _enterable(lake: "Lake") -> Path:
    """The folder of exports; to somebody who may not enter it, it would look empty."""
    exports = lake.settings.exports
    if exports.exists() and not os.access(exports, os.R_OK | os.X_OK):
        raise UsageError(
            "the exports lie in a folder that your account may not enter", str(exports), "ask the owner of the lake"
        )
    return exports


def all_held(lake: "Lake") -> list[Held]:
    """Everything that was handed over and is still held."""
    exports = [Held("export", path.parent.name, int(path.name), path) for path in published_folders(lake)]
    return exports + [
        Held("retract", path.parent.parent.name, int(path.name), path) for path in published_retractions(lake)
    ]


def act_of(held: Held) -> audit.Act:
    """A folder that was handed over as an act for the audit: its manifest, which names the checksums of its files.

    Raises:
        DataError: If its manifest cannot be read, or is of something else.
    """
    manifest = read_manifest(held.folder)
    if wrong := misnamed(held, manifest):
        raise DataError(f"the manifest of {held.subject} is {wrong}", str(held.folder), "clew export verify")
    detail = f"{manifest['rows']} rows"
    if manifest.get("redacted"):
        detail += f", {sum(int(item['rows']) for item in manifest['redacted'])} taken out since"
    return audit.Act(held.kind, held.subject, detail, audit.fingerprint(manifest))


def misnamed(held: Held, manifest: dict[str, Any]) -> str | None:
    """Of what other thing a manifest is than its folder's name says; None where the two agree."""
    name = "release" if held.kind == "export" else "retraction"
    if (manifest.get("destination"), manifest.get(name)) == (held.destination, held.number):
        return None
    return f"of {manifest.get('destination')}, {name} {manifest.get(name)}"


def unwritten_acts(lake: "Lake") -> Iterator[audit.Act]:
    """Every folder that is as the present key sealed it, as an act: for those that a process left unwritten."""
    for held in all_held(lake):
        try:
            if is_sealed(lake.settings, read_manifest(held.folder), presently=True):
                yield act_of(held)
        except (DataError, OSError, KeyError, TypeError, ValueError):
            continue  # the audit's proof names it


def has_rows(held: Held, who: Named) -> bool:
    """Whether a file of a folder has a row of one of these people."""
    return any(_has(held.folder / name, who) for name in (DATA, RETRACTIONS) if (held.folder / name).exists())


def refuse_altered(lake: "Lake", who: Named) -> list[Held]:
    """Refuse while a folder that names these people is not what was sealed: what is left could not be vouched for.

    Somebody may have saved a file with a program that writes it in its own way, so such a folder is searched as text.

    Returns:
        The folders that are what was sealed.

    Raises:
        DataError: Naming every such folder.
    """
    for place in sorted(lake.settings.exports.glob("*")):
        with lake.lock(f"export_{place.name}"):
            finish_cut_off(lake, place.name)
    intact, altered = [], []
    for held in all_held(lake):
        if _is_as_sealed(lake, held):
            intact.append(held)
        elif any(_mentions(held.folder / name, who) for name in (DATA, RETRACTIONS)):
            altered.append(held)
    if altered:
        raise DataError(
            f"{', '.join(held.subject for held in altered)}: rows are to be taken out, and it is not what was sealed",
            ", ".join(str(held.folder) for held in altered),
            "put back what was written, or take the whole folder away; then run it again",
        )
    return intact


def _is_as_sealed(lake: "Lake", held: Held) -> bool:
    try:
        manifest = read_manifest(held.folder)
        told = [manifest[key] for key, name in FILES if (held.folder / name).exists()]
        return is_sealed(lake.settings, manifest) and all(is_as_described(held.folder, item) for item in told)
    except (DataError, OSError, KeyError, TypeError, ValueError):
        return False


def _mentions(file: Path, who: Named) -> bool:
    """Whether a file has a name of these people anywhere, however it is written."""
    if not file.exists():
        return False
    text = file.read_text(encoding="utf-8", errors="replace").lower()
    return any(name.lower() in text for name in (*who.profiles, *who.event_ids, *who.cells))


def redact(lake: "Lake", who: Named, because: str) -> dict[str, int]:
    """Take people out of everything that is held, and seal it anew; the second run finds nothing left to do.

    The ledgers are another matter: activation.deliveries.forget.

    Args:
        lake: The lake.
        who: The people.
        because: The act that asks for it, by the name that the audit has for it: ``erasure 3``. Never a personal value.

    Returns:
        Rows taken out, by subject: ``export email_tool 2``.

    Raises:
        DataError: If a folder that has them is not what was sealed; mend or remove it first.
    """
    audit.ready(lake)
    counts: dict[str, int] = {}
    for held in [held for held in refuse_altered(lake, who) if has_rows(held, who)]:
        with lake.lock(f"export_{held.destination}"):
            counts[held.subject] = _redact(lake, held, who, because)
            audit.note(lake, [act_of(held)])
    return counts


def _redact(lake: "Lake", held: Held, who: Named, because: str) -> int:
    manifest = read_manifest(held.folder)
    gone = 0
    with staging(held.folder) as staged:
        for key, name in FILES:
            if not (held.folder / name).exists():
                continue
            counted = manifest if key == "data" else manifest[key]
            with _read(held.folder / name) as (header, rows):
                kept = write_csv(staged / name, header, (row for row in rows if not _is_of(row, header, who)))
            gone += counted["rows"] - kept
            counted["rows"] = kept
            manifest[key] |= described(staged / name)
        manifest["redacted"] = [*manifest.get("redacted", []), {"rows": gone, "because": because}]
        write_manifest(staged / MANIFEST, sealed(lake.settings, manifest))
        old = _old(held.folder)
        held.folder.rename(old)  # from here on a process that dies is followed up by finish_cut_off
        publish(staged)
        shutil.rmtree(old)
    return gone


def finish_cut_off(lake: "Lake", destination: str) -> None:
    """Put back what a process that died between two renames left, end a removal that was begun, clear what was staged.

    A redaction is then done anew, and an export that never became visible leaves no address behind.

    Call it under the lock of the destination's exports.
    """
    for left in sorted((lake.settings.exports / destination).glob("**/_[0-9]*_gone")):
        shutil.rmtree(left)
    for old in sorted((lake.settings.exports / destination).glob("**/_[0-9]*_old")):
        final = old.with_name(old.name.removeprefix("_").removesuffix("_old"))
        if final.exists():
            shutil.rmtree(old)
        else:
            old.rename(final)
    for staged in sorted((lake.settings.exports / destination).glob("**/_[0-9]*")):
        shutil.rmtree(staged)


def gone(final: Path) -> Path:
    """What a folder is called while it is removed: nobody takes half of it for the whole."""
    return final.with_name(f"_{final.name}_gone")


def _old(final: Path) -> Path:
    return final.with_name(f"_{final.name}_old")


def _has(file: Path, who: Named) -> bool:
    with _read(file) as (header, rows):
        return any(_is_of(row, header, who) for row in rows)


def _is_of(row: list[str], header: list[str], who: Named) -> bool:
    return who.is_row(dict(zip(header, row, strict=False)))


@contextmanager
def _read(file: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """The header of a file, and its rows as they come."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = csv.reader(opened)
        yield next(rows, []), rows
