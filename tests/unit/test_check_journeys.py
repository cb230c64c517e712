"""Journeys that cannot be: one wrong contract for each fault that `clew check` knows, and the words it is told in."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import HERE
from contracts.base import load_yaml
from contracts.check import KINDS
from contracts.check_journeys import problems_of_journeys
from contracts.errors import ContractError
from contracts.journey import Journey
from contracts.signal import Signals

JOURNEY, SIGNALS = HERE / "journeys" / "shopping.yml", HERE / "signals.yml"
Loaded = Mapping[str, Mapping[Path, Any]]
Change = Callable[[Any], None]


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    """The retailer's declarations that journeys are checked against."""
    kinds = ("source", "event", "signals", "journey")
    return {kind: {p: load_yaml(p, KINDS[kind][1]) for p in sorted(HERE.glob(KINDS[kind][0]))} for kind in kinds}


@pytest.fixture(scope="module")
def journey() -> dict[str, Any]:
    return yaml.safe_load(JOURNEY.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def signals() -> dict[str, Any]:
    return yaml.safe_load(SIGNALS.read_text(encoding="utf-8"))


def written(folder: Path, given: Any, change: Change) -> Path:
    """A declaration with one thing changed, as a file."""
    data = deepcopy(given)
    change(data)
    path = folder / "changed.yml"
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def told(loaded: Loaded) -> list[str]:
    return [f"{problem.field}: {problem.what}" for problem in problems_of_journeys(loaded)]


def test_the_retailers_own_journeys_have_no_problem(loaded: Loaded) -> None:
    assert told(loaded) == []
    assert loaded["journey"]


def stage(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in data["stages"] if item["stage"] == name)


def no_way_in(data: dict[str, Any]) -> None:
    stage(data, "expansion")["enters"] = [{"by": ["took_more"], "from": ["advocacy"]}]
    stage(data, "advocacy")["enters"] = [{"by": ["spoke_for_us"], "from": ["expansion"]}]


def no_way_back(data: dict[str, Any]) -> None:
    stage(data, "value")["enters"].pop()


def set_to(value: Any, *steps: str | int) -> Change:
    def change(data: Any) -> None:
        for step in steps[:-1]:
            data = data[step]
        data[steps[-1]] = value

    return change


def put(value: Any, *steps: str | int) -> Change:
    def change(data: Any) -> None:
        *way, last = steps
        for step in way:
            data = data[step]
        data.setdefault(last, []).append(value)

    return change


def twice(*steps: str | int) -> Change:
    def change(data: Any) -> None:
        for step in steps:
            data = data[step]
        data.append(deepcopy(data[0]))

    return change


def lapsed_by_what_never_comes_there(data: dict[str, Any]) -> None:
    """Whoever bought is in value or beyond: in discovery nobody has bought, and no time since is over."""
    stage(data, "lapsed")["enters"] = [{"after_days": 60, "without": ["bought"], "from": ["discovery"]}]


WRONG_JOURNEYS: dict[str, tuple[Change, str]] = {
    "a stage that no event reaches": (no_way_in, "stages.3.enters: no event can reach expansion"),
    "no way into a stage": (set_to([], "stages", 0, "enters"), "stages.0.enters: no event can reach discovery"),
    "a quiet time after what cannot have come": (
        lapsed_by_what_never_comes_there,
        "stages.5.enters: no event can reach lapsed",
    ),
    "an exit to no stage": (
        put({"by": ["bought"], "to": "heaven"}, "stages", 4, "exits"),
        "stages.4.exits.0.to: heaven is no other stage",
    ),
    "an exit by no signal": (
        put({"by": ["daydreamed"], "to": "lapsed"}, "stages", 4, "exits"),
        "stages.4.exits.0.by.0: daydreamed is no signal",
    ),
    "a stage without a way out": (
        no_way_back,
        "stages.5.stage: nothing leads out of lapsed: its gate never closes; if that is meant, say is_end: true",
    ),
    "a gate that never closes": (
        set_to("discovery", "stages", 1, "gate", "to"),
        "stages.1.gate: the gate from onboarding to discovery never closes: nothing leads there",
    ),
    "a gate to nowhere": (set_to("heaven", "stages", 0, "gate", "to"), "stages.0.gate.to: heaven is no other stage"),
    "a gate to itself": (set_to("discovery", "stages", 0, "gate", "to"), "stages.0.gate.to: discovery is no other"),
    "one signal that leads to two stages": (
        set_to([{"by": ["left_the_list"]}], "stages", 4, "enters"),
        "from discovery, left_the_list lead to advocacy and to lapsed: which of them counts is not declared",
    ),
    "a stage called start": (set_to("start", "stages", 1, "stage"), "stages.1.stage: start is where everybody is"),
    "a way from a stage that is not there": (
        set_to(["heaven"], "stages", 2, "enters", 1, "from"),
        "stages.2.enters.1.from.0: heaven is no other stage",
    ),
    "an unknown signal of a stage": (
        set_to(["daydreamed"], "stages", 0, "enters", 0, "by"),
        "stages.0.enters.0.by.0: daydreamed is no signal",
    ),
    "an unknown signal of quiet": (
        set_to(["daydreamed"], "stages", 5, "enters", 0, "without"),
        "stages.5.enters.0.without.0: daydreamed is no signal",
    ),
    "an unknown value signal": (set_to("daydreamed", "value_signal"), "value_signal: daydreamed is no signal"),
    "an unknown signal of a moment": (
        set_to(["daydreamed"], "moments", 1, "resolved_by"),
        "moments.1.resolved_by.0: daydreamed is no signal",
    ),
    "an unknown signal of friction": (
        set_to("daydreamed", "friction", 0, "signal"),
        "friction.0.signal: daydreamed is no signal",
    ),
    "an unknown signal of a handoff": (
        put("daydreamed", "handoffs", 0, "kept_when"),
        "handoffs.0.kept_when.1: daydreamed is no signal",
    ),
    "an unknown signal of a persona": (
        set_to("daydreamed", "personas", 0, "behaves", 0, "signal"),
        "personas.0.behaves.0.signal: daydreamed is no signal",
    ),
    "an unknown signal of an indicator": (
        set_to("daydreamed", "indicators", 0, "signal"),
        "indicators.0.signal: daydreamed is no signal",
    ),
    "an unknown signal of a voice": (
        put("daydreamed", "voice", "unhappy"),
        "voice.unhappy.2: daydreamed is no signal",
    ),
    "a channel that no source has": (
        set_to({"telegram": "By telegram"}, "stages", 0, "channels"),
        "stages.0.channels.telegram: telegram is no channel",
    ),
    "a handoff to a channel that no source has": (
        set_to("telegram", "handoffs", 0, "to"),
        "handoffs.0.to: telegram is no channel",
    ),
    "a persona that nobody declared": (
        set_to(["ghost"], "stages", 0, "personas"),
        "stages.0.personas.0: ghost is no persona",
    ),
    "an indicator from a stage that is not there": (
        set_to("heaven", "indicators", 0, "from_stage"),
        "indicators.0.from_stage: heaven is no stage",
    ),
    "an indicator of an outcome that is not there": (
        set_to("heaven", "indicators", 0, "outcome"),
        "indicators.0.outcome: heaven is no stage",
    ),
    "a friction of one subject by a signal that has none": (
        set_to("searched", "friction", 1, "signal"),
        "friction.1.signal: searched names no subject of products_searched, and of_one_subject asks for one",
    ),
    "a moment of one subject by a signal that has none": (
        set_to(["left_the_list"], "moments", 2, "resolved_by"),
        "moments.2.resolved_by: left_the_list names no subject of email_unsubscribed, and of_one_subject asks for one",
    ),
    "two moments of one name": (twice("moments"), "moments.5.moment: first_value is declared twice"),
    "two frictions of one name": (twice("friction"), "friction.11.friction: repeated_failure is declared twice"),
    "an example of an unknown event": (
        set_to("ghost_seen", "examples", 0, "events", 0, "event"),
        "examples.0.events.0.event: ghost_seen is no event",
    ),
    "an example whose stages differ": (
        set_to([], "examples", 3, "stages"),
        "examples.3.stages: the events lead to: discovery at 2017-01-01 10:00, lapsed at 2017-01-02 10:00",
    ),
    "an example that expects another time": (
        set_to("2017-01-02T10:00:01Z", "examples", 3, "stages", 1, "entered"),
        "examples.3.stages: the events lead to: discovery at 2017-01-01 10:00, lapsed at 2017-01-02 10:00",
    ),
}


@pytest.mark.parametrize(("change", "says"), WRONG_JOURNEYS.values(), ids=WRONG_JOURNEYS)
def test_a_journey_that_cannot_be_is_told(
    change: Change, says: str, loaded: Loaded, journey: dict[str, Any], tmp_path: Path
) -> None:
    path = written(tmp_path, journey, change)
    found = told({**loaded, "journey": {path: load_yaml(path, Journey)}})
    assert any(says in problem for problem in found), found


REFUSED_JOURNEYS: dict[str, tuple[Change, str]] = {
    "no owner of the journey": (lambda data: data.pop("owner"), "owner: Field required"),
    "no owner of a stage": (lambda data: data["stages"][0].pop("owner"), "stages.0.owner: Field required"),
    "no owner of a moment": (lambda data: data["moments"][0].pop("owner"), "moments.0.owner: Field required"),
    "no owner of a handoff": (lambda data: data["handoffs"][0].pop("owner"), "handoffs.0.owner: Field required"),
    "no example": (set_to([], "examples"), "examples: Tuple should have at least 1 item"),
    "a signal and a quiet time in one way": (
        set_to({"by": ["bought"], "after_days": 3, "without": ["bought"]}, "stages", 0, "enters", 0),
        "give either `by`, or `after_days` with `without`",
    ),
    "a quiet time of nothing": (
        set_to({"after_days": 3}, "stages", 0, "enters", 0),
        "`after_days` and `without` go together",
    ),
    "a moment that one signal opens and resolves": (
        set_to(["joined"], "moments", 0, "resolved_by"),
        "joined cannot both open and resolve it",
    ),
    "a moment without a deadline": (lambda data: data["moments"][0].pop("within_hours"), "moments.0.within_hours"),
    "a moment without guardrails": (set_to([], "moments", 0, "guardrails"), "moments.0.guardrails"),
    "a handoff to where one is": (set_to("web", "handoffs", 0, "to"), "a handoff leads to another channel"),
    "a handoff that nobody can judge": (
        lambda data: [data["handoffs"][0].pop(word) for word in ("kept_when", "lost_when")],
        "say by kept_when, lost_when or both",
    ),
    "a sign that says both": (
        put("was_helped", "handoffs", 0, "lost_when"),
        "was_helped cannot say both that the context was kept and that it was lost",
    ),
    "a friction that waits for nothing": (
        lambda data: data["friction"][2].pop("then"),
        "`then` is for followed, not_followed and slow, which need it",
    ),
    "a friction after something, and without a time": (
        lambda data: data["friction"][9].update(after=["bought"]),
        "`after` is not for happened, which has no time",
    ),
    "a persona that does it more often than it does": (
        lambda data: data["personas"][0]["behaves"][0].update(at_least=4, at_most=2),
        "nobody does it 4 times at least and 2 at most",
    ),
    "a persona of more days than an engine can take off": (
        set_to(1_000_000_000, "personas", 0, "behaves", 0, "days"),
        "less than or equal to 3660",
    ),
    "a pattern of one subject that repeats nothing": (
        set_to(True, "friction", 2, "of_one_subject"),
        "friction.2: `of_one_subject` is for repeated",
    ),
    "a friction without its time": (
        lambda data: data["friction"][0].pop("minutes"),
        "every pattern but happened needs `minutes`",
    ),
    "a weight of nothing": (set_to(0, "friction", 0, "weight"), "friction.0.weight"),
    "a persona of any behaviour": (
        set_to({"signal": "bought", "days": 30}, "personas", 0, "behaves", 0),
        "give at_least, at_most or both",
    ),
    "a lifecycle that is none": (set_to("nirvana", "stages", 0, "lifecycle"), "stages.0.lifecycle"),
    "an example whose time has no zone": (
        set_to("2017-01-01T10:00:00", "examples", 0, "events", 0, "at"),
        "examples.0.events.0.at: Input should have timezone info",
    ),
}


@pytest.mark.parametrize(("change", "says"), REFUSED_JOURNEYS.values(), ids=REFUSED_JOURNEYS)
def test_a_journey_of_the_wrong_form_is_refused_with_its_field(
    change: Change, says: str, journey: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ContractError) as caught:
        load_yaml(written(tmp_path, journey, change), Journey)
    assert says in str(caught.value)


def test_a_field_that_yaml_takes_for_a_yes_is_refused_by_its_line(tmp_path: Path) -> None:
    """YAML 1.1 reads the bare keys on, off, yes and no as truths; a contract that has one is told so."""
    text = JOURNEY.read_text(encoding="utf-8")
    path = tmp_path / "changed.yml"
    path.write_text(text.replace("value_signal: bought", "on: bought"), encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_yaml(path, Journey)
    assert "value_signal: Field required" in str(caught.value)
    assert "Keys should be strings" in str(caught.value)


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "changed.yml"
    path.write_text(JOURNEY.read_text(encoding="utf-8") + "\nowner: somebody_else\n", encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_yaml(path, Journey)
    assert "the key 'owner' is written twice" in str(caught.value)


def any_of(name: str, *occurrences: dict[str, Any]) -> Change:
    return set_to(list(occurrences), "signals", name, "any")


WRONG_SIGNALS: dict[str, tuple[Change, str]] = {
    "an event that is not there": (
        any_of("bought", {"event": "ghost_seen"}),
        "signals.bought.any.0.event: ghost_seen is no event",
    ),
    "a property that the event does not have": (
        any_of("bought", {"event": "item_purchased", "where": {"colour": {"is": "red"}}}),
        "signals.bought.any.0.where.colour: item_purchased has no property colour",
    ),
    "a size of a text": (
        any_of("bought", {"event": "item_purchased", "where": {"department": {"at_least": 3}}}),
        "signals.bought.any.0.where.department: department of item_purchased is no number, and has no size",
    ),
    "words in a number": (
        any_of("bought", {"event": "survey_answered", "where": {"score": {"mentions": ["ten"]}}}),
        "signals.bought.any.0.where.score: score of survey_answered is no text, and mentions nothing",
    ),
    "words that no allowed value has": (
        any_of("joined", {"event": "account_created", "where": {"method": {"mentions": ["fax"]}}}),
        "signals.joined.any.0.where.method: account_created allows no method that meets this",
    ),
    "a word that the event does not allow": (
        any_of("joined", {"event": "account_created", "where": {"method": {"is": "fax"}}}),
        "signals.joined.any.0.where.method: account_created allows no method that meets this",
    ),
    "a number beyond the event's bounds": (
        any_of("spoke_for_us", {"event": "survey_answered", "where": {"score": {"above": 10}}}),
        "signals.spoke_for_us.any.0.where.score: survey_answered allows no score that meets this",
    ),
    "the lack of what must be given": (
        any_of("bought", {"event": "survey_answered", "where": {"score": {"given": False}}}),
        "signals.bought.any.0.where.score: survey_answered allows no score that meets this",
    ),
    "a value that is no number": (
        any_of("bought", {"event": "item_purchased", "value": "department"}),
        "signals.bought.any.0.value: department of item_purchased is no number",
    ),
    "once per what the event does not have": (
        any_of("bought", {"event": "item_purchased", "once_per": "voyage"}),
        "signals.bought.any.0.once_per: item_purchased has no property voyage",
    ),
    "a subject in people's own words": (
        any_of("asked_for_help", {"event": "ticket_opened", "subject": "subject"}),
        "signals.asked_for_help.any.0.subject: subject of ticket_opened is free_text data, which no mart for analysts",
    ),
    "a channel in people's own words": (
        any_of("asked_for_help", {"event": "ticket_opened", "via": "subject"}),
        "signals.asked_for_help.any.0.via: subject of ticket_opened is free_text data, which no mart for analysts",
    ),
}


@pytest.mark.parametrize(("change", "says"), WRONG_SIGNALS.values(), ids=WRONG_SIGNALS)
def test_a_signal_that_cannot_be_is_told(
    change: Change, says: str, loaded: Loaded, signals: dict[str, Any], tmp_path: Path
) -> None:
    path = written(tmp_path, signals, change)
    found = told({**loaded, "signals": {path: load_yaml(path, Signals)}})
    assert any(says in problem for problem in found), found


def test_an_event_that_no_mapping_of_its_source_gives_is_emitted_by_nobody(loaded: Loaded) -> None:
    sources = {path: source for path, source in loaded["source"].items() if source.source != "email"}
    (email,) = (source for source in loaded["source"].values() if source.source == "email")
    mapping = email.maps[0]
    table = {"delivered": "email_delivered"}
    fewer = mapping.model_copy(update={"event": mapping.event.model_copy(update={"table": table})})
    sources[HERE / "sources" / "email.yml"] = email.model_copy(update={"maps": (fewer,)})
    found = told({**loaded, "source": sources})
    assert "signals.looked_around.any.4.event: no source emits email_clicked" in found
    assert "signals.left_the_list.any.0.event: no source emits email_unsubscribed" in found


REFUSED_SIGNALS: dict[str, tuple[Change, str]] = {
    "a test that asks for nothing": (
        any_of("bought", {"event": "item_purchased", "where": {"department": {}}}),
        "say what the property must be",
    ),
    "what is not given and something": (
        any_of("bought", {"event": "item_purchased", "where": {"department": {"given": False, "is": "x"}}}),
        "a property that is not given can be nothing else",
    ),
    "the same twice": (
        any_of("bought", {"event": "item_purchased"}, {"event": "item_purchased", "once_per": "basket_id"}),
        "item_purchased with the same condition is named twice",
    ),
    "a signal of nothing": (any_of("bought"), "signals.bought.any"),
    "a name that could be SQL": (
        set_to({"about": "Drops a table", "any": [{"event": "item_purchased"}]}, "signals", "x'; drop table"),
        "String should match pattern",
    ),
}


@pytest.mark.parametrize(("change", "says"), REFUSED_SIGNALS.values(), ids=REFUSED_SIGNALS)
def test_a_signal_of_the_wrong_form_is_refused(
    change: Change, says: str, signals: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ContractError) as caught:
        load_yaml(written(tmp_path, signals, change), Signals)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (60, "the same days without a signal lead to lapsed and to dormant: which of them counts is not declared"),
        (90, "lapsed is entered after fewer days without the same signals: dormant is never entered so"),
    ],
)
def test_of_two_quiet_times_that_the_same_signals_end_the_longer_is_never_over(
    loaded: Loaded, journey: dict[str, Any], tmp_path: Path, days: int, says: str
) -> None:
    def dormant(data: dict[str, Any]) -> None:
        lapsed = stage(data, "lapsed")
        data["stages"].append(lapsed | {"stage": "dormant", "enters": [{"after_days": days, "without": ["bought"]}]})

    path = written(tmp_path, journey, dormant)
    found = told({**loaded, "journey": {path: load_yaml(path, Journey)}})
    assert f"stages.6.enters: from discovery, {says}" in found


def test_two_ways_of_a_signal_that_one_event_can_both_be_would_count_twice(
    loaded: Loaded, signals: dict[str, Any], tmp_path: Path
) -> None:
    def twice(data: dict[str, Any]) -> None:
        data["signals"]["bought"]["any"].append({"event": "item_purchased", "where": {"sales_value": {"at_least": 5}}})

    path = written(tmp_path, signals, twice)
    found = told({**loaded, "signals": {path: load_yaml(path, Signals)}})
    assert found == ["signals.bought.any.2: one item_purchased can be this and an earlier way, and would count twice"]


@pytest.mark.parametrize("names", [("a_sign", "b_sign"), ("b_sign", "a_sign")])
def test_an_event_that_is_two_signals_ends_in_one_stage_or_is_refused_whatever_they_are_called(
    loaded: Loaded, journey: dict[str, Any], signals: dict[str, Any], tmp_path: Path, names: tuple[str, str]
) -> None:
    """Taken first, the one leads from lapsed by way of discovery to advocacy, and taken last to discovery."""
    one, other = names

    def both(data: dict[str, Any]) -> None:
        for name in names:
            data["signals"][name] = {"about": "one more", "any": [{"event": "item_purchased"}]}

    def ways(data: dict[str, Any]) -> None:
        stage(data, "discovery")["enters"].append({"by": [one], "from": ["lapsed"]})
        stage(data, "discovery")["enters"].append({"by": [one], "from": ["advocacy"]})
        stage(data, "advocacy")["enters"].append({"by": [other], "from": ["lapsed"]})

    known = load_yaml(written(tmp_path, signals, both), Signals)
    path = written(tmp_path, journey, ways)
    found = told({**loaded, "signals": {SIGNALS: known}, "journey": {path: load_yaml(path, Journey)}})
    refused = [problem for problem in found if "which one event can be, lead to discovery and to advocacy" in problem]
    assert refused == []

    def apart(data: dict[str, Any]) -> None:
        ways(data)
        stage(data, "advocacy")["enters"].append({"by": [other], "from": ["discovery"]})

    path = written(tmp_path, journey, apart)
    found = told({**loaded, "signals": {SIGNALS: known}, "journey": {path: load_yaml(path, Journey)}})
    assert any("which one event can be, lead to discovery and to advocacy" in problem for problem in found)


@pytest.mark.parametrize(
    "change",
    [
        set_to(3_000_000_000, "stages", 0, "gate", "within_days"),
        set_to(99_999_999_999_999, "moments", 0, "within_hours"),
        set_to(99_999_999_999_999, "moments", 0, "recovery_hours"),
        set_to(99_999_999_999_999, "handoffs", 0, "within_hours"),
    ],
)
def test_a_time_that_no_engine_could_add_to_a_day_is_refused(
    change: Change, journey: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ContractError, match="less than or equal to"):
        load_yaml(written(tmp_path, journey, change), Journey)
