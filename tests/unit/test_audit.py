"""The audit: a chain in which every later change shows, and which a process may die in at any moment."""

import datetime
import hashlib
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from activation.export import export_all
from activation.verify import verify
from clew.audited import problems
from identity.decisions import decide
from identity.model import load_model, save_model
from lakehouse import audit
from lakehouse.audit import Act, Entry
from lakehouse.errors import DataError, UsageError
from lakehouse.lake import Lake
from lakehouse.rotation import rotate
from lakehouse.seal import known_keys, public_key, sealed, signature
from lakehouse.settings import Settings
from tests.conftest import SmallLake
from tests.unit.test_export import open_gate

FIRST = [Act("release", f"release {number}", "as of 2017-12-30", f"{number:064}") for number in (1, 2)]
LATER = [Act("decision", "decision 1", "link", "d" * 64, "sam"), Act("decision", "decision 2", "unlink", "e" * 64)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(Settings(home=tmp_path, author_name="ann"))
    assert audit.note(made, FIRST) == 2
    assert audit.note(made, LATER) == 2
    return made


def broken(lake: Lake, known: list[Entry]) -> list[str]:
    return list(audit.broken_links(lake, known))


def notes(lake: Lake, entry: int, hashed: str) -> None:
    """Leave the note of the newest entry as a process left it that died right after."""
    noted = {"entry": entry, "hash": hashed}
    audit.head_of(lake.settings).write_text(json.dumps(noted | {"signature": signature(lake.settings, noted)}))


def test_an_act_is_written_down_once_with_who_did_it_and_chained_to_the_one_before(lake: Lake) -> None:
    assert audit.note(lake, [*FIRST, *LATER]) == 0
    known = audit.entries(lake)
    assert [(item.entry, item.actor, item.subject) for item in known] == [
        (1, "ann", "release 1"),
        (2, "ann", "release 2"),
        (3, "sam", "decision 1"),
        (4, "ann", "decision 2"),
    ]
    assert [item.previous for item in known] == [audit.NOTHING_BEFORE, *(item.hash for item in known[:-1])]
    assert broken(lake, known) == []


def test_acts_without_a_name_of_their_own_are_numbered_also_when_noted_at_once(lake: Lake) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: audit.note_numbered(lake, Act("access", "", "2 records", "f" * 64)), range(4)))
    assert sorted(made) == ["access 1", "access 2", "access 3", "access 4"]
    assert [item.subject for item in audit.entries(lake)[4:]] == sorted(made)
    assert broken(lake, audit.entries(lake)) == []


def test_a_contract_that_changes_and_changes_back_is_written_down_each_time(lake: Lake) -> None:
    for fingerprint in "aabba":
        audit.note(lake, [Act("contract", "identity.yml", "version 1-0-0", fingerprint)])
    assert [item.fingerprint for item in audit.entries(lake)[4:]] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda known: [known[0], *known[2:]], "entry 2 is missing: 3 follows 1"),
        (lambda known: known[1:], "entry 1 is missing: 2 follows nothing"),
        (lambda known: known[:-1], "entry 4, noted as the newest, is not in the audit"),
        (lambda known: [], "entry 4, noted as the newest, is not in the audit"),
        (lambda known: [*known[:3], replace(known[3], subject="decision 9")], "entry 4 was altered"),
        (lambda known: [known[0], replace(known[1], hash=known[0].hash), *known[2:]], "entry 2 was altered"),
        (lambda known: [known[0], known[1], replace(known[3], entry=3), known[3]], "entry 3 does not follow"),
    ],
    ids="removed first end all altered hash moved".split(),
)
def test_what_was_removed_altered_or_moved_is_found(
    lake: Lake, change: Callable[[list[Entry]], list[Entry]], says: str
) -> None:
    assert says in "\n".join(broken(lake, change(audit.entries(lake))))


def test_a_chain_made_anew_without_the_key_is_found(lake: Lake, tmp_path: Path) -> None:
    forger = Lake(Settings(home=tmp_path / "forger", signing_secret=SecretStr("33" * 32)))
    audit.note(forger, [FIRST[0], LATER[1]])
    found = broken(lake, audit.entries(forger))
    assert found[:2] == [f"entry {number} is not signed with the key of this workspace" for number in (1, 2)]
    assert "noted as the newest" in found[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, list[Entry]]:
    made = Lake(Settings(home=tmp_path_factory.mktemp("audit")))
    audit.note(made, [*FIRST, *LATER])
    return made, audit.entries(made)


