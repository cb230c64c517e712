"""Hostile input: one bad line costs one line, whatever is in it, and nothing that it says is done."""

import json
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import Contracts
from tests.hostile import corpus
from tests.spark.conftest import copy_contracts
from tests.spark.pipeline import put, recount, rows, run

EXPANDED = 100_000
KEY, WORD = "it's \\ `x` {{ 1/0 }} ${env:HOME}", "a'b\\ {% raw %} ${env:HOME} $1 {batch}"
"""A property and an allowed value as only a hostile or a careless author of a contract would have them."""


def _with_small_archives(lake, folder: Path) -> None:
    web = copy_contracts(folder) / "sources" / "web.yml"
    web.write_text(web.read_text() + f"limits: {{max_expanded_bytes: {EXPANDED}}}\n")
    event = folder / "events" / "digital" / "product_viewed.yml"
    rule = json.dumps({KEY: {"about": "hostile text", "allowed": [WORD]}})[1:-1]
    event.write_text(event.read_text().replace("properties:\n", f"properties:\n  {rule}\n"))
    lake.contracts = Contracts(folder)


def _codes(lake) -> dict[tuple[str, int], str]:
    """What became of each line, by file and line: kept, header, duplicate, or the codes of its refusal."""
    fates: dict[tuple[str, int], str] = {}
    for source in ("web", "shop"):
        places = {position: (file, line) for position, file, line in
                  rows(lake, f"bronze.{source}", "position", "file", "line")}  # fmt: skip
        fates |= dict.fromkeys(places.values(), "header")
        for table, fate in (("events", "kept"), ("duplicates", "duplicate")):
            for of, position in rows(lake, f"silver.{table}", "source", "position"):
                if of == source:
                    fates[places[position]] = fate
        for of, position, reasons in rows(lake, "silver.quarantine", "source", "position", "reasons"):
            if of == source:
                fates[places[position]] = "|".join(reason.split(":")[0] for reason in reasons)
    return fates


