"""`clew export`: what was exported, and the proof that each row was allowed to leave."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import note, print_json, print_table, results, size_text, time_text

if TYPE_CHECKING:
    from activation.verify import Proof

export = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="What was exported, and the proof that each row was allowed to leave.",
)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@export.command(name="list")
def listed(as_json: AsJson = False) -> None:
    """List the published exports, by destination and release."""
    from activation.files import DATA, read_manifest
    from activation.held import published_folders
    from clew.workspace import settings
    from contracts.errors import DataError, UsageError
    from lakehouse.lake import Lake

    lake = Lake(settings())
    rows: list[dict[str, Any]] = []
    damaged: list[str] = []
    for folder in published_folders(lake):
        try:
            manifest = read_manifest(folder)
            rows.append(
                {
                    "destination": manifest["destination"],
                    "release": manifest["release"],
                    "purpose": manifest["purpose"],
                    "rows": manifest["rows"],
                    "refused": sum(manifest["refused"].values()),
                    "retracted": manifest.get("retractions", {}).get("rows", 0),
                    "bytes": manifest["data"]["bytes"],
                    "policy_version": manifest["policy_version"],
                    "file": str(folder / DATA),
                }
            )
        except (DataError, KeyError, TypeError, AttributeError):
            damaged.append(str(folder))
    if not rows and not damaged:
        raise UsageError("nothing was exported yet", str(lake.settings.exports), "clew run exports what is released")
    with results():
        if as_json:
            print_json({"exports": rows, "damaged": damaged})
        else:
            heads = ("destination", "release", "purpose", "rows", "refused", "retracted", "size", "policy", "file")
            print_table(
                heads,
                [tuple(size_text(value) if name == "bytes" else value for name, value in row.items()) for row in rows],
            )
    for folder_name in damaged:
        note(f"the manifest in {folder_name} cannot be read: clew export verify")


@export.command()
def retractions(
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20, as_json: AsJson = False
) -> None:
    """List what destinations were told to remove, and how soon after the withdrawal landed."""
    from activation.measure import in_words, measured
    from clew.workspace import existing_lake, settings
    from lakehouse.lake import Lake

    existing_lake()
    lake = Lake(settings())
    written, times = measured(lake)
    newest = written[:limit]
    with results():
        if as_json:
            print_json({"retractions": newest, "landed_to_written": times})
        elif newest:
            heads = (
                "destination",
                "number",
                "written (UTC)",
                "people",
                "because",
                "seconds, worst",
                "not timed",
                "folder",
            )
            print_table(
                heads,
                [
                    (
                        row["destination"],
                        row["number"],
                        time_text(row["written_at"]),
                        row["people"],
                        ", ".join(f"{reason} {n}" for reason, n in row["because"].items()),
                        row["worst_seconds"],
                        row["untimed"] or "",
                        row["folder"] or "taken away",
                    )
                    for row in newest
                ],
            )
    if said := in_words(times):
        count = times["withdrawals"] + times["untimed"]
        note(f"{count} withdrawals of what was handed over: landed to retraction written, {said}")
    else:
        note(f"{len(newest)} of {len(written)} retractions" if written else "nothing was retracted yet")


@export.command()
def key() -> None:
    """Print the public key by which a receiver checks the seals of this workspace."""
    from clew.workspace import existing_lake, settings
    from lakehouse.seal import public_key

    existing_lake()  # a mistyped workspace would make a key of its own
    with results():
        print(public_key(settings()))


@export.command()
def verify(
    destination: Annotated[str | None, typer.Argument(help="Only exports to this destination.")] = None,
    release: Annotated[int | None, typer.Option(min=1, help="Only that of this release.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="An export that was sent elsewhere: a folder with data.csv and manifest.json.")
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Whose seal it must be; else this workspace's. See: clew export key."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that exports are what was sealed, and each row was allowed by the person's last word."""
    from activation.verify import exports_of
    from activation.verify import verify as prove
    from clew.workspace import settings
    from contracts.errors import UsageError
    from lakehouse.lake import Lake
    from lakehouse.seal import known_keys

    if folder is not None and (destination is not None or release is not None):
        raise UsageError("--folder is one export already", "--folder", "leave DESTINATION and --release out")
    if folder is not None and public_key is None:
        raise UsageError(
            "who sealed it is not known here", "--folder", "add --public-key: clew export key, where it was made, tells"
        )
    configured = settings()
    lake = Lake(configured)
    if folder is not None:
        keys: tuple[str, ...] = (str(public_key),)
        proofs = [prove(folder, keys)]
    else:
        asked = exports_of(lake, destination, release)
        keys = known_keys(configured, public_key)
        proofs = [prove(path, keys, lake) for path in asked]
    with results():
        if as_json:
            print_json({"public_key": keys[0], "exports": [proof.as_dict() for proof in proofs]})
        else:
            _show(proofs)
    wrong = sum(bool(proof.problems) for proof in proofs)
    if wrong:
        note(f"{wrong} of {_counted(proofs)} do not hold")
        raise typer.Exit(1)
    unlooked = "; permissions were not looked up, which needs the lake" if folder is not None else ""
    note(f"{_counted(proofs)} {'holds' if len(proofs) == 1 else 'hold'}{unlooked}")


def _counted(proofs: "list[Proof]") -> str:
    """How many of each kind, in words; what cannot be read counts as an export."""
    retractions = sum(proof.retraction is not None for proof in proofs)
    kinds = (("export", len(proofs) - retractions), ("retraction", retractions))
    return " and ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in kinds if count)


def _show(proofs: "list[Proof]") -> None:
    heads = ("destination", "what", "rows", "checked", "verdict")
    print_table(
        heads,
        [
            (
                proof.destination or proof.folder,
                f"retraction {proof.retraction}" if proof.retraction is not None else f"release {proof.release}",
                proof.rows,
                ", ".join(proof.checked),
                f"{len(proof.problems)} problem{'s' if len(proof.problems) != 1 else ''}"
                if proof.problems
                else "holds",
            )
            for proof in proofs
        ],
    )
    for proof in proofs:
        if proof.problems:
            print(f"\n{proof.folder}")
            print("\n".join(f"  {problem}" for problem in proof.problems))
    for sentence in dict.fromkeys(sentence for proof in proofs for sentence in proof.unchecked):
        note(sentence)
