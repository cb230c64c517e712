"""All pages of a release, as bytes by file name: the same release gives the same bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from clew.report import credit, hard, index, judged, mailed, moments, paths, stages, tried, voice, whole
from clew.report.asked import TABLES, Asked
from clew.report.site import FILES, Page, written
from contracts.errors import UsageError

if TYPE_CHECKING:
    from contracts import Contracts

PAGES: tuple[Callable[[Asked], Page], ...] = (
    index.page, stages.page, paths.page, hard.page, moments.page, moments.handoffs, voice.page, judged.metrics,
    judged.hypotheses, tried.page, credit.page, mailed.page, whole.page,
)  # fmt: skip


def asked_of(release: str, contracts: "Contracts") -> Asked:
    """Open a release for the pages.

    Raises:
        UsageError: If there is no lake, or no such release.
    """
    from clew.workspace import newest_date, read

    names = " ".join(TABLES)
    reading = read(release, sql=names, jailed=True)
    return Asked(reading, contracts, reading.as_of or newest_date())


def site(asked: Asked) -> dict[str, bytes]:
    """Every file of the site, by its name."""
    pages = [make(asked) for make in PAGES]
    ways = [(page.file, page.short) for page in pages]
    made = {page.file: written(page, ways, asked).encode() for page in pages}
    return made | {name: path.read_bytes() for name, path in FILES.items()}


def write(files: dict[str, bytes], folder: Path) -> None:
    """Write the site into a folder, which is made if it is not there; of other files there none is touched.

    Raises:
        UsageError: If it cannot be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written: {error.strerror}", str(folder), "name a folder that is yours: --out"
        ) from error
