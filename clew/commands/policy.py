"""`clew policy`: the consent policy, whether it is right, why it says yes or no of a person, and what a change does."""

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clew.output import note, print_json, print_section, print_table, results, time_text
from contracts.errors import ContractError, UsageError
from rights.who import WHO

if TYPE_CHECKING:
    from clew.permitted import Answer

policy = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="The consent policy: whether it is right, why it says yes or no of a person, what a change of it does.",
)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Day = datetime.datetime | None
Release = Annotated[str, typer.Option(help="A release's number, latest or live.")]
File = Annotated[
    Path | None, typer.Option("--policy", exists=True, dir_okay=False, help="A policy that is not in use yet.")
]
AsOf = Annotated[Day, typer.Option(formats=["%Y-%m-%d"], help="What held at the end of that day (UTC).")]
KnownAt = Annotated[Day, typer.Option(formats=["%Y-%m-%d"], help="With --as-of: by what had landed by then.")]


@policy.command()
def check(file: File = None, as_json: AsJson = False) -> None:
    """Check the policy against exports and events, run its cases, and say what is wrong."""
    from clew.workspace import settings
    from contracts.check import check_policy
    from lakehouse.lake import Lake
    from lakehouse.policies import refuse_if_altered, taken

    made, cases, problems = check_policy(settings().contracts, file)
    told = {"version": made.version, "purposes": list(made.purposes), "cases": cases}
    with results():
        if as_json:
            print_json({**told, "problems": [problem.as_dict() for problem in problems]})
        else:
            for problem in problems:
                allowed = f" (allowed: {', '.join(problem.allowed)})" if problem.allowed else ""
                print(f"{problem.file}:{problem.line}: {problem.field}: {problem.what}{allowed}")
            if not problems:
                print(f"policy {made.version}: {len(made.purposes)} purposes, {cases} cases hold")
    if problems:
        note(f"{len(problems)} problem{'s' * (len(problems) != 1)} of the policy")
        raise typer.Exit(ContractError.exit_code)
    refuse_if_altered(made, taken(Lake(settings())))


@policy.command()
def explain(
    who: Annotated[str, typer.Argument(metavar="PERSON", help=WHO)],
    purpose: Annotated[str, typer.Argument(help="A purpose of the policy.")],
    destination: Annotated[str | None, typer.Argument(help="An export: whether it has them, and would now.")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    release: Release = "latest",
    as_json: AsJson = False,
) -> None:
    """Say whether a purpose may use a person's data: the rule and the event that decide, and what was overruled."""
    from clew.permitted import answer

    if known_at is not None and as_of is None:
        raise UsageError("--known-at says nothing alone", "--known-at", "name the day that you ask about: --as-of DATE")
    days = (as_of.date() if as_of else None, known_at.date() if known_at else None)
    found = answer(who, purpose, destination, days, release)
    with results():
        if as_json:
            print_json(found.as_dict())
        else:
            _print_answer(found)
    note(found.read)


@policy.command()
def state(
    as_of: AsOf = None,
    known_at: KnownAt = None,
    purpose: Annotated[str | None, typer.Option(help="Only this purpose.")] = None,
    people: Annotated[
        bool, typer.Option("--people", help="A row a person, as CSV: what gold.consent_state has.")
    ] = False,
    release: Release = "latest",
    as_json: AsJson = False,
) -> None:
    """Count what everybody's statements come to, on the release's date or on any day before."""
    from clew.output import print_csv
    from clew.permitted import everybody

    if known_at is not None and as_of is None:
        raise UsageError("--known-at says nothing alone", "--known-at", "name the day that you ask about: --as-of DATE")
    days = (as_of.date() if as_of else None, known_at.date() if known_at else None)
    found = everybody(purpose, days, release, people=people)
    with results():
        if as_json:
            print_json(found.as_dict())
        elif people:
            print_csv(found.columns, found.rows)
        else:
            print_table(found.columns, found.rows)
    note(found.read)


@policy.command()
def diff(file: File = None, release: Release = "latest", as_json: AsJson = False) -> None:
    """Show whom another policy lets in and out, by purpose and destination, before a run takes it."""
    from clew.policy_diff import compare

    found = compare(file, release)
    with results():
        if as_json:
            print_json(asdict(found))
        else:
            print(f"policy {found.after} against {found.before}, which is {found.taken}")
            heads = ("purpose", "lets in", "lets out")
            print_section("purposes", heads, [(one.name, one.lets_in, one.lets_out) for one in found.purposes])
            heads = ("destination", "lets in", "lets out")
            print_section("exports", heads, [(one.name, one.lets_in, one.lets_out) for one in found.destinations])
            for title, parts in (("purpose", found.purposes), ("destination", found.destinations)):
                rows = [
                    (part.name, "in" if why.lets_in else "out", why.before or "", why.after or "", why.people)
                    for part in parts
                    for why in part.because
                ]
                if rows:
                    print_section(f"why, by {title}", (title, "", "before", "after", "people"), rows)
    for line in found.notes:
        note(line)
    note(found.read)


@policy.command()
def taken(as_json: AsJson = False) -> None:
    """List the policies that runs have taken, and whom each let in and out."""
    from clew.workspace import existing_lake, settings
    from lakehouse.lake import Lake
    from lakehouse.policies import taken as policies_taken

    existing_lake()
    columns = ("version", "as_of", "taken_at", "run_id", "effect")
    rows = [{name: row[name] for name in columns} for row in policies_taken(Lake(settings()))]
    with results():
        if as_json:
            print_json({"policies": rows})
        else:
            print_table(
                ("version", "run's date", "taken (UTC)", "run", "effect"),
                [
                    (row["version"], row["as_of"], time_text(row["taken_at"]), row["run_id"], row["effect"])
                    for row in rows
                ],
            )
    if not rows:
        note("no run has taken a policy yet; start with: clew run")


def _print_answer(found: "Answer") -> None:
    decision = found.decision
    asked = f" on {found.as_of}" if found.as_of else ""
    known = f", as known on {found.known_at}" if found.known_at else ""
    print(f"{'yes' if decision.may_use else 'no'}: {found.purpose} of profile {found.profile_id}{asked}{known}")
    if found.redirected_from:
        print(f"{found.redirected_from} is retired and leads here")
    print(f"status {decision.status}, by the rule {decision.rule} of policy {found.policy_version}: {found.rule_says}")
    print(f"where: {decision.jurisdiction}")
    if decision.ends_at:
        print(f"{'paused until' if decision.status == 'snoozed' else 'the yes ends'} {time_text(decision.ends_at)} UTC")
    if decision.topics_refused:
        print(f"topics refused or paused: {', '.join(decision.topics_refused)}")
    heads = ("event", "record", "said", "given (UTC)", "known since", "notice", "region", "topic")
    decided = [found.row(decision.statement)] if decision.statement else []
    print_section("decided by", heads, decided)
    print_section("overruled", (*heads, "why"), [(*found.row(said), why) for said, why in decision.overruled])
    if found.destination:
        print(f"\n{found.destination['destination']}: {found.destination['says']}")
        print(f"by what is known now, {found.read}: {found.destination['now']['says']}")
    if found.released and found.released["status"] != decision.status:
        print(
            f"\nthe release says {found.released['status']}, by policy {found.released['policy_version']}: "
            "the policy was changed since"
        )
