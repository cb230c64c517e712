"""Erasure: nothing of a person is left, others lose nothing, and a death at any part changes nothing of that."""

import datetime as dt
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from activation.export import export, export_all
from activation.withdrawals import retract
from clew.audited import problems
from clew.main import run as run_clew
from expectations.gate import gate
from lakehouse.erasing import LOCK
from lakehouse.errors import DataError, EnvironmentFault, UsageError
from lakehouse.lake import Lake
from lakehouse.releases import latest_release, release_tables
from lakehouse.run import Run
from lakehouse.settings import Settings
from rights import erase as forgotten
from spark_jobs.privacy import forget as steps
from spark_jobs.privacy import holds, older, plan, search
from tests.conftest import PEOPLE, profile_id

RUN = Run("forget", dt.date(2017, 12, 31))
OF_ANN = ("account:ann", "anonymous:ann", "+18005550100")
FIRST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def people(small: Any) -> Any:
    """The small lake, whose lines say what silver says of them, and its landing files; released and exported."""
    _tell_in_bronze(small)
    small.release()
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    logs = small.lake.settings.state / "logs"
    logs.mkdir(parents=True)
    (logs / "run.log").write_text("user +18005550100 was seen\n", encoding="utf-8")
    return small


def _tell_in_bronze(small: Any) -> None:
    of_record = {record: person for person in PEOPLE.values() for record in person["records"]}
    for source in ("web", "consent"):
        events = {e["position"]: e for e in small.rows("silver.events") if e["source"] == source}

        def told(rows: list[dict[str, Any]], events: dict[int, dict[str, Any]] = events) -> None:
            for row in rows:
                event = events.get(row["position"])
                if event is not None:
                    person = of_record[event["record_id"]]
                    said = {"id": event["message_id"], "who": event["record_id"], "email": person["email"],
                            "phone": person["phone"]}  # fmt: skip
                    row["payload"] = json.dumps(said)

        small.change(f"bronze.{source}", told)
        folder = small.lake.settings.landing / source
        folder.mkdir(parents=True)
        lines = sorted(small.rows(f"bronze.{source}"), key=lambda row: row["line"])
        (folder / "file").write_text("\n".join(row["payload"] for row in lines) + "\n", encoding="utf-8")


def erase(small: Any, *names: str) -> dict[str, Any]:
    return forgotten.erase(
        small.lake, RUN, [profile_id(name) for name in names], reason="asked by letter", author="sam"
    )


def found(small: Any, *values: str) -> list[str]:
    places = search.search(small.lake, search.for_values(values)).places
    return sorted(f"{place.file} {place.what}" for place in places)


def content(lake: Lake, besides: Iterable[str] = ()) -> dict[str, Any]:
    """The rows of all tables of people, in an order of their own; of bronze the rows that are no tombstones."""
    rows = {}
    for table in lake.tables():
        if table.split(".")[0] in ("bronze", "silver", "identity", "gold") and table not in besides:
            its = [row for row in lake.arrow(table).to_pylist() if "clew_erased" not in str(row.get("payload"))]
            rows[table] = sorted(json.dumps(row, default=str, sort_keys=True) for row in its)
    return rows


def test_nothing_of_the_person_is_left_in_any_byte(people: Any) -> None:
    values = ("account:ann", "anonymous:ann", "+18005550100")
    assert {"landing/web/file value 3", ".clew/logs/run.log value 3"} <= set(found(people, *values))

    erase(people, "ann")

    assert found(people, *values) == []


def test_what_others_hold_too_stays_theirs(people: Any) -> None:
    before = people.rows("identity.identifiers")

    certificate = erase(people, "ann")

    assert certificate["kept_because_shared"]["values"] == 1  # the mailbox that Gus reads, too
    of_gus = [row for row in before if row["record_id"] == "account:gus"]
    assert [row for row in people.rows("identity.identifiers") if row["record_id"] == "account:gus"] == of_gus
    assert any("ann.example@gmail.com" in line for line in (row["payload"] for row in people.rows("bronze.web")))