def test_every_line_of_the_corpus_becomes_what_it_should_and_harms_no_other(lake, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    _with_small_archives(lake, tmp_path / "contracts")
    # So that every line is asked for somebody who was erased.
    lake.append("ops.erased", [{"namespace": "record", "hash": "0" * 64, "erasure": 1}])
    web, shop = list(corpus.json_lines()), list(corpus.csv_lines())
    put(lake, "web/corpus.jsonl", *(line.text for line in web))
    put(lake, "shop/corpus.csv", corpus.SHOP, *(line.text for line in shop))
    put(lake, "shop/broad.csv", corpus.SHOP + "".join(f",c{n}" for n in range(100_000)), corpus.purchase("b") + b",")
    put(lake, "shop/endless.csv", corpus.SHOP.encode() + b"," * 2_000_000, corpus.purchase("e"))
    put(lake, "shop/old-mac.csv", corpus.SHOP.encode() + b"\r" + corpus.purchase("m") + b"\r" + corpus.purchase("n"))
    put(lake, "shop/empty.csv")
    for name in corpus.NAMES:
        put(lake, f"web/{name}", corpus.message(f"in {name}"))
    put(lake, "web/_day=1/x.jsonl", corpus.message("hidden"))
    put(lake, "web/_a=b.jsonl", corpus.message("hidden"))
    put(lake, "web/contract.jsonl", *(
        corpus.message(f"says {word}", properties={"product_id": "1", KEY: word}) for word in (WORD, "other")
    ))  # fmt: skip
    things = corpus.odd_things(lake.settings.landing / "web", EXPANDED)
    for name, make in things.items():
        make(lake.settings.landing / "web" / name)
    corpus.nest(lake.settings.landing / "web" / "deep", 40)
    (lake.settings.landing / "app").symlink_to("/etc")
    (lake.settings.landing / "crm").write_text("no folder")
    counts = run(lake, "r1")

    fates = _codes(lake)
    wrong = {}
    for file, lines, first in (("web/corpus.jsonl", web, 1), ("shop/corpus.csv", shop, 2)):
        for number, line in enumerate(lines, start=first):
            found = fates[(file, number)]
            if line.fate and not set(line.fate.split("|")) & set(found.split("|")):
                wrong[line.name] = (line.fate, found)
    assert wrong == {}
    assert counts["lines"] == len(web) + len(shop) + 1 + 2 + 2 + 1 + 2 + len(corpus.NAMES) + len(things) + 1
    assert {fates[(f"web/{name}", 1)] for name in corpus.NAMES} == {"kept"}
    assert all(fates[(f"shop/{name}.csv", 1)] == "wrong_header" for name in ("broad", "old-mac"))
    assert (
        sum(fate == "unreadable_file" for fate in fates.values()) == len(things) + 2
    )  # and what lies too deep, and a forged one
    assert [fates[("web/contract.jsonl", line)] for line in (1, 2)] == ["kept", "value_not_allowed"]
    told = rows(lake, "silver.quarantine", "message_id", "reasons")
    assert [reasons for name, reasons in told if name == "says other"] == [
        [f"value_not_allowed: properties.{KEY} is none of {WORD}"]
    ]
    assert recount(lake) == []
    (landed,) = [row for row in lake.arrow("ops.runs").to_pylist() if row["step"] == "land" and row["seconds"]]
    assert "landing/app is a link" in landed["message"]
    assert "landing/crm is no folder" in landed["message"]
    assert not (tmp_path / "clew_was_here").exists()
    passwd = Path("/etc/passwd").read_text().splitlines()[0]
    assert passwd not in {payload for (payload,) in rows(lake, "bronze.web", "payload")}
    kept = {name for (name,) in rows(lake, "silver.events", "message_id")}
    assert "hidden" not in kept
    sent = {name: sent for name, sent in rows(lake, "silver.events", "message_id", "sent_at") if name}
    assert (sent["sent-in-year-0"], sent["sent-beyond"]) == (None, None)


_TOKENS = st.sampled_from(
    [*'{}[]",:\\\'\r\t; \0', "\ufeff", "\u2028", '"batch"', '"type"', "track", "null", "1e400", "NaN", "\\ud83d",
     "\\u0000",
     '{"batch":[', "[[", "]]", "purchase", "2017-01-01", json.dumps(corpus.message("m1")), corpus.SHOP, "=1+1", "{{x}}"]
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=9,
)
_MESSAGES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["type", "event", "messageId", "anonymousId", "timestamp", "properties", "traits",
                                "context", "batch", "sentAt", "email", "sg_event_id"], _VALUES)
)  # fmt: skip
LINES = st.one_of(
    st.binary(max_size=60),
    st.lists(_TOKENS, max_size=12).map(lambda parts: "".join(parts).encode()),
    _VALUES.map(lambda value: json.dumps(value).encode()),
    _MESSAGES.map(lambda value: json.dumps(corpus.message("m2") | value, ensure_ascii=True).encode()),
    _MESSAGES.map(lambda value: json.dumps(value).encode()),
    st.lists(st.text(max_size=6), min_size=9, max_size=9).map(
        lambda cells: ",".join(cells).encode("utf-8", "surrogatepass")
    ),
).map(lambda line: line.replace(b"\n", b"\r"))


def _drawn() -> Iterator[bytes]:
    """Lines as hypothesis draws them, all for one run: a run takes seconds, a line next to nothing."""
    found: list[bytes] = []

    @settings(max_examples=300, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(LINES)
    def draw(line: bytes) -> None:
        found.append(line)

    draw()
    yield from found


def test_any_bytes_land_and_each_line_has_one_fate(make_lake) -> None:
    lake = make_lake("crm", "email", "shop", "support", "web")
    lines = list(_drawn())
    files = {"web": "a.jsonl", "email": "a.jsonl", "support": "a.jsonl", "crm": "a.csv"}
    for source, name in files.items():
        put(lake, f"{source}/{name}", *lines)
    put(lake, "shop/a.csv", corpus.SHOP, *lines)
    run(lake, "r1")
    for source in files:
        landed = rows(lake, f"bronze.{source}", "position", "payload", "undecoded")
        kept = [payload.encode() if undecoded is None else undecoded for _, payload, undecoded in sorted(landed)]
        assert kept == lines
    assert recount(lake) == []
    for row in lake.arrow("ops.row_counts").to_pylist():
        account = row["headers"] + row["kept"] + row["duplicates"] + row["quarantined"] + row["erased"]
        assert row["lines"] + row["unpacked"] == account
        if row["source"] in files:
            assert row["lines"] == len(lines)
