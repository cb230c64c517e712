"""The sandbox's landing files: stable, split by day, faithful to the real purchases, dirty on purpose."""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
import yaml

from contracts.errors import UsageError
from contracts.records import record_id
from identity.truth import read_truth
from sandbox import shop
from sandbox.clock import FIRST_DAY, LAST_DAY, Window, local_day
from sandbox.generate import generate
from sandbox.groups import groups
from sandbox.real import RealData
from sandbox.world import World

HOUSEHOLDS = 12
YEAR_BUT_A_DAY = date(2017, 12, 30)
EVENTS = Path(__file__).parents[2] / "contracts" / "events"
NAMES_OF_TYPES = {
    "identify": "customer_identified", "page": "page_viewed", "screen": "screen_viewed", "group": "group_joined",
    "alias": "id_aliased",
}  # fmt: skip
EVENTS_OF_KINDS = {"purchase": "item_purchased", "return": "item_returned"}
NAMES_OF_WEBHOOKS = {
    "delivered": "email_delivered", "open": "email_opened", "click": "email_clicked",
    "unsubscribe": "email_unsubscribed",
}  # fmt: skip


def write(folder: Path, since: date = FIRST_DAY, until: date = LAST_DAY, seed: int = 20170101) -> Path:
    generate(folder / "landing", folder / "truth", HOUSEHOLDS, seed, since, until)
    return folder / "landing"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Landing 1: the year without its last day."""
    return write(tmp_path_factory.mktemp("first"), until=YEAR_BUT_A_DAY)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Landing 1, then landing 2 into the same folder."""
    folder = tmp_path_factory.mktemp("both")
    write(folder, until=YEAR_BUT_A_DAY)
    return write(folder, since=LAST_DAY)


def files(landing: Path) -> dict[str, bytes]:
    found = (path for path in sorted(landing.rglob("*")) if path.is_file() and path.suffix != ".tmp")
    return {str(path.relative_to(landing)): path.read_bytes() for path in found if path.name != ".sandbox.json"}


def manifest(landing: Path) -> dict[str, Any]:
    return json.loads((landing / ".sandbox.json").read_text())


def lines(landing: Path, source: str) -> Iterator[bytes]:
    for name, data in files(landing).items():
        if name.startswith(f"{source}/"):
            content = gzip.decompress(data) if name.endswith(".gz") else data
            yield from content.splitlines()[1 if ".csv" in name else 0 :]


def messages(landing: Path, source: str) -> Iterator[dict[str, Any]]:
    for line in lines(landing, source):
        try:
            read = json.loads(line)
        except ValueError:
            continue
        yield from read if isinstance(read, list) else read.get("batch", [read])


def purchases(landing: Path, kind: str = "purchase") -> list[dict[str, str]]:
    """Return the good lines of a kind: damaged copies carry line numbers that no basket has."""
    texts = (line.decode(errors="replace") for line in lines(landing, "shop"))
    rows = [dict(zip(shop.COLUMNS, cells, strict=False)) for cells in csv.reader(texts)]
    kept = [r for r in rows if r["kind"] == kind and len(r) == len(shop.COLUMNS) and int(r["line"]) < 900]
    return list({(row["basket_id"], row["line"]): row for row in reversed(kept)}.values())


def test_what_is_brought_back_was_bought_with_that_receipt_at_most_three_weeks_before(both: Path) -> None:
    bought = {(row["basket_id"], row["product_id"]): row for row in purchases(both)}
    back = purchases(both, "return")
    assert back
    for row in back:
        before = bought[row["basket_id"], row["product_id"]]
        days = (datetime.fromisoformat(row["purchased_at"]) - datetime.fromisoformat(before["purchased_at"])).days
        assert 0 <= days <= 21
        assert (row["sales_value"], row["loyalty_card"]) == (before["sales_value"], before["loyalty_card"])


def test_some_click_one_button_again_and_again_after_an_error(both: Path) -> None:
    clicks: dict[str, list[float]] = {}
    for message in messages(both, "web"):
        if str(message.get("event")).lower().replace(" ", "_") == "element_clicked":
            at = datetime.fromisoformat(str(message["timestamp"])).timestamp()
            clicks.setdefault(f"{message['anonymousId']} {message['properties']['element']}", []).append(at)
    bursts = [(a, c) for times in map(sorted, clicks.values()) for a, c in zip(times, times[2:], strict=False)]
    assert any(third - first <= 3 for first, third in bursts)