def test_every_line_keeps_its_place_and_the_account_balances(people: Any) -> None:
    places = {(row["position"], row["file"], row["line"]) for row in people.rows("bronze.web")}

    erase(people, "ann", "ben")

    assert {(row["position"], row["file"], row["line"]) for row in people.rows("bronze.web")} == places
    counts = {row["source"]: row for row in people.rows("ops.row_counts") if row["landing"] == 1}
    assert counts["web"]["erased"] == 4  # a visit of each record, and the repeat of Ann's
    assert counts["consent"]["erased"] == 5
    for row in counts.values():
        gone = row["headers"] + row["kept"] + row["duplicates"] + row["quarantined"] + row["erased"]
        assert row["lines"] + row["unpacked"] == gone
    assert gate(people.lake, people.run, "silver")["checks"] > 0


def test_the_gate_sees_a_tombstone_that_nobody_made(people: Any) -> None:
    def forged(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["position"] == 1)
        row["payload"] = '{"clew_erased":"1-0123456789abcdef"}'

    erase(people, "cat")
    people.change("bronze.web", forged)  # its event is still in silver: one message, one fate
    assert gate(people.lake, people.run, "silver")["checks"] > 0
    people.change("silver.events", lambda rows: [row for row in rows if row["event_id"] != "web:m1"])
    with pytest.raises(Exception, match=r"every_message_of_a_line_has_a_fate|every_account_is_true"):
        gate(people.lake, people.run, "silver")


def test_readers_go_on_with_a_release_of_the_same_date(people: Any, monkeypatch: Any, capsys: Any) -> None:
    erase(people, "ann")

    monkeypatch.setenv("CLEW_HOME", str(people.lake.settings.home))
    assert run_clew(["query", "SELECT count(*) AS n FROM gold.profiles", "--format", "csv"]) == 0
    assert capsys.readouterr().out.split() == ["n", str(len(PEOPLE) - 1)]
    assert run_clew(["query", "SELECT 1 FROM gold.profiles", "--release", "1"]) == 2
    assert "release 1 was retired: its files held somebody who was erased (erasure 1)" in capsys.readouterr().err


def test_exports_lose_the_row_and_destinations_are_told(people: Any) -> None:
    certificate = erase(people, "ann")

    exports = certificate["exports"]
    assert exports["redacted"] == {"export ad_platform 1": 1, "export email_tool 1": 1}
    assert exports["retracted"] == {"ad_platform": 1, "email_tool": 1}
    assert exports["ledgers"]["ops.deliveries"] == 2
    assert problems(people.lake) == []


def test_decisions_about_the_person_go_and_the_audit_knows_why(people: Any) -> None:
    from identity.decisions import decide

    decide(people.lake, "unlink", ("account:cat", "account:gus"), reason="two people", author="sam", at=FIRST,
           as_of=RUN.as_of)  # fmt: skip
    decide(people.lake, "unlink", ("account:eve", "crm:ben"), reason="two people", author="sam", at=FIRST,
           as_of=RUN.as_of)  # fmt: skip

    erase(people, "cat")

    assert [row["decision"] for row in people.rows("identity.decisions")] == [2]
    assert problems(people.lake) == []


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
    assert not plan.path(people.lake).exists()
    assert found(people, "account:ann", "+18005550100") == []
    assert profile_id("ann") not in {row["profile_id"] for row in people.rows("gold.profiles")}
    erased = {row["source"]: row["erased"] for row in people.rows("ops.row_counts") if row["erased"]}
    assert erased == {"web": 3, "consent": 2}
    assert len({row["release"] for row in people.rows("ops.releases")}) == 2
    assert problems(people.lake) == []


def test_in_whatever_order_people_go_what_stays_is_the_same(people: Any, tmp_path: Path) -> None:
    import shutil

    left = []
    for number, order in enumerate([("ann", "ben", "gus"), ("gus", "ann", "ben")]):
        home = tmp_path / f"order{number}"
        shutil.copytree(people.lake.settings.home, home)
        lake = Lake(Settings(home=home))
        for name in order:
            forgotten.erase(lake, RUN, [profile_id(name)], reason="asked", author="sam")
        left.append(content(lake))
    assert left[0] == left[1]
    # The mailbox that Ann and Gus shared was nobody else's once both were gone.
    assert not any("ann.example" in row.lower() for rows in left[0].values() for row in rows)


