"""Attribution and lifts that cannot be are refused by `clew check`, each with a message that says what to do."""

import shutil
from pathlib import Path

import pytest

from contracts.base import load_yaml
from contracts.catalog import Contracts
from contracts.check import KINDS
from contracts.check_attribution import problems_of_attribution
from contracts.errors import ContractError

SHIPPED = Contracts().root
SIMILAR = Contracts().experiments["similar_products"]
LIFT = """lift: email_holdout
version: 1-0-0
owner: marketing
about: a tenth of the addresses got no mail in November
channel: email_sent
method: holdout
since: 2017-11-01
until: 2017-11-30
incremental_value: 320.00
low: -150.00
high: 790.00
source: a report of the marketing team
"""


def found(tmp_path: Path, attribution: str | None, lift: str | None = None) -> list[str]:
    """What is wrong with an attribution and a lift beside the other declarations in use."""
    if attribution is not None:
        (tmp_path / "attribution.yml").write_text(attribution, encoding="utf-8")
    if lift is not None:
        (tmp_path / "lifts").mkdir()
        (tmp_path / "lifts" / "email_holdout.yml").write_text(lift, encoding="utf-8")
    shutil.copytree(SHIPPED / "events", tmp_path / "events", dirs_exist_ok=True)
    shutil.copytree(SHIPPED / "sources", tmp_path / "sources", dirs_exist_ok=True)
    shutil.copytree(SHIPPED / "experiments", tmp_path / "experiments", dirs_exist_ok=True)
    kinds = ("event", "source", "attribution", "lift", "experiment")
    try:
        loaded = {
            kind: {p: load_yaml(p, KINDS[kind][1]) for p in sorted(tmp_path.glob(KINDS[kind][0]))} for kind in kinds
        }
    except ContractError as error:
        return [f"{problem.field}: {problem.what}" for problem in error.problems]
    return [f"{problem.field}: {problem.what}" for problem in problems_of_attribution(loaded)]


SAID = (SHIPPED / "attribution.yml").read_text(encoding="utf-8")
APP = "channel: app\n    direction: inbound\n    "
WRONG = [
    ("gold.orders", "gold.sales", "outcome.table: Input should be 'gold.orders'"),
    ("at: ordered_at", "at: bought_at", "outcome.at: bought_at is no column of gold.orders"),
    ("value: sales_value", "value: item_lines",
     "outcome.value: item_lines is bigint, and must be a decimal with two decimal places, which sums to the cent"),
    ("person: profile_id", "person: is_online", "outcome.person: is_online is boolean, and must be a string"),
    ("lookback_days: 30", "lookback_days: 0", "lookback_days: Input should be greater than or equal to 1"),
    ("half_life_days: 7", "half_life_days: 0", "half_life_days: Input should be greater than 0"),
    ("{first: 0.4, last: 0.4}", "{first: 0.8, last: 0.4}",
     "position: first and last get 1.2 of the credit: let them get 1 at most"),
    ("channel: web\n", "channel: fax\n", "channels.web.channel: no source has the channel fax"),
    ("kinds: [email_clicked]", "kinds: [email_clocked]",
     "channels.email_clicked.kinds.0: email_clocked is no event of email"),
    ("kinds: [ticket_opened]", "kinds: [ticket_resolved]",
     "channels.support.kinds.0: ticket_resolved is outbound, and the channel inbound"),
    ("kinds: [ticket_opened]", "kinds: [ticket_opened]\n    campaigns: true",
     "channels.support.kinds.0: ticket_opened carries no campaign_id: leave campaigns out"),
    ("channel: app\n    direction: inbound", "channel: app\n    direction: outbound",
     "channels.app.kinds.0: a visit is inbound, and of no campaign"),
    (f"{APP}kinds: [visit]", f"{APP}kinds: [purchase]",
     "channels.app.kinds.0: a purchase is an outcome, which gets no credit for itself"),
    ("channel: app\n    direction: inbound", "channel: web\n    direction: inbound",
     "(whole file): channels.app: visit of web is web already: leave it to one"),
    ("  support:\n", "  no_touchpoint:\n",
     "(whole file): channels.no_touchpoint: the tables mean something else by it; name it otherwise"),
    ("media_mix:\n", "experiments:\n  no_mail: {channel: email_sent, arm: mailed, method: holdout, since: 2017-06-01, "
     "until: 2017-06-30}\nmedia_mix:\n", "experiments.no_mail: no_mail is no experiment"),
    ("media_mix:\n", "experiments:\n  no_mail: {channel: fax, arm: mailed, method: holdout, since: 2017-06-01, "
     "until: 2017-06-30}\nmedia_mix:\n",
     "(whole file): experiments.no_mail: fax is no channel; use: email_sent, email_clicked, web, app, support"),
    ("region: city", "region: postcode", "media_mix.region: postcode is no column of gold.profiles"),
    ("channels: [email_sent]", "channels: [web]",
     "(whole file): media_mix.channels: web is inbound, so that who buys more is in it more: name what is sent"),
    ("channels: [email_sent]", "channels: [letters]",
     "(whole file): media_mix.channels: letters is no channel; use: email_sent, email_clicked, web, app, support"),
    ("adstock: [0, 0.3, 0.5, 0.7]", "adstock: [0, 1]", "media_mix.adstock.1: Input should be less than 1"),
    ("holdout_weeks: 8", "holdout_weeks: 16",
     "media_mix: holdout_weeks is over half of weeks_at_least, 30: hold fewer out"),
    ("channels: [email_sent]\n", "channels: [email_sent, email_sent, email_sent]\n",
     "media_mix: 1728 combinations of adstock and saturation over 3 channels: declare fewer values, "
     "1000 combinations at most"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "message"), WRONG, ids=[message[:60] for *_, message in WRONG])
