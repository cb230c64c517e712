"""Writes the pages of a small lake, unless a folder of pages is named, and looks at them in a real browser.

    python -m tests.browser [FOLDER]

Exits 1 where a page is not as it must be, with what is wrong on stderr.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from clew.report.write import site, write
from tests.conftest import SmallLake, small_lake
from tests.unit.reported import asked, with_journeys

CHECKOUT = Path(__file__).resolve().parents[2]


def looked_at(folder: Path) -> dict[str, Any]:
    """What a browser makes of the pages of a folder."""
    tools = {"CLEW_BROWSER_TOOLS": str(CHECKOUT / ".tools" / "browser" / "node_modules")}
    ran = subprocess.run(
        ["node", str(Path(__file__).with_name("check.cjs")), str(folder)],
        env=tools | dict(os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not ran.stdout:
        raise SystemExit(f"error: the browser did not start\n{ran.stderr}")
    return dict(json.loads(ran.stdout))


def small_site(home: Path, folder: Path) -> Path:
    """The pages of a small lake."""
    os.environ["CLEW_HOME"] = str(home)
    write(site(asked(with_journeys(SmallLake(small_lake(home))))), folder)
    return folder


def main(folder: str | None) -> int:
    """Look, and say what was seen."""
    with tempfile.TemporaryDirectory(prefix="clew-report-") as made:
        found = looked_at(Path(folder) if folder else small_site(Path(made) / "home", Path(made) / "site"))
    first, weight = found["first_view_ms"], found["page_bytes"]
    print(
        f"{found['pages']} pages, {found['looks']} looks (desktop, desktop dark, 360 px), {found['chromium']}\n"
        f"axe: {found['violations']} violations, at least {found['rules_passed']} rules passed a page\n"
        f"requests elsewhere: {found['requests_elsewhere']}; errors on the console: {found['console_errors']}\n"
        f"first view: {first['median']} ms, at worst {first['worst']} ms; a page with all it loads: "
        f"{min(weight.values()) / 1000:,.0f} to {max(weight.values()) / 1000:,.0f} kB"
    )
    for what in found["wrong"]:
        print(f"wrong: {what}", file=sys.stderr)
    wrong = len(found["wrong"])
    print(f"{found['looks']} looks, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else None))