def test_who_stays_has_every_row_as_before(people: Any) -> None:
    before = content(people.lake)
    named = {"account:ann", "anonymous:ann", profile_id("ann"), profile_id("ann's browser"), "web:m1", "web:m2",
             "consent:m1", "consent:m2"}  # fmt: skip

    erase(people, "ann")

    after = content(people.lake)
    for table, rows in before.items():
        kept = [row for row in rows if not any(f'"{name}"' in row for name in named)]
        if table.startswith("bronze."):
            buried = {row["position"] for row in people.rows(table) if "clew_erased" in row["payload"]}
            kept = [row for row in rows if json.loads(row)["position"] not in buried]
        assert after[table] == kept, table


def test_a_certificate_names_nobody_and_cannot_be_altered(
    people: Any, clew_in: Callable[..., int], capsys: Any
) -> None:
    erase(people, "ann")
    file = people.lake.settings.home / "certificates" / "erasure-000001.json"
    text = file.read_text(encoding="utf-8")
    assert not any(value in text for value in ("ann", "+1800", profile_id("ann")))
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert clew_in("forget", "verify", str(file)) == 0

    (people.lake.settings.landing / "web" / "copy").write_text('{"id": "anonymous:ann"}', encoding="utf-8")
    assert clew_in("forget", "verify", str(file), "--identifier", "anonymous:ANN") == 1
    assert "landing/web/copy" in capsys.readouterr().out
    assert clew_in("forget", "verify", str(file)) == 1  # by the hashes alone

    file.write_text(text.replace('"people": 1', '"people": 2'), encoding="utf-8")
    assert clew_in("forget", "verify", str(file)) == 2
    assert "the certificate does not hold" in capsys.readouterr().err


def test_the_command_names_people_as_others_do(people: Any, clew_in: Callable[..., int], capsys: Any) -> None:
    assert clew_in("forget", "phone:(800) 555-0100", "--reason", "asked", "--dry-run") == 0
    assert "nothing was changed" in capsys.readouterr().err
    assert clew_in("forget", "email:ann.example@gmail.com", "--reason", "asked") == 1  # two people read it
    assert "2 profiles hold this email" in capsys.readouterr().err
    assert clew_in("forget", "phone:(800) 555-0100") == 2
    assert "an erasure needs a reason" in capsys.readouterr().err
    assert clew_in("forget", "phone:(800) 555-0100", "--reason", "the one with +18005550100") == 2
    assert "the reason holds a value of the person" in capsys.readouterr().err
    assert clew_in("forget", "phone:(800) 555-0100", "--reason", "asked") == 0
    assert clew_in("forget", "phone:+18005550100", "--reason", "asked") == 1
    assert "this phone was erased in erasure 1" in capsys.readouterr().err