@given(st.integers(0, 3), st.sampled_from(sorted({*asdict(FIRST[0])} - {"former"})), st.text(max_size=4))
def test_no_word_of_an_entry_can_be_changed(whole: Any, place: int, name: str, value: str) -> None:
    lake, known = whole
    altered = [*known[:place], replace(known[place], **{name: value}), *known[place + 1 :]]
    assert bool(broken(lake, altered)) is (altered != known)


def test_nothing_is_written_down_after_entries_were_cut_off_so_that_the_loss_stays_to_be_seen(lake: Lake) -> None:
    lake.overwrite(audit.TABLE, [asdict(item) for item in audit.entries(lake)[:-1]])
    with pytest.raises(DataError, match="entry 4, noted as the newest"):
        audit.note(lake, [Act("release", "release 3", "", "3" * 64)])


@pytest.mark.parametrize("signed", [None, "", "of another entry"])
def test_a_note_of_the_newest_entry_made_without_the_key_does_not_hide_a_cut(lake: Lake, signed: str | None) -> None:
    head = audit.head_of(lake.settings)
    known = audit.entries(lake)
    lake.overwrite(audit.TABLE, [asdict(item) for item in known[:-1]])
    forged = {"entry": 3, "hash": known[2].hash}
    if signed is not None:
        forged["signature"] = json.loads(head.read_text())["signature"] if signed else ""
    head.write_text(json.dumps(forged))
    says = "the note of the newest entry is not signed with the key of this workspace"
    assert says in "\n".join(broken(lake, audit.entries(lake)))
    with pytest.raises(DataError, match=says):
        audit.note(lake, [Act("release", "release 3", "", "3" * 64)])


def test_a_process_that_died_before_the_note_of_the_newest_entry_leaves_no_doubt(lake: Lake) -> None:
    head = lake.settings.state / audit.HEAD
    before = head.read_bytes()
    audit.note(lake, [Act("release", "release 3", "", "3" * 64)])
    head.write_bytes(before)
    assert broken(lake, audit.entries(lake)) == []
    assert audit.note(lake, [Act("release", "release 4", "", "4" * 64)]) == 1


