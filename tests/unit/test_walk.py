"""The definition of stages, for one person: what must hold of any history.

Histories are drawn from signals of the retailer's journey, with days on which nothing happens.
"""

import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts import Contracts
from contracts.journey import START, Journey
from contracts.walk import Spell, Step, walk

DECLARED = Contracts()
JOURNEY: Journey = DECLARED.journeys["shopping"]
BEGIN = datetime.datetime(2017, 1, 1, tzinfo=datetime.UTC)
DAYS = 400
END = BEGIN.date() + datetime.timedelta(days=DAYS)


def steps_of(drawn: list[tuple[int, str]]) -> list[Step]:
    """Steps at hours since the beginning; each is an event of its own."""
    return [
        Step(BEGIN + datetime.timedelta(hours=hour), number, f"e{number}", signal)
        for number, (hour, signal) in enumerate(drawn, 1)
    ]


HISTORIES = st.lists(st.tuples(st.integers(0, DAYS * 24 - 1), st.sampled_from(JOURNEY.signals())), max_size=12).map(
    steps_of
)


def is_quiet(spell: Spell) -> bool:
    return spell.signal.startswith("quiet.")


@given(history=HISTORIES, chance=st.randoms(use_true_random=False))
def test_the_order_in_which_steps_are_given_changes_nothing(history: list[Step], chance) -> None:
    shuffled = list(history)
    chance.shuffle(shuffled)
    assert walk(JOURNEY, shuffled, END) == walk(JOURNEY, history, END)


@given(history=HISTORIES, day=st.integers(0, DAYS))
def test_an_earlier_day_gives_the_beginning_of_what_a_later_day_gives(history: list[Step], day: int) -> None:
    """What was known on a day stays, as long as nothing from before it is told later."""
    until = BEGIN.date() + datetime.timedelta(days=day)
    earlier, later = walk(JOURNEY, history, until), walk(JOURNEY, history, END)
    assert later[: len(earlier)] == earlier
    end = datetime.datetime.combine(until + datetime.timedelta(1), datetime.time(), datetime.UTC)
    assert all(spell.entered_at >= end for spell in later[len(earlier) :])


@given(history=HISTORIES, more=HISTORIES)
def test_later_events_change_no_earlier_spell_but_the_quiet_times_that_they_fill(
    history: list[Step], more: list[Step]
) -> None:
    """Events after the last one of a history leave every spell until then as it is."""
    last = max((step.at for step in history), default=BEGIN)
    after = [Step(s.at + (last - BEGIN) + datetime.timedelta(seconds=1), s.position, f"l{s.event_id}", s.signal)
             for s in more]  # fmt: skip
    end = max([END, *(step.at.date() for step in after)])
    before, whole = walk(JOURNEY, history, end), walk(JOURNEY, [*history, *after], end)
    settled = [spell for spell in before if spell.entered_at <= last]
    assert whole[: len(settled)] == settled
    # Of what would come after the last event without more, only quiet times can be taken back.
    assert all(is_quiet(spell) for spell in before[len(settled) :])


@given(history=HISTORIES)
def test_spells_follow_one_another_by_declared_ways_in_time(history: list[Step]) -> None:
    spells = walk(JOURNEY, history, END)
    assert all(one.entered_at < other.entered_at for one, other in pairwise(spells))
    ways = {(source, to) for source, _, to in JOURNEY.transitions()}
    closed = {START: {to for source, to in ways if source == START}}
    for source, to in ways:
        closed.setdefault(source, set()).add(to)
    before = START
    for spell in spells:
        # Of several stages entered at one instant the last counts, so one spell may have taken several ways.
        assert spell.stage in reach(closed, before)
        before = spell.stage


def reach(ways: dict[str, set[str]], begin: str) -> set[str]:
    found: set[str] = set()
    ahead = [begin]
    while ahead:
        new = ways.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


@given(history=HISTORIES)
def test_a_quiet_time_lies_so_many_days_after_a_signal_that_did_not_come_again(history: list[Step]) -> None:
    quiets = {name: way.turning for name, way in JOURNEY.quiets()}
    for spell in walk(JOURNEY, history, END):
        if is_quiet(spell):
            entering = quiets[spell.signal]
            since = spell.entered_at - datetime.timedelta(days=entering.after_days or 0)
            heard = [step.at for step in history if step.signal in entering.without]
            assert since in heard
            assert not [at for at in heard if since < at < spell.entered_at]


def test_a_stage_ends_by_its_own_exits_too() -> None:
    data = JOURNEY.model_dump(by_alias=True)
    value = next(stage for stage in data["stages"] if stage["stage"] == "value")
    value["exits"] = [
        {"by": ["left_the_list"], "to": "lapsed"},
        {"after_days": 20, "without": ["bought"], "to": "lapsed"},
    ]
    journey = Journey.model_validate(data)
    at_once, in_time = ([(0, "bought"), (24, "left_the_list")], [(0, "bought"), (30 * 24, "joined")])
    spells = [walk(journey, steps_of(drawn), END)[:2] for drawn in (at_once, in_time)]
    assert [[spell.stage for spell in some] for some in spells] == [["value", "lapsed"]] * 2
    assert [some[1].entered_at - some[0].entered_at for some in spells] == [
        datetime.timedelta(1), datetime.timedelta(20)
    ]  # fmt: skip


@given(history=HISTORIES)
def test_who_does_nothing_is_in_no_stage_and_who_repeats_a_history_is_where_they_were(history: list[Step]) -> None:
    assert walk(JOURNEY, [], END) == []
    again = [Step(step.at, step.position, step.event_id, step.signal) for step in history]
    assert walk(JOURNEY, [*history, *again], END) == walk(JOURNEY, history, END)
