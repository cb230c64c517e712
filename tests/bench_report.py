"""The numbers of docs/benchmarks.md on the pages of a report: how soon they are seen, how heavy, and what axe finds.

``python -m tests.bench_report [FOLDER]`` measures on the pages in a folder; without one those of a small lake, since
how soon a page is seen goes by its charts, not by how many people were counted. ``make report-check`` installs what it
needs.
"""

import sys
import tempfile
from pathlib import Path

from tests.browser.__main__ import CHECKOUT, looked_at, small_site

_SECTION = """## Pages of a report

`clew report journeys`, {pages} pages, each looked at in {chromium}, headless, from its file: on a desktop in
light and dark colours and 360 px wide ({looks} looks).

| | found | wanted |
| --- | ---: | ---: |
| violations of WCAG 2.2 A and AA and of axe's best practices | {violations} | 0 |
| requests to other hosts | {elsewhere} | 0 |
| errors on the console | {errors} | 0 |
| first view, median and worst | {first} ms, {worst} ms | 2,000 ms |
| every chart drawn, median and worst | {drawn} ms, {drawn_worst} ms | |
| a page with all that it loads (the charting library is {library} kB of it) | {least} to {most} kB | stated |"""


def section(folder: Path | None = None) -> str:
    """The section of docs/benchmarks.md."""
    if not (CHECKOUT / ".tools" / "browser" / "node_modules" / "axe-core").is_dir():
        raise SystemExit("error: no browser to look with\n  do:    make report-check installs what it needs")
    with tempfile.TemporaryDirectory(prefix="clew-report-") as made:
        pages = folder or small_site(Path(made) / "home", Path(made) / "site")
        found = looked_at(pages)
        library = (pages / "echarts.min.js").stat().st_size
    first, drawn, weight = found["first_view_ms"], found["drawn_ms"], found["page_bytes"].values()
    return _SECTION.format(
        pages=found["pages"], looks=found["looks"], chromium=found["chromium"].split(" built")[0],
        violations=found["violations"], elsewhere=found["requests_elsewhere"], errors=found["console_errors"],
        first=first["median"], worst=first["worst"], drawn=drawn["median"], drawn_worst=drawn["worst"],
        library=round(library / 1000), least=round(min(weight) / 1000), most=round(max(weight) / 1000),
    )  # fmt: skip


if __name__ == "__main__":
    print(section(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