def test_a_process_that_died_in_the_first_entry_of_all_leaves_no_doubt(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    audit.note(lake, FIRST)
    notes(lake, 0, audit.NOTHING_BEFORE)
    assert broken(lake, audit.entries(lake)) == []


@pytest.fixture
def done(small: Any) -> Any:
    """A small lake with a decision, a release and its exports, all written down."""
    at = datetime.datetime(2018, 1, 1, tzinfo=datetime.UTC)
    pair = ("account:ann", "account:gus")
    decide(small.lake, "link", pair, reason="the same", author="sam", at=at, as_of=at.date())
    small.release()
    export_all(small.lake, small.run, open_gate)
    return small


def test_decisions_contracts_releases_and_exports_are_written_down_as_they_happen(done: Any) -> None:
    known = audit.entries(done.lake)
    assert [(item.actor, item.subject) for item in known if item.action != "contract"] == [
        ("sam", "decision 1"),
        *((done.lake.settings.author, what) for what in ("release 1", "export ad_platform 1", "export email_tool 1")),
    ]
    written = {item.subject: item.fingerprint for item in known if item.action == "contract"}
    declared = set(done.lake.settings.contracts.rglob("*.yml"))
    assert written.keys() == {path.relative_to(done.lake.settings.contracts).as_posix() for path in declared}
    assert written.keys() >= {"roles.yml", "consent/caps.yml", "sources/email.yml", "tables/silver/consents.yml"}
    content = (done.lake.settings.contracts / "roles.yml").read_bytes()
    assert written["roles.yml"] == hashlib.sha256(content).hexdigest()
    assert problems(done.lake) == []


def subjects_since(lake: Lake, entry: int) -> list[tuple[str, str]]:
    return [(item.subject, item.detail) for item in audit.entries(lake)[entry:] if item.action == "contract"]


def test_the_next_release_writes_down_the_declarations_that_changed_and_those_taken_away(
    done: Any, tmp_path: Path
) -> None:
    lake, contracts = done.lake, tmp_path / "contracts"
    shutil.copytree(lake.settings.contracts, contracts)
    done.lake = Lake(lake.settings.model_copy(update={"contracts": contracts}))
    before = len(audit.entries(done.lake))
    done.release()
    assert subjects_since(done.lake, before) == []
    path = contracts / "sources" / "email.yml"
    path.write_text(path.read_text().replace("retention_days: 730", "retention_days: 7"))
    (contracts / "consent" / "caps.yml").unlink()
    done.release()
    assert subjects_since(done.lake, before) == [
        ("sources/email.yml", "version 1-0-0"), ("consent/caps.yml", "taken away")
    ]  # fmt: skip
    before = len(audit.entries(done.lake))
    done.release()
    assert subjects_since(done.lake, before) == []
    assert problems(done.lake) == []


def test_a_workspace_of_before_has_the_present_declarations_written_down_once(small: Any) -> None:
    audit.note(small.lake, [Act("contract", "identity.yml", "version 1-0-0", "as an earlier version told it")])
    small.release()
    small.release()
    subjects = [item.subject for item in audit.entries(small.lake) if item.action == "contract"]
    assert subjects.count("identity.yml") == 2
    assert len(subjects) == len(set(subjects)) + 1


def test_a_model_altered_or_taken_away_is_found_until_the_next_release_writes_that_down(done: Any) -> None:
    shipped, models = load_model("customers-1"), done.lake.settings.models
    path = save_model("customers-1", shipped, models)
    of_version = f"models/{shipped.version}.json"
    never = "was never written down; if a process died there, the next release does it"
    assert problems(done.lake) == [f"{of_version} {never}", f"models/customers-1.json {never}"]
    done.release()
    assert problems(done.lake) == []
    number = {item.subject: item.entry for item in audit.entries(done.lake)}["models/customers-1.json"]
    says = f"models/customers-1.json is not what entry {number} wrote down: it was altered since"
    path.write_text(path.read_text().replace('"evaluation": {}', '"evaluation": {"forced": null}'))
    assert problems(done.lake) == [says]
    path.unlink()
    assert problems(done.lake) == [says]
    done.release()
    told = [(item.subject, item.detail) for item in audit.entries(done.lake) if item.action == "model"]
    as_found = f"{shipped.version}, as found"
    assert told == [
        (of_version, as_found), ("models/customers-1.json", as_found), ("models/customers-1.json", "taken away")
    ]  # fmt: skip
    assert problems(done.lake) == []


def test_a_decision_altered_or_removed_behind_the_audit_is_found(done: Any) -> None:
    done.change("identity.decisions", lambda rows: [row | {"reason": "another"} for row in rows])
    assert problems(done.lake) == ["decision 1 is not what entry 1 wrote down: it was altered since"]
    done.change("identity.decisions", lambda rows: [])
    assert problems(done.lake) == ["decision 1, written down in entry 1, is there no more"]


def test_a_release_put_in_past_the_audit_is_found_and_written_down_by_the_next(done: Any) -> None:
    first = [row for row in done.rows("ops.releases") if row["release"] == 1]
    done.lake.append("ops.releases", [row | {"release": 2} for row in first])
    assert problems(done.lake) == [
        "release 2 was never written down; if a process died there, the next release does it"
    ]
    done.release()
    assert problems(done.lake) == []


def test_an_export_altered_with_its_manifest_is_found(done: Any) -> None:
    path = done.lake.settings.exports / "email_tool" / "000001" / "manifest.json"
    path.write_text(path.read_text().replace('"rows": 1', '"rows": 2'))
    entry = audit.entries(done.lake)[-1].entry
    assert problems(done.lake) == [f"export email_tool 1 is not what entry {entry} wrote down: it was altered since"]


def test_an_export_whose_manifest_is_cut_off_is_named(done: Any) -> None:
    path = done.lake.settings.exports / "email_tool" / "000001" / "manifest.json"
    path.write_text(path.read_text()[:40])
    done.change("identity.decisions", lambda rows: [])
    assert problems(done.lake) == [
        "export email_tool 1: the manifest of an export cannot be read: it was altered or cut off",
        "decision 1, written down in entry 1, is there no more",
    ]


def test_an_export_taken_away_and_made_anew_is_written_down_again_and_holds(done: Any) -> None:
    from activation.export import export

    shutil.rmtree(done.lake.settings.exports / "email_tool" / "000001")
    declared = done.lake.contracts.destinations
    declared["email_tool"] = declared["email_tool"].model_copy(update={"owner": "sales"})
    export(done.lake, done.run, "email_tool", open_gate)
    assert [item.subject for item in audit.entries(done.lake)][-2:] == ["export email_tool 1"] * 2
    assert problems(done.lake) == []


def test_what_a_process_left_unwritten_is_written_down_by_the_next_as_of_nobody_known(done: Any) -> None:
    known = audit.entries(done.lake)
    done.lake.overwrite(audit.TABLE, [asdict(item) for item in known[:-1]])
    notes(done.lake, known[-2].entry, known[-2].hash)
    missing = "export email_tool 1 was never written down; if a process died there, the next export does it"
    assert problems(done.lake) == [missing]
    export_all(done.lake, done.run, open_gate)
    last = audit.entries(done.lake)[-1]
    assert (last.subject, last.actor) == (
        "export email_tool 1",
        f"not known, written down later by {done.lake.settings.author}",
    )
    assert problems(done.lake) == []


def test_nothing_is_decided_released_or_exported_that_could_not_be_written_down(done: Any) -> None:
    audit.head_of(done.lake.settings).unlink()
    before = done.rows("ops.releases"), done.rows("identity.decisions")
    at = datetime.datetime(2018, 1, 1, tzinfo=datetime.UTC)
    with pytest.raises(DataError, match="the note of the newest entry is missing"):
        decide(done.lake, "link", ("account:ann", "crm:ben"), reason="x", author="sam", at=at, as_of=at.date())
    with pytest.raises(DataError, match="the note of the newest entry is missing"):
        done.release()
    shutil.rmtree(done.lake.settings.exports)
    with pytest.raises(DataError, match="the note of the newest entry is missing"):
        export_all(done.lake, done.run, open_gate)
    assert (done.rows("ops.releases"), done.rows("identity.decisions")) == before
    assert not list(done.lake.settings.exports.rglob("*.csv"))


def test_the_note_that_a_first_process_left_behind_is_brought_up_by_the_next_that_looks(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    audit.note(lake, FIRST)
    notes(lake, 0, audit.NOTHING_BEFORE)
    assert audit.note(lake, FIRST) == 0
    lake.overwrite(audit.TABLE, [asdict(item) for item in audit.entries(lake)[:1]])
    assert "entry 2, noted as the newest" in "\n".join(broken(lake, audit.entries(lake)))


def test_a_new_key_leaves_the_chain_and_what_the_old_one_sealed_to_be_proved(done: Any) -> None:
    old, new = rotate(done.lake)
    later = SmallLake(done.lake.settings.home)
    assert (old, public_key(later.lake.settings)) == (public_key(done.lake.settings), new)
    audit.note(later.lake, [Act("release", "release 9", "", "9" * 64)])
    assert broken(later.lake, audit.entries(later.lake)) == []
    folder = later.lake.settings.exports / "email_tool" / "000001"
    assert verify(folder, known_keys(later.lake.settings), later.lake).problems == ()
    manifest = json.loads((folder / "manifest.json").read_text()) | {"owner": "somebody"}
    (folder / "manifest.json").write_text(json.dumps(sealed(done.lake.settings, manifest)))
    assert verify(folder, known_keys(later.lake.settings), later.lake).problems == (
        "the manifest: it was sealed with a former key, and not written down while that was the key",
    )


@pytest.mark.parametrize("left", ["next", "entry", "list"])
def test_a_change_of_the_key_that_was_cut_off_is_finished_by_the_next(done: Any, left: str) -> None:
    settings = done.lake.settings
    first = (settings.state / "signing.key").read_text()
    _, new = rotate(done.lake)
    (settings.state / "signing.key").rename(settings.state / "signing.key.next")
    (settings.state / "signing.key").write_text(first)
    (settings.state / "signing.key").chmod(0o600)
    if left != "list":
        (settings.state / "former.keys").unlink()
    if left == "next":
        known = audit.entries(done.lake)
        done.lake.overwrite(audit.TABLE, [asdict(item) for item in known[:-1]])
        notes(Lake(Settings(home=settings.home, signing_secret=SecretStr(first))), known[-2].entry, known[-2].hash)
    cut_off = SmallLake(settings.home).lake
    with pytest.raises(UsageError, match="was cut off"):
        audit.note(cut_off, [Act("release", "release 9", "", "9" * 64)])
    assert rotate(SmallLake(settings.home).lake)[1] == new
    after = SmallLake(settings.home).lake
    assert broken(after, audit.entries(after)) == []
