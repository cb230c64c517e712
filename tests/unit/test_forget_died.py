"""An erasure that dies, or meets others at work: it is finished with the same result, and hands nobody over."""

from pathlib import Path
from typing import Any

import pytest

from activation.export import export
from activation.withdrawals import retract
from clew.audited import problems
from lakehouse.erasing import LOCK
from lakehouse.errors import DataError, EnvironmentFault, UsageError
from lakehouse.lake import Lake
from lakehouse.releases import latest_release, release_tables
from lakehouse.run import Run
from rights import erase as forgotten
from spark_jobs.privacy import forget as steps
from spark_jobs.privacy import older, plan
from tests.conftest import profile_id
from tests.erasable import OF_ANN, RUN, Died, dies_after, erase, found, lands


def no_gate(lake: Lake, run: Run, staged: Path) -> dict[str, int]:
    return {"checks": 0}


def _retractions(people: Any) -> list[tuple[str, int]]:
    """Those retracted are named to the destination by the id that it has of them, and by nothing else."""
    folders = sorted(people.lake.settings.exports.glob("*/retractions/[0-9]*"))
    return [(path.parent.parent.name, int(path.name)) for path in folders]


@pytest.mark.parametrize(
    "part",
    ["retracted", "bronze", "rows", "release", "purged", "certificate"],
)
def test_an_erasure_that_died_is_finished_with_the_same_result(
    people: Any, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies when the part is done and before that is written down, or as the certificate is about to be."""
    reported = plan.reported

    def dies(lake: Lake, made: Any, name: str, report: Any) -> Any:
        if name == part:
            raise KeyboardInterrupt
        return reported(lake, made, name, report)

    with monkeypatch.context() as patch:
        patch.setattr(plan, "reported", dies)
        if part == "certificate":
            patch.setattr(steps.certificate, "write", lambda *_: dies(people.lake, None, part, None))
        with pytest.raises(KeyboardInterrupt):
            erase(people, "ann")
    assert oct(plan.path(people.lake).stat().st_mode & 0o777) == "0o600"

    certificate = forgotten.finish(people.lake, RUN)

    assert certificate is not None
    assert certificate["counted_at_least"] == ([] if part == "certificate" else [part])
    assert not plan.path(people.lake).exists()
    assert found(people, "account:ann", "+18005550100") == []
    assert profile_id("ann") not in {row["profile_id"] for row in people.rows("gold.profiles")}
    erased = {row["source"]: row["erased"] for row in people.rows("ops.row_counts") if row["erased"]}
    assert erased == {"web": 3, "consent": 2}
    assert len({row["release"] for row in people.rows("ops.releases")}) == 2
    assert problems(people.lake) == []


def test_a_second_death_while_the_plan_is_removed_leaves_no_draft_of_it_that_nobody_looks_for(
    people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_after(people, "state")
    made = plan.path(people.lake)
    draft = made.with_name(f"{made.name}.1234")
    draft.write_bytes(made.read_bytes())
    remove = Path.unlink

    def dies(path: Path, missing_ok: bool = False) -> None:
        remove(path, missing_ok=missing_ok)
        if path.name.startswith(made.name):
            raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dies)
        with pytest.raises(Died):
            forgotten.finish(people.lake, RUN)
    assert [path.name for path in made.parent.glob(f"{made.name}*")] == [made.name]

    assert forgotten.finish(people.lake, RUN) is not None

    assert not list(made.parent.glob(f"{made.name}*"))
    assert forgotten.finish(people.lake, RUN) is None


def test_while_an_erasure_is_half_done_nothing_is_released_exported_or_retracted(people: Any) -> None:
    dies_after(people, "bronze")

    for step in (
        people.release,
        lambda: export(people.lake, RUN, "email_tool", no_gate),
        lambda: retract(people.lake, RUN),
    ):
        with pytest.raises(DataError, match="an erasure died before its end") as refused:
            step()
        assert refused.value.do == "finish it: clew forget"
    forgotten.finish(people.lake, RUN)
    export(people.lake, RUN, "email_tool", no_gate)
    assert profile_id("ann") not in {row["profile_id"] for row in people.rows("ops.deliveries")}


def test_a_finish_takes_out_whom_somebody_handed_over_after_the_death(people: Any) -> None:
    """A version of Clew without the refusal may have been at work in between."""
    delivered = next(row for row in people.rows("ops.deliveries") if row["profile_id"] == profile_id("ann"))
    dies_after(people, "purged")
    people.lake.append("ops.deliveries", [delivered | {"release": 2}])

    certificate = forgotten.finish(people.lake, RUN)

    assert certificate is not None
    told = certificate["exports"]
    assert sum(told["retracted"].values()) == 3
    assert told["ledgers"]["ops.deliveries"] == 3
    assert profile_id("ann") not in {row["profile_id"] for row in people.rows("ops.deliveries")}
    assert found(people, profile_id("ann"), "+18005550100") == sorted(
        f"exports/{name}/retractions/{number:06d}/data.csv value 1" for name, number in _retractions(people)
    )


def test_while_something_is_handed_over_no_erasure_begins(small: Any) -> None:
    small.release()
    held = []

    def watches(lake: Lake, run: Run, staged: Path) -> dict[str, int]:
        held.append(lake.is_locked(LOCK))
        return {}

    export(small.lake, RUN, "email_tool", watches)

    assert held == [True]
    assert not small.lake.is_locked(LOCK)


def test_a_retraction_that_was_visible_before_the_death_is_not_written_twice(people: Any) -> None:
    reported = plan.reported

    def dies(lake: Lake, made: Any, name: str, report: Any) -> Any:
        if name == "retracted":
            raise Died
        return reported(lake, made, name, report)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "reported", dies)
        with pytest.raises(Died):
            erase(people, "ann")

    certificate = forgotten.finish(people.lake, RUN)

    assert certificate is not None
    assert certificate["exports"]["retracted"] == {"ad_platform": 1, "email_tool": 1}
    assert _retractions(people) == [("ad_platform", 1), ("email_tool", 1)]


@pytest.mark.parametrize("part", ["rows", "older", "purged"])
def test_an_erasure_that_died_beside_a_table_that_went_on_is_finished(people: Any, part: str) -> None:
    lands(people, "anonymous:new", phone="+18005550177")
    dies_after(people, part)
    if part == "rows":  # the next part dies half done, too
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(older, "seal_off", lambda *_: (_ for _ in ()).throw(Died))
            with pytest.raises(Died):
                forgotten.finish(people.lake, RUN)

    forgotten.finish(people.lake, RUN)

    assert found(people, *OF_ANN) == []
    shown = release_tables(people.lake, latest_release(people.lake) or 0)["silver.identifiers"]
    records = [row["record_id"] for row in people.lake.arrow("silver.identifiers", version=shown).to_pylist()]
    assert [*records, "anonymous:new"] == [row["record_id"] for row in people.rows("silver.identifiers")]
    erase(people, "ben")  # and the next one goes between the same two
    assert "anonymous:new" in {row["record_id"] for row in people.rows("silver.identifiers")}


def test_an_erasure_gives_way_to_a_run_between_its_conform_and_its_release(people: Any) -> None:
    with Run("scheduled__1", RUN.as_of).step(people.lake, "conform"):
        pass
    with pytest.raises(EnvironmentFault, match="run scheduled__1 is between its conform and its release"):
        erase(people, "ann")
    assert not plan.path(people.lake).exists()


@pytest.mark.parametrize("part", ["rows", "state"])
def test_a_request_that_died_succeeds_when_it_is_tried_again(people: Any, part: str) -> None:
    request = people.lake.settings.state / "requests" / "may.txt"
    request.parent.mkdir()
    request.write_text("# of May\nphone:+18005550100\n", encoding="utf-8")

    dies_after(people, part, lambda: forgotten.on_request(people.lake, RUN, "may.txt", "requests of May"))
    assert "+18005550100" in request.read_text(encoding="utf-8")

    counts = forgotten.on_request(people.lake, RUN, "may.txt", "requests of May")

    assert counts["people"] == 1
    assert counts["rows"] > 0
    assert not request.exists()
    assert not plan.path(people.lake).exists()

    request.write_text("# nobody yet\n", encoding="utf-8")
    with pytest.raises(UsageError, match="the file names nobody"):
        forgotten.on_request(people.lake, RUN, "may.txt", "nobody")
    request.write_text("phone:+18005550100\n", encoding="utf-8")
    assert forgotten.on_request(people.lake, RUN, "may.txt", "once more") == {"people": 0, "erased_before": 1}
    assert not request.exists()
    request.write_text("phone:+18005550100\nphone:+18005550101\n", encoding="utf-8")
    assert forgotten.on_request(people.lake, RUN, "may.txt", "and Ben")["people"] == 1


def test_an_export_that_was_saved_by_a_spreadsheet_stops_an_erasure_before_it_begins(people: Any) -> None:
    data = people.lake.settings.exports / "email_tool" / "000001" / "data.csv"
    written = data.read_bytes()
    data.write_bytes(written.replace(b",", b";") + b"\xff\n")

    with pytest.raises(DataError, match=r"export email_tool 1: .* is not what was sealed") as refused:
        erase(people, "ann")

    assert "@" not in str(refused.value)
    assert not plan.path(people.lake).exists()
    assert people.rows("ops.erased") == []
    assert retract(people.lake, RUN) == {"ad_platform": 0, "email_tool": 0}
    data.write_bytes(written)
    assert erase(people, "ann")["exports"]["redacted"] == {"export ad_platform 1": 1, "export email_tool 1": 1}


def test_an_altered_export_without_the_person_stops_no_erasure(people: Any) -> None:
    data = people.lake.settings.exports / "email_tool" / "000001" / "data.csv"
    data.write_bytes(data.read_bytes() + b"\xff\n")

    assert erase(people, "cat")["exports"]["redacted"] == {}