def test_the_same_seed_writes_the_same_bytes(first: Path, tmp_path: Path) -> None:
    assert files(write(tmp_path, until=YEAR_BUT_A_DAY)) == files(first)


def test_another_seed_makes_other_people(first: Path, tmp_path: Path) -> None:
    again = write(tmp_path, until=date(2017, 1, 31), seed=7)
    assert not set(lines(again, "crm")) & set(lines(first, "crm"))


def test_landing_2_leaves_landing_1_as_it_was_and_adds_a_file_a_source(first: Path, both: Path) -> None:
    before, after = files(first), files(both)
    assert {name: after[name] for name in before} == before
    added = set(after) - set(before)
    assert added
    assert all("2017-12-31" in name for name in added)
    assert len({name.split("/")[0] for name in added}) == len(added)


def test_the_two_landings_share_no_message_but_what_is_sent_again(first: Path, both: Path) -> None:
    earlier = Counter(m["messageId"] for m in messages(first, "app") if "messageId" in m)
    everything = Counter(m["messageId"] for m in messages(both, "app") if "messageId" in m)
    later = everything - earlier
    shared = set(later) & set(earlier)
    assert later
    assert len(shared) <= 3


def test_some_events_of_earlier_days_come_only_in_landing_2(both: Path) -> None:
    facts = [f for name, f in manifest(both)["files"].items() if "2017-12-31" in name]
    assert sum(f["dirt"].get("late", 0) for f in facts) > 0


def test_every_real_purchase_is_there_once_and_no_cent_is_lost(both: Path) -> None:
    real = RealData(HOUSEHOLDS, 20170101).frame("select count(*) as n, sum(sales_value) as paid from transactions")
    kept = purchases(both)
    # A conflicting copy of a line comes after it, so the first one of each id is the real one.
    assert len(kept) == int(real["n"][0])
    assert sum(round(float(row["sales_value"]) * 100) for row in kept) == round(float(real["paid"][0]) * 100)


def test_every_real_mailing_and_redemption_is_there(both: Path) -> None:
    real = RealData(HOUSEHOLDS, 20170101)
    delivered = {
        m["sg_event_id"] for m in messages(both, "email")
        if m.get("event") == "delivered" and len(m.get("sg_event_id", "")) == 22 and "campaign_id" in m
    }  # fmt: skip
    redeemed = {line for line in lines(both, "shop") if line.startswith(b"redemption,") and line.count(b",") == 15}
    assert len(delivered) == len(real.mailings())
    assert len(redeemed) == len(real.redemptions()) > 0


def test_every_event_of_the_dictionary_occurs(both: Path) -> None:
    wanted = {yaml.safe_load(path.read_text())["event"] for path in EVENTS.rglob("*.yml")}
    seen = {name for kind, name in EVENTS_OF_KINDS.items() if purchases(both, kind)} | {"coupon_redeemed"}
    for source in ("web", "app"):
        for message in messages(both, source):
            kind = str(message.get("type"))
            seen.add(NAMES_OF_TYPES.get(kind) or str(message.get("event")).lower().replace(" ", "_"))
    seen |= {NAMES_OF_WEBHOOKS.get(str(m.get("event")), "") for m in messages(both, "email")}
    seen |= {f"ticket_{m.get('status')}" for m in messages(both, "support")}
    seen |= {"consent_changed" for _ in messages(both, "consent")}
    assert wanted - seen == set()


def test_every_kind_of_dirt_occurs_and_is_counted(both: Path) -> None:
    assert set(manifest(both)["dirt"]) == {
        "late", "exact_duplicate", "conflicting_duplicate", "malformed", "truncated", "unknown_event", "wrong_type",
        "missing_property", "missing_id", "far_future", "offset_format", "epoch_millis", "invalid_utf8", "emoji",
        "non_latin", "empty_file", "gz_file", "unfinished_file", "batch_line", "array_line",
    }  # fmt: skip
    undecodable = 0
    for source in ("web", "app", "shop", "crm", "email", "support", "consent"):
        for line in lines(both, source):
            try:
                line.decode()
            except UnicodeDecodeError:
                undecodable += 1
    assert undecodable == manifest(both)["dirt"]["invalid_utf8"]
    assert list((both / "web").glob("*.tmp"))