@pytest.fixture
def clew_in(people: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    for name in [name for name in os.environ if name.startswith("CLEW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLEW_HOME", str(people.lake.settings.home))
    return lambda *arguments: run_clew(list(arguments))


def test_a_profile_that_is_not_there_is_not_erased(people: Any) -> None:
    with pytest.raises(DataError, match="no record is of this profile"):
        forgotten.erase(people.lake, RUN, ["p-nobody"], reason="asked", author="sam")
    with pytest.raises(UsageError, match="needs a reason"):
        forgotten.erase(people.lake, RUN, [profile_id("ann")], reason=" ", author="sam")


class Died(BaseException):
    """What ends a process at a place of the test's choosing."""


def dies_after(people: Any, part: str) -> None:
    """An erasure of Ann that dies when a part is done and written down."""
    reported = plan.reported

    def dies(lake: Lake, made: Any, name: str, report: Any) -> Any:
        made = reported(lake, made, name, report)
        if name == part:
            raise Died
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "reported", dies)
        with pytest.raises(Died):
            erase(people, "ann")


def no_gate(lake: Lake, run: Run, staged: Path) -> dict[str, int]:
    return {"checks": 0}


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


def _retractions(people: Any) -> list[tuple[str, int]]:
    """Those retracted are named to the destination by the id that it has of them, and by nothing else."""
    folders = sorted(people.lake.settings.exports.glob("*/retractions/[0-9]*"))
    return [(path.parent.parent.name, int(path.name)) for path in folders]


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


def _lands(people: Any, record: str, **values: str) -> None:
    """A record that silver has and identity does not know yet."""
    event = next(row for row in people.rows("silver.events") if row["event_id"] == "web:m1")
    line = next(row for row in people.rows("bronze.web") if row["position"] == 1)
    place = max(row["position"] for row in people.rows("bronze.web")) + 1
    said = {"id": f"n{place}", "who": record, **values}
    people.lake.append("bronze.web", [line | {"position": place, "line": place, "payload": json.dumps(said)}])
    people.lake.append(
        "silver.events",
        [event | {"event_id": f"web:n{place}", "message_id": f"n{place}", "record_id": record, "position": place}],
    )
    people.lake.append(
        "silver.identifiers",
        [{"record_id": record, "source": "web", "identifier": kind, "value": value, "first_seen": FIRST,
          "last_seen": FIRST, "events": 1, "first_position": place, "landing": 1} for kind, value in values.items()],
    )  # fmt: skip


def test_what_landed_since_identity_was_resolved_goes_with_the_person(people: Any) -> None:
    _lands(people, "anonymous:new", phone="(800) 555-0100")

    certificate = forgotten.erase(people.lake, RUN, [profile_id("ann")], reason="asked", author="sam")

    assert certificate["kept_because_shared"]["values"] == 1  # the mailbox of Ann and Gus, and not her number
    assert {"phone", "record", "token"} <= set(certificate["hashes"])
    assert found(people, "anonymous:new", "(800) 555-0100", "+18005550100") == []


def test_a_record_that_may_be_of_two_people_is_resolved_before_either_is_erased(people: Any) -> None:
    _lands(people, "anonymous:new", phone="800-555-0100", email="cat@example.com")

    with pytest.raises(DataError, match="1 records hold a value of theirs and one of somebody else"):
        forgotten.erase(people.lake, RUN, [profile_id("ann")], reason="asked", author="sam", without_release=True)

    assert not plan.path(people.lake).exists()


def test_what_came_since_the_release_stays_live_and_readers_see_the_release_without_the_person(people: Any) -> None:
    _lands(people, "anonymous:new", phone="+18005550177")
    since = people.rows("silver.identifiers")

    erase(people, "ann")

    assert found(people, *OF_ANN) == []
    latest = latest_release(people.lake)
    assert latest == 2
    versions = release_tables(people.lake, latest)
    shown = people.lake.arrow("silver.identifiers", version=versions["silver.identifiers"]).to_pylist()
    assert {row["record_id"] for row in shown} == {
        "account:gus",
        "crm:ben",
        "account:fay",
        "account:cat",
        "mailbox:0123456789abcdef",
    }
    new = [row for row in since if row["record_id"] == "anonymous:new"]
    assert [row for row in people.rows("silver.identifiers") if row not in shown] == new
    newer = {table for table in versions if versions[table] != people.lake.version(table)}
    assert newer == {"silver.events", "silver.identifiers"}


@pytest.mark.parametrize("part", ["rows", "older", "purged"])
def test_an_erasure_that_died_beside_a_table_that_went_on_is_finished(people: Any, part: str) -> None:
    _lands(people, "anonymous:new", phone="+18005550177")
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


def test_where_a_run_died_before_its_release_readers_are_left_without_only_if_asked(people: Any) -> None:
    people.change("gold.profiles", lambda rows: rows[1:])

    with pytest.raises(DataError, match="a run changed identity or gold and released nothing") as refused:
        erase(people, "ann")
    assert "--without-release" in str(refused.value.do)
    assert not plan.path(people.lake).exists()
    assert latest_release(people.lake) == 1

    forgotten.erase(people.lake, RUN, [profile_id("ann")], reason="asked", author="sam", without_release=True)
    assert latest_release(people.lake) is None


def test_a_hold_on_a_source_keeps_only_who_has_messages_of_it(people: Any) -> None:
    holds.add(people.lake, source="shop", reason="a tax case", author="sam")
    erase(people, "ann")
    holds.add(people.lake, source="web", reason="a fraud case", author="sam")
    with pytest.raises(DataError, match="hold 2 on source web: a fraud case") as refused:
        erase(people, "ben")
    assert "hold 1" not in str(refused.value)


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
    reported = plan.reported

    def dies(lake: Lake, made: Any, name: str, report: Any) -> Any:
        made = reported(lake, made, name, report)
        if name == part:
            raise Died
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "reported", dies)
        with pytest.raises(Died):
            forgotten.on_request(people.lake, RUN, "may.txt", "requests of May")
    assert "+18005550100" in request.read_text(encoding="utf-8")

    counts = forgotten.on_request(people.lake, RUN, "may.txt", "requests of May")

    assert counts["people"] == 1
    assert counts["rows"] > 0
    assert not request.exists()
    assert not plan.path(people.lake).exists()
