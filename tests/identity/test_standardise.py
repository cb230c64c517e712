"""Standard forms: the contract's own examples and anti-examples, then what contracts cannot say."""

import re

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.catalog import Contracts
from contracts.phone import AS_FRACTION
from identity import standardise
from identity.agree import birth_dates_agree, first_names_agree, likeness, nicknames, short_names
from tests.hostile import corpus

RULES = Contracts().identity
EXAMPLES = [(name, good) for name, rule in RULES.identifiers.items() for good in rule.examples]
ANTI_EXAMPLES = [(name, bad) for name, rule in RULES.identifiers.items() for bad in rule.anti_examples]


def standard(identifier):
    return standardise.standard_of(RULES.identifiers[identifier], RULES.phone_region)


@given(st.text("0123456789 ()-.+", min_size=7, max_size=18))
def test_the_short_way_for_usual_numbers_says_what_the_library_says(raw):
    assume(not raw.strip().startswith("00") and not re.fullmatch(AS_FRACTION, raw.strip()))  # read otherwise on purpose
    short = standardise.phone(raw, "US")
    try:
        number = phonenumbers.parse(raw, "US")
    except phonenumbers.NumberParseException:
        assert short.reason == "malformed: not a phone number"
        return
    assert short.value == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert (short.reason is None) == phonenumbers.is_possible_number(number)


@given(st.from_regex(r"(\+?1[ -]?)?\(?[2-9]\d\d\)?[ .-]?[2-9]\d\d[ .-]?\d{4}", fullmatch=True))
def test_numbers_as_people_write_them_are_the_librarys(raw):
    expected = phonenumbers.format_number(phonenumbers.parse(raw, "US"), phonenumbers.PhoneNumberFormat.E164)
    assert standardise.phone(raw, "US").value == expected


@pytest.mark.parametrize(
    ("raw", "number"),
    [("0012127370020", "+12127370020"), ("0044 20 7946 0958", "+442079460958"), ("12127370027.0", "+12127370027"),
     ("2127370020.0", "+12127370020"), ("212.737.0020", "+12127370020"), ("+1 212\u200b 737 0020", "+12127370020")],
)  # fmt: skip
def test_a_number_is_read_as_it_is_dialled_abroad_and_as_spreadsheets_save_it(raw, number):
    assert standardise.phone(raw, "US") == standardise.Standard(number)


@pytest.mark.parametrize(("identifier", "example"), EXAMPLES)
def test_an_example_of_the_contract_has_its_standard_form(identifier, example):
    assert standard(identifier)(example.raw) == standardise.Standard(example.standard)


@pytest.mark.parametrize(("identifier", "example"), ANTI_EXAMPLES)
def test_an_anti_example_of_the_contract_is_refused_with_its_reason(identifier, example):
    reason = standard(identifier)(example.raw).reason
    assert reason is not None
    assert reason.startswith(example.reason)


def test_every_blocking_rule_of_the_contract_has_an_anti_example():
    for name, rule in RULES.identifiers.items():
        shown = {bad.reason for bad in rule.anti_examples}
        if rule.blocked_values:
            assert "blocked_value" in shown, name
        own = {item.name for item in rule.blocked_patterns} - {"word_for_nothing", "one_character_repeated"}
        assert own <= shown, name


@pytest.mark.parametrize("word", ["null", "undefined", "N/A", "None", "anonymous", "unknown"])
def test_a_programs_word_for_nothing_identifies_nobody(word):
    for identifier in ("user_id", "loyalty_id", "crm_id", "anonymous_id"):
        assert standard(identifier)(word).reason.startswith("word_for_nothing: a program wrote")


@pytest.mark.parametrize("short", ["111", "7", "22"])
def test_a_short_key_of_one_digit_is_a_key_and_no_filler(short):
    assert standard("loyalty_id")(short).reason is None


@given(st.sampled_from(sorted(RULES.identifiers)), st.text(max_size=40))
def test_standardising_twice_changes_nothing(identifier, raw):
    once = standard(identifier)(raw)
    if once.reason is None:
        assert standard(identifier)(once.value) == once


@given(st.text(max_size=30))
def test_a_name_standardised_twice_changes_nothing(raw):
    once = standardise.name(raw)
    assert standardise.name(once) == once


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        ("1984-03-09", "1984-03-09"), ("03/09/1984", "1984-03-09"), ("25/12/1984", "1984-12-25"),
        ("09.03.1984", "1984-03-09"), ("19840309", "1984-03-09"), ("9 Mar 1984", "1984-03-09"),
        ("March 9, 1984", "1984-03-09"), ("1984-03-09T00:00:00Z", "1984-03-09"), (" 1984-3-9 ", "1984-03-09"),
        ("1900-01-01", None), ("01/01/1970", None), ("1984-13-40", None), ("soon", None), (None, None),
    ],
)  # fmt: skip
def test_birth_dates_of_all_formats_become_iso_dates_and_placeholders_nothing(raw, iso):
    assert standardise.birth_date(raw, RULES.attributes) == iso


