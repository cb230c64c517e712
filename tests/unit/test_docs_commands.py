"""Commands in the docs must exist, with the options they are shown with; links must lead somewhere."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path for folder in ("guides", "runbooks", "reference") for path in (DOCS / folder).glob("*.md"))
NAME = r"(?:identity|export|experiment|audit|hold|policy|report) [a-z-]+|forget verify|[a-z]+"
COMMAND = re.compile(rf"(?:^|`)clew ({NAME})([^`\n]*)", re.MULTILINE)


def commands(text: str) -> list[tuple[str, set[str]]]:
    """Each command that a page shows, with its long options outside of quotes."""
    found = []
    for name, rest in COMMAND.findall(text):
        bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"?", "", rest).split("#")[0]
        found.append((name, set(re.findall(r"--[a-z-]+", bare))))
    return found


def test_there_are_pages_for_every_reader() -> None:
    names = {path.stem for path in PAGES}
    assert {"analyst", "data-engineer", "activation", "steward", "privacy", "cli"} <= names
    assert {"failed-gate", "quarantine", "unreadable-file", "disk-full", "damaged-table", "replay-differs"} <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_shown_exists_with_its_options(clew, page: Path) -> None:
    shown = commands(page.read_text(encoding="utf-8"))
    assert shown, f"{page.name} shows no command"
    for name, options in shown:
        # Whom to forget follows the command itself: `clew forget --reason …` is `clew forget person`.
        ran = clew(*("forget person" if name == "forget" else name).split(), "--help")
        assert ran.code == 0, f"{page.name}: clew {name}"
        if name == "airflow":
            continue  # the options are Airflow's; tests/dags asks its parser
        for option in options:
            assert re.search(rf"{option}\b", ran.out), f"{page.name}: clew {name} has no {option}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
