"""What a person sees: the steps of a run while they go, and one screen at its end."""

import time
from dataclasses import dataclass, field
from typing import IO, Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from clew.output import printable

BAR_WIDTH = 24
LINE_EVERY_SECONDS = 5.0


def amount(rows: int | None, total: int | None) -> str:
    """How far, as words: "1,200 of 5,000", "1,200", or nothing."""
    if rows is None:
        return ""
    return f"{rows:,}" if total is None else f"{rows:,} of {total:,}"


@dataclass
class StepScreen:
    """Shows the steps of a run on a terminal, or as plain lines where there is none.

    Args:
        stream: Where to write; the terminal's stderr, so that stdout holds results only.
    """

    stream: IO[str]
    seconds: dict[str, float] = field(default_factory=dict)
    _steps: list[str] = field(default_factory=list)
    _live: Progress | None = None
    _current: Any = None
    _last_line: float = 0.0

    def __post_init__(self) -> None:
        self.console = Console(file=self.stream, highlight=False, soft_wrap=True)

    def line(self, text: str) -> None:
        """One line that stays."""
        (self._live.console if self._live else self.console).print(Text.from_markup(text))

    def starting(self, what: str) -> None:
        """Says that something which has no steps goes on."""
        if self.console.is_terminal:
            self._follow(what)
        else:
            self.line(f"{what} …")

    def begin(self, title: str, steps: list[str]) -> None:
        """A run starts; ``steps`` are all that it will do."""
        self.finish()
        self._steps = steps
        self.seconds = {}
        self.line(f"[bold]{title}[/bold]")

    def finish(self) -> None:
        """The run is over; what stays on the screen are its lines."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._current = None

    def started(self, step: str) -> None:
        if self.console.is_terminal:
            self._follow(f"{self._place(step)} {step}")
        self._last_line = time.monotonic()

    def said(self, step: str, label: str, rows: int | None, total: int | None) -> None:
        if self._live is not None:
            self._live.update(
                self._current,
                total=total,
                completed=rows or 0,
                detail=f"{label} {amount(rows, total)}".strip(),
            )
        elif time.monotonic() - self._last_line > LINE_EVERY_SECONDS:
            self._last_line = time.monotonic()
            self.line(f"        {step}: {label} {amount(rows, total)}".rstrip())

    def ended(self, step: str, state: str, rows: int, seconds: float, message: str) -> None:
        self.seconds[step] = round(seconds, 2)
        if self._live is not None and self._current is not None:
            self._live.remove_task(self._current)
            self._current = None
        mark, colour = ("✓", "green") if state == "done" else ("✗", "red")
        counted = f"{rows:>12,} rows" if rows else " " * 17
        said = escape(printable(message))
        self.line(f"  [{colour}]{mark}[/{colour}] {self._place(step)} {step:<14}{counted}{seconds:>8.1f} s  {said}")

    def _place(self, step: str) -> str:
        if step not in self._steps:
            return "       "
        return f"[{self._steps.index(step) + 1:>2}/{len(self._steps)}]".replace("[", "\\[")

    def _follow(self, description: str) -> None:
        """Show one thing as under way, instead of the one before."""
        if self._live is None:
            self._live = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(BAR_WIDTH),
                TextColumn("{task.fields[detail]}"),
                TimeElapsedColumn(),
                console=self.console,
                transient=True,
            )
            self._live.start()
        if self._current is not None:
            self._live.remove_task(self._current)
        self._current = self._live.add_task(description, total=None, detail="")


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", style="" if place else "cyan")
    return table


def events_table(outcome: dict[str, Any]) -> Table:
    """Lines landed per source, and where each of them is now."""
    table = _table("Events", "source", "landed", "kept", "duplicates", "quarantined")
    fields = ("landed", "kept", "duplicates", "quarantined")
    for row in outcome["sources"]:
        table.add_row(row["source"], *(f"{row[name]:,}" for name in fields))
    if len(outcome["sources"]) > 1:
        sums = (sum(row[name] for row in outcome["sources"]) for name in fields)
        table.add_row("all", *(f"{number:,}" for number in sums), style="bold")
    return table


def people_table(outcome: dict[str, Any]) -> Table:
    """People found against the people there are."""
    people = outcome["people"]
    table = _table("People", "found", "in the truth", "precision", "recall", "F1")
    table.add_row(
        f"{people['found']:,}",
        f"{people['truth']:,}",
        _percent(people["precision"]),
        _percent(people["recall"]),
        _percent(people["f1"]),
    )
    return table


def stages_table(outcome: dict[str, Any]) -> Table:
    """How many profiles stand in each stage of the journey now."""
    table = _table(f"Profiles: {outcome['profiles']:,}", "journey stage", "profiles")
    several = len({row.get("journey") for row in outcome["journey_stages"]}) > 1
    for row in outcome["journey_stages"]:
        table.add_row(f"{row['journey']}: {row['stage']}" if several else row["stage"], f"{row['profiles']:,}")
    return table


def exports_table(outcome: dict[str, Any]) -> Table:
    """Rows each destination got, and rows refused, by reason."""
    table = _table(f"Exports of release {outcome['release']}", "destination", "rows", "refused", "because")
    for row in outcome["exports"]:
        refused = sorted(((why, n) for why, n in row["refused"].items() if n), key=lambda item: -item[1]) or [("", 0)]
        for place, (reason, number) in enumerate(refused):
            first = (row["destination"], f"{row['rows']:,}") if place == 0 else ("", "")
            table.add_row(*first, f"{number:,}", reason)
    table.columns[3].justify = "left"
    return table


def seconds_table(outcome: dict[str, Any]) -> Table:
    """Seconds per step, a column a run."""
    runs = outcome["runs"]
    table = _table("Seconds", "step", *(run["as_of"] for run in runs))
    for name in dict.fromkeys(name for run in runs for name in run["steps"]):
        table.add_row(name, *(f"{run['steps'][name]:.1f}" if name in run["steps"] else "–" for run in runs))
    table.add_row("whole run", *(f"{run['seconds']:.1f}" for run in runs), style="bold")
    table.caption = f"everything, with start and files: {outcome['seconds']:.1f}"
    table.caption_justify = "left"
    return table


def show_outcome(console: Console, outcome: dict[str, Any]) -> None:
    """The screen that a run ends on."""
    left: list[RenderableType] = [events_table(outcome), ""]
    if outcome["people"] is not None:
        left += [people_table(outcome), ""]
    left.append(exports_table(outcome))
    right: list[RenderableType] = [stages_table(outcome), "", seconds_table(outcome)]
    console.print()
    if console.width >= 110:
        grid = Table.grid(padding=(0, 4))
        grid.add_row(Group(*left), Group(*right))
        console.print(grid)
    else:
        console.print(Group(*left, "", *right))
    console.print("\n[bold]Try next[/bold]")
    for command in outcome["next"]:
        console.print(Text(f"  {command}"), soft_wrap=True)  # to be copied, whatever the width
    console.print()