@pytest.mark.parametrize(
    ("raw", "plain"),
    [("  José ", "jose"), ("O'Brien", "obrien"), ("Søren", "soren"), ("Łukasz", "lukasz"), ("ANNE-MARIE", "anne marie"),
     ("Straße", "strasse"),
     ("Юлия", "юлия"), ("N/A", None), ("123", None), (None, None)],
)  # fmt: skip
def test_names_lose_case_accents_and_marks(raw, plain):
    assert standardise.name(raw) == plain


def test_streets_meet_in_their_abbreviations():
    assert standardise.street("12 North Main Street, Apartment 4") == standardise.street("12 n. main st apt 4")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("robert", "bob"),
        ("bob", "rob"),
        ("ann", "anna"),
        ("j", "john"),
        ("stephen", "steven"),
        ("юлия", "yulia"),
        ("дмитрии", "dmitry"),
        ("太郎", "taro"),
    ],
)
def test_first_names_of_one_person_agree(rules, left, right):
    assert first_names_agree(left, right, rules.attributes.name_likeness)
    assert first_names_agree(right, left, rules.attributes.name_likeness)


@pytest.mark.parametrize(("left", "right"), [("ann", "beth"), ("john", "james"), ("maria", "peter"), ("ольга", "eric")])
def test_first_names_of_two_people_do_not_agree(rules, left, right):
    assert not first_names_agree(left, right, rules.attributes.name_likeness)


def test_birth_dates_agree_across_one_slip_of_the_hand():
    assert birth_dates_agree("1984-03-09", "1984-09-03")
    assert birth_dates_agree("1984-03-09", "1984-03-08")
    assert birth_dates_agree("1984-03-09", "1948-03-09")
    assert not birth_dates_agree("1984-03-09", "1958-11-21")


def test_likeness_is_the_published_one():
    assert likeness("martha", "marhta") == pytest.approx(0.9611, abs=1e-4)
    assert likeness("dwayne", "duane") == pytest.approx(0.84, abs=1e-4)
    assert likeness("dixon", "dicksonx") == pytest.approx(0.8133, abs=1e-4)


def test_the_nicknames_are_in_standard_form():
    words = set(nicknames()) | set(short_names())
    assert len(words) > 300
    assert {word for word in words if standardise.name(word) != word} == set()


@pytest.mark.parametrize(("left", "right"), [("liz", "elizaebth"), ("billl", "william"), ("оля", "ольга")])
def test_a_nickname_with_a_slip_of_the_hand_agrees(rules, left, right):
    assert first_names_agree(left, right, rules.attributes.name_likeness)


def test_two_formal_names_do_not_agree_by_a_nickname_that_they_share(rules):
    assert not first_names_agree("katherine", "christopher", rules.attributes.name_likeness)


def test_a_name_in_an_indic_script_stays_one_word():
    assert standardise.name("दीपा") == standardise.name(" दीपा ")
    assert " " not in standardise.name("दीपा")


@pytest.mark.parametrize("identifier", sorted(RULES.identifiers))
def test_a_value_of_a_megabyte_is_refused_at_once_whatever_it_is_made_of(identifier):
    for piece in (*corpus.STRETCHED, "a\u0315\u0300"):  # accents that stand in the wrong order
        for text in ("y" + corpus.stretch(piece), piece * 300_000):
            assert str(standard(identifier)(text).reason).startswith("malformed"), piece


def test_a_key_of_many_dashes_is_a_key_and_is_told_so_at_once():
    for key in ("-" * 500 + "x", "-_" * 250, "- " * 250 + "x"):
        assert standard("user_id")(key) == standardise.Standard(key)
    assert str(standard("user_id")("-" * 500).reason).startswith("one_character_repeated")


def test_what_is_longer_than_a_name_or_an_address_can_be_is_none():
    long = "x" * 100_000
    assert standardise.name(long) is None
    assert standardise.street(long) is None
    assert standardise.postcode(long) is None
    assert standardise.email(f"{long}@example.com").reason == "malformed: longer than an e-mail address may be"
    assert standardise.code(long).reason == "malformed: longer than a key may be"
    assert standardise.name("😀🎉") is None
