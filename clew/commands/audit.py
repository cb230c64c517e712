"""`clew audit`: who did what that decides over people's data, and the proof that the list is whole."""

from typing import Annotated

import typer

from clew.output import note, print_json, print_table, results, time_text

audit = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Who did what that decides over people's data, and the proof that the list is whole.",
)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@audit.command(name="list")
def listed(
    limit: Annotated[int, typer.Option(min=1, help="How many entries, the newest first.")] = 20, as_json: AsJson = False
) -> None:
    """List what was written down: decisions, releases, exports, changes of contracts."""
    from dataclasses import asdict

    from clew.workspace import existing_lake, settings
    from lakehouse.audit import entries
    from lakehouse.lake import Lake

    existing_lake()
    known = entries(Lake(settings()))
    newest = known[::-1][:limit]
    with results():
        if as_json:
            print_json({"entries": [asdict(item) for item in newest]})
        else:
            heads = ("entry", "at (UTC)", "actor", "action", "subject", "detail")
            print_table(
                heads,
                [
                    (item.entry, time_text(item.at), item.actor, item.action, item.subject, item.detail)
                    for item in newest
                ],
            )
    note(f"{len(newest)} of {len(known)} entries" if known else "nothing was written down yet; start with: clew run")


@audit.command(name="rotate-key")
def rotate_key() -> None:
    """Give the workspace a new key of the seals; what was sealed with the old one stays provable."""
    from activation.export import catch_up
    from clew.workspace import existing_lake, settings
    from lakehouse.lake import Lake
    from lakehouse.rotation import is_cut_off, rotate

    existing_lake()
    lake = Lake(settings())
    if not is_cut_off(lake.settings):
        catch_up(lake)  # what is sealed and not yet written down would not be believed of the old key later
    old, new = rotate(lake)
    with results():
        print(new)
    note(f"follows {old}; give receivers the new one, and keep the old one for what they got before")


@audit.command()
def verify(
    public_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Whose signatures they must be; else this workspace's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find any entry that was altered, removed or put in, and anything done or altered behind its back."""
    from clew.audited import problems
    from clew.workspace import existing_lake, settings
    from lakehouse.audit import entries
    from lakehouse.lake import Lake

    existing_lake()
    lake = Lake(settings())
    count, found = len(entries(lake)), problems(lake, public_key)
    with results():
        if as_json:
            print_json({"entries": count, "problems": found})
        else:
            print("\n".join(found) if found else f"{count} entries hold: none altered, none removed")
    if found:
        note(f"{len(found)} problem{'s' if len(found) != 1 else ''}")
        raise typer.Exit(1)
