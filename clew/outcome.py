"""What came of one or more runs: read from the lake and the exports themselves, not from what the steps claimed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from activation.files import read_manifest
from activation.held import folder
from lakehouse.lake import Lake
from lakehouse.releases import latest_release

if TYPE_CHECKING:
    from clew.pipeline import DayRun

STAGES_QUERY = "select stage, count(*) as people from gold.journey_stages where is_current group by stage"


def outcome_of(lake: Lake, days: "list[DayRun]", seconds: float, truth: Path | None = None) -> dict[str, Any]:
    """Everything that the closing screen shows, as plain values.

    Args:
        lake: The lake the runs wrote.
        days: The runs, in their order.
        seconds: How long the whole command took.
        truth: Who is who in the sandbox, where the data is the sandbox's.
    """
    run_ids = [day.run_id for day in days]
    with lake.duck() as connection:

        def rows(sql: str, *values: Any) -> list[dict[str, Any]]:
            cursor = connection.execute(sql, list(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        sources = rows(
            """
            select source, sum(lines + unpacked - headers)::bigint as landed, sum(kept)::bigint as kept,
                sum(duplicates)::bigint as duplicates, sum(quarantined)::bigint as quarantined,
                sum(erased)::bigint as erased
            from ops.row_counts where list_contains(?, run_id) group by source order by source
            """,
            run_ids,
        )
        steps = rows(
            'select run_id, step, sum(seconds) as seconds, min("at") as began from ops.runs '
            "where list_contains(?, run_id) and state <> 'started' group by run_id, step order by began",
            run_ids,
        )
        profiles = rows("select count(*) as n from gold.profiles")[0]["n"]
        stages = rows(
            "select journey, stage, count(*) as profiles from gold.journey_stages where is_current "
            "group by journey, stage"
        )
        largest = rows(
            "select profile_id from identity.assignments group by profile_id order by count(*) desc, profile_id limit 1"
        )
        linked = rows(
            "select left_record, right_record from identity.edges where state = 'linked' "
            "order by kind = 'probabilistic' desc, left_record, right_record limit 1"
        )
    release = latest_release(lake)
    order = {
        (journey.journey, stage): place
        for _, journey in sorted(lake.contracts.journeys.items())
        for place, stage in enumerate(journey.names)
    }
    return {
        "sources": sources,
        "people": None if truth is None else _people(lake, truth),
        "profiles": profiles,
        "journey_stages": sorted(
            stages, key=lambda row: (row["journey"], order.get((row["journey"], row["stage"]), len(order)))
        ),
        "release": release,
        "exports": [] if release is None else _exports(lake, release),
        "runs": [
            {
                "run_id": day.run_id,
                "as_of": day.as_of.isoformat(),
                "seconds": round(day.seconds, 1),
                "steps": {row["step"]: round(row["seconds"], 1) for row in steps if row["run_id"] == day.run_id},
            }
            for day in days
        ],
        "seconds": round(seconds, 1),
        "next": [
            f'clew query "{STAGES_QUERY}"',
            *(f"clew profile {row['profile_id']}" for row in largest),
            *(f"clew explain {row['left_record']} {row['right_record']}" for row in linked),
        ],
    }


def _people(lake: Lake, truth: Path) -> dict[str, Any]:
    from identity.evaluate import evaluate, to_be_joined
    from identity.truth import read_truth

    assignments = lake.arrow("identity.assignments")
    found = evaluate(assignments, to_be_joined(read_truth(truth, lake.settings.identity_key), assignments))
    rates = {name: round(getattr(found, name), 4) for name in ("precision", "recall", "f1")}
    return {"truth": found.people, "found": found.profiles, **rates}


def _exports(lake: Lake, release: int) -> list[dict[str, Any]]:
    manifests = [
        read_manifest(place)
        for name in sorted(lake.contracts.destinations)
        if (place := folder(lake, name, release)).is_dir()
    ]
    return [
        {"destination": made["destination"], "rows": made["rows"], "refused": made["refused"]} for made in manifests
    ]
