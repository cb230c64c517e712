"""How `clew identity review` asks: one question after the other on a terminal, or as JSON without one.

Values of records are printed on the terminal only.
"""

import datetime
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from clew.explained.text import waterfall_lines
from clew.output import note, print_json, print_table, results, time_text
from contracts.errors import UsageError

if TYPE_CHECKING:
    from identity.decisions import Decision
    from identity.question import Question
    from identity.review import Answer, Review, Waiting

PROMPT = "one person? y(es), n(o), s(kip) or q(uit); a reason may follow: "
REFUSED = 1


@dataclass
class Outcome:
    """What became of a sitting."""

    made: "list[Decision]" = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    skipped: int = 0

    def line(self) -> str:
        """In words."""
        said = Counter(item.action for item in self.made)
        counts = f"{said['link']} yes, {said['unlink']} no, {self.skipped} skipped"
        return f"{counts}, {len(self.refused)} refused" if self.refused else counts


def ask(sitting: "Review", waiting: "list[Waiting]", replies: TextIO) -> None:
    """Ask until every question is answered or skipped, or somebody quits.

    Raises:
        UsageError: If there is nobody to ask.
    """
    if not replies.isatty():
        do = "clew identity review --json lists the questions, --answers FILE applies answers"
        raise UsageError("there is no terminal to ask on", "stdin", do)
    if not waiting:
        note("nothing waits for review")
        return
    _conclude(sit(sitting, waiting, replies))


def sit(sitting: "Review", waiting: "list[Waiting]", replies: TextIO) -> Outcome:
    """Ask about each pair and apply the answers; the end of ``replies`` is as good as to quit."""
    outcome = Outcome()
    number = {item.pair: place for place, item in enumerate(waiting, 1)}
    for item in sitting.still_open(waiting):
        (question,) = sitting.questions([item])
        show(question, f"{number[item.pair]} of {len(waiting)}")
        answer = _reply(question, replies)
        if answer is None:
            break
        _apply(sitting, answer, outcome)
    return outcome


def show(question: "Question", progress: str) -> None:
    """Print a question: what is at stake, both records side by side, and the evidence."""
    left, right = question.left, question.right
    print(f"\nquestion {progress}")
    if question.stakes:
        at_stake = question.stakes
        print(
            f"would join {at_stake['records']} records with {at_stake['events']:,} events "
            f"and a value of {at_stake['value']:,}; {at_stake['people']} people in question"
        )
    rows: list[tuple[str, object, object, str]] = [
        ("profile", f"{left.profile} ({left.records})", f"{right.profile} ({right.records})", ""),
        ("sources", left.sources, right.sources, ""),
        ("seen", _seen(left.first_seen, left.last_seen), _seen(right.first_seen, right.last_seen), ""),
        ("events", f"{left.events:,}", f"{right.events:,}", ""),
    ]
    rows += [
        (item.name, item.left or "", item.right or "", "" if item.verdict == "unknown" else item.verdict)
        for item in question.fields
    ]
    print_table(("", left.record, right.record, ""), rows)
    print(f"model {question.model_version}: probability {question.probability:.4f}")
    print("\n".join(waterfall_lines(question.evidence, question.match_weight)))
    if question.against:
        print(f"other evidence was refused: {question.against}")


def print_questions(sitting: "Review", waiting: "list[Waiting]", limit: int | None) -> None:
    """List questions as JSON, without the values of records."""
    questions = [question.as_dict() for question in sitting.questions(waiting[:limit])]
    with results():
        print_json({"waiting": len(waiting), "questions": questions})


def apply(sitting: "Review", file: Path, waiting: int, as_json: bool) -> None:
    """Apply answers given elsewhere; one that is refused does not keep the others from being applied."""
    from identity.review import read_answers

    if str(file) == "-":
        answers = read_answers(sys.stdin, "stdin")
    elif file.is_file():
        answers = read_answers(file.read_text(encoding="utf-8").splitlines(), str(file))
    else:
        raise UsageError("there is no such file", str(file), "name a file of JSON lines, or - for stdin")
    outcome = Outcome()
    for answer in answers:
        _apply(sitting, answer, outcome)
    if as_json:
        with results():
            made = [asdict(item) for item in outcome.made]
            print_json({"decisions": made, "skipped": outcome.skipped, "refused": outcome.refused})
    _conclude(outcome)


def _reply(question: "Question", replies: TextIO) -> "Answer | None":
    """What the steward says; None to quit."""
    from identity.review import ANSWERS, Answer

    while True:
        print(PROMPT, end="", flush=True)
        line = replies.readline()
        word, _, reason = line.strip().partition(" ")
        if not line or word.lower() in ("q", "quit"):
            return None
        if word.lower() in ANSWERS:
            return Answer(question.pair, ANSWERS[word.lower()], reason)


def _apply(sitting: "Review", answer: "Answer", outcome: Outcome) -> None:
    """Apply one answer; a refusal is told and kept, and the review goes on."""
    try:
        made = sitting.answer(answer, datetime.datetime.now(datetime.UTC))
    except UsageError as error:
        left, right = answer.pair
        outcome.refused.append({"left_record": left, "right_record": right, "what": error.what, "do": error.do})
        note(f"refused, {left} {right}: {error.what}\n  do: {error.do}")
        return
    if made is None:
        outcome.skipped += 1
    else:
        outcome.made.append(made)


def _conclude(outcome: Outcome) -> None:
    note(outcome.line())
    if outcome.made:
        note("every run goes by the answers from the next on: clew run")
    if outcome.refused:
        raise typer.Exit(REFUSED)


def _seen(first: datetime.datetime, last: datetime.datetime) -> str:
    return f"{time_text(first)[:10]} to {time_text(last)[:10]}"