def test_the_manifest_and_the_summary_count_the_lines_of_each_file(both: Path) -> None:
    summary = json.loads((both.parent / "truth" / "summary.json").read_text())
    for name, data in files(both).items():
        source, file = name.split("/")
        content = gzip.decompress(data) if name.endswith(".gz") else data
        assert summary["lines_per_file"][source][file] == content.count(b"\n")
        assert manifest(both)["files"][name]["lines"] == content.count(b"\n")


def test_the_truth_names_the_records_that_occur_and_only_those(both: Path) -> None:
    key = b"a key for tests"
    truth = set(read_truth(both.parent / "truth", key)["record_id"].to_pylist())
    occurring = {record_id("loyalty", row["loyalty_card"], key) for row in purchases(both) if row["loyalty_card"]}
    for source in ("web", "app"):
        for message in messages(both, source):
            if message.get("userId"):
                occurring.add(record_id("account", message["userId"], key))
            elif message.get("anonymousId") and message.get("messageId"):
                occurring.add(record_id("anonymous", message["anonymousId"], key))
    kinds = {"loyalty", "account", "anonymous"}
    # An id damaged by a wrong byte is not decodable and a copy without user id speaks of the same people.
    named = {record for record in truth if record.split(":")[0] in kinds}
    assert occurring <= named
    consented = {m.get("anonymous_id") or m.get("user_id") for m in messages(both, "consent")}
    assert {record.split(":", 1)[1] for record in named - occurring} <= consented


def test_files_of_others_stay_and_own_files_of_another_world_go(tmp_path: Path) -> None:
    landing = write(tmp_path, until=date(2017, 2, 28))
    (landing / "web" / "mine.jsonl").write_text("{}\n")
    write(tmp_path, until=date(2017, 1, 31), seed=7)
    assert (landing / "web" / "mine.jsonl").read_text() == "{}\n"
    assert not (landing / "web" / "web-2017-02.jsonl").exists()
    assert set(files(landing)) - {"web/mine.jsonl"} == {
        name for name, facts in manifest(landing)["files"].items() if not facts["is_unfinished"]
    }


def test_a_household_lives_the_same_year_in_a_larger_sample() -> None:
    small, large = World(4, 1), World(8, 1)
    assert [p.person_id for p in small.people] == [p.person_id for p in large.people][: len(small.people)]
    assert [p.email for p in small.people] == [p.email for p in large.people][: len(small.people)]


def test_phone_numbers_are_valid_and_mailboxes_and_cards_belong_to_one_household() -> None:
    people = World(300, 20170101).people
    numbers = {number for person in people for _, number in person.phones}
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number, "US")) for number in numbers)
    cards = [person.card for person in people if person.card]
    assert len(cards) == len(set(cards))
    mailboxes = Counter(email for email, _ in {(person.email, person.household) for person in people})
    assert mailboxes.most_common(1)[0][1] == 1
    assert any(person.phone(10**14) == other.phones[0][1] for person in people for other in people
               if person.household != other.household)  # fmt: skip


def test_days_are_local_and_parts_cover_a_window_without_overlap() -> None:
    window = Window(FIRST_DAY, YEAR_BUT_A_DAY)
    parts = window.parts()
    assert parts[0].start == window.start
    assert parts[-1].end == window.end == Window(LAST_DAY, LAST_DAY).start
    assert all(left.end == right.start for left, right in pairwise(parts))
    assert len({part.label() for part in parts}) == 12
    assert local_day(window.end - 1) == YEAR_BUT_A_DAY


def test_the_truth_says_which_people_are_hard_to_tell_apart() -> None:
    world = World(300, 20170101)
    told: dict[str, set[str]] = {}
    for row in groups(world).to_pylist():
        if row["dimension"] == "circumstance":
            told.setdefault(row["value"], set()).add(row["person_id"])
    by_id = {person.person_id: person for person in world.people}
    assert {"twin", "married, name changed", "shared mailbox", "moved", "name in two scripts"} <= set(told)
    for household in {by_id[name].household for name in told["twin"]}:
        elder, younger = world.by_household[household][-2:]
        assert (elder.birth_date, elder.last_name) == (younger.birth_date, younger.last_name)
    for name in told["married, name changed"]:
        bride = by_id[name]
        assert bride.surname(bride.married_at - 1) != bride.surname(bride.married_at) == bride.last_name


def test_days_outside_the_year_and_truth_in_the_landing_zone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        generate(tmp_path / "landing", tmp_path / "truth", 1, since=date(2016, 12, 31))
    with pytest.raises(UsageError):
        generate(tmp_path / "landing", tmp_path / "landing" / "truth", 1)