def test_a_wrong_attribution_is_refused_with_what_is_wrong(tmp_path, right, wrong, message):
    assert SAID.count(right) == 1, f"{right} is there {SAID.count(right)} times"
    assert found(tmp_path, SAID.replace(right, wrong)) == [message]


def test_more_channels_than_shapley_can_sum_over_are_refused(tmp_path):
    more = "".join(
        f"  more_{n}: {{about: one more, channel: support, direction: inbound, kinds: [ticket_{n}]}}\n"
        for n in range(8)
    )
    (problem,) = found(tmp_path, SAID.replace("media_mix:\n", more + "media_mix:\n"))
    assert problem.startswith("channels: Dictionary should have at most 12 items after validation")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("channel: email_sent", "channel: letters", "channel: letters is no channel of attribution"),
        ("channel: email_sent", "channel: web\ncampaign: a",
         "campaign: attribution does not tell campaigns of web apart"),
        ("until: 2017-11-30", "until: 2017-10-30", "(whole file): until, 2017-10-30, is before since, 2017-11-01"),
        ("high: 790.00", "high: 300.00",
         "(whole file): incremental_value, 320.0, is not between low, -150.0, and high, 300.0"),
        ("method: holdout", "method: belief", "method: Input should be 'holdout', 'ghost_ad', 'geo' or 'matched'"),
        ("incremental_value: 320.00", "incremental_value: 320.005",
         "incremental_value: Decimal input should have no more than 2 decimal places"),
    ],
)  # fmt: skip
def test_a_wrong_lift_is_refused_with_what_is_wrong(tmp_path, right, wrong, message):
    assert LIFT.count(right) == 1
    assert found(tmp_path, SAID, LIFT.replace(right, wrong)) == [message]


def test_a_lift_without_attribution_is_refused_and_what_is_right_is_not(tmp_path):
    assert found(tmp_path, SAID, LIFT) == []
    (tmp_path / "attribution.yml").unlink()
    shutil.rmtree(tmp_path / "lifts")
    assert found(tmp_path, None, LIFT) == ["channel: no attribution is declared that it could be set against"]


def test_lifts_are_loaded_by_their_names(tmp_path):
    assert Contracts(tmp_path).lifts == {}
    assert Contracts(tmp_path).attribution is None
    (tmp_path / "lifts").mkdir()
    (tmp_path / "lifts" / "email_holdout.yml").write_text(LIFT, encoding="utf-8")
    assert Contracts(tmp_path).lifts["email_holdout"].channel == "email_sent"


HOLDOUT = "{channel: email_sent, arm: mailed, method: holdout, since: 2017-12-30, until: 2018-03-29}"
WINDOWS = "the windows of who is in mail_holdout from its first day are 2017-12-30 to 2018-03-29"


@pytest.mark.parametrize(
    ("right", "wrong", "messages"),
    [
        ("", "", []),
        ("arm: mailed", "arm: held_out", [".arm: held_out is the control of mail_holdout"]),
        ("arm: mailed", "arm: mild", [".arm: mild is no arm"]),
        ("since: 2017-12-30", "since: 2017-12-29", [f".since: {WINDOWS}"]),
        ("until: 2018-03-29", "until: 2018-12-31", [f".until: {WINDOWS}"]),
    ],
    ids=["right", "control", "no arm", "other first day", "other last day"],
)
def test_an_experiment_is_set_against_credit_of_its_own_days_and_arm(tmp_path, right, wrong, messages):
    assert HOLDOUT.count(right) == 1 or not right
    named = f"experiments:\n  mail_holdout: {HOLDOUT.replace(right, wrong)}\nmedia_mix:\n"
    assert found(tmp_path, SAID.replace("media_mix:\n", named)) == [f"experiments.mail_holdout{m}" for m in messages]


def test_an_experiment_that_is_not_of_everybody_and_of_the_outcome_is_refused_with_every_reason(tmp_path):
    told = HOLDOUT.replace("mailed", SIMILAR.treatments[0]).replace("2017-12-30", str(SIMILAR.starts_on))
    named = f"experiments:\n  similar_products: {told}\nmedia_mix:\n"
    problems = [problem.removeprefix("experiments.similar_products") for problem in
                found(tmp_path, SAID.replace("media_mix:\n", named))]  # fmt: skip
    assert problems == [
        ": the primary metric of similar_products is a count, and a value is a sum",
        ": similar_products takes people in one after the other: what it measured is of other days for each",
        ".until: the windows of who is in similar_products from its first day are 2017-04-01 to 2017-06-23",
    ]
