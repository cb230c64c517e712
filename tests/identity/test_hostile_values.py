"""Values that would join everybody, or take for ever to compare."""

from tests.identity.scenarios import ANN, HOME


def test_ten_thousand_people_on_one_mailbox_are_no_one_person(town):
    for number in range(10_000):
        town.record(f"crm:{number}", email="all@mail.net", first_name=f"Name{number}", last_name=f"Other{number}")
    assert len(town.profiles()) == 10_000
    assert len(town.unusable()) == 10_000


def test_endless_names_addresses_and_keys_identify_nobody_and_are_not_compared(town):
    endless = "xy" * 50_000
    for number in range(60):
        said = {"first_name": endless + str(number), "last_name": endless, "street": endless}
        town.record(f"crm:{number}", email=f"{endless}@mail.net", loyalty_id=endless, **(HOME | said))
    assert len(town.profiles()) == 60
    assert {reason.split(":")[0] for reason in town.unusable().values()} == {"malformed"}


def test_a_name_of_pictures_is_no_name_and_signs_that_show_nothing_or_other_letters_are_told_apart(town):
    town.record("crm:1", email="ann@mail.net", **ANN)
    town.record("crm:2", email="аnn@mail.net", **ANN)  # a Cyrillic letter
    town.record("crm:3", email="😀@mail.net", first_name="😀", last_name="🎉")
    town.record("crm:4", email="ann@mail.net\u202e", first_name="\u200b", last_name="\ufeff")
    assert town.profiles() == {frozenset({"crm:1", "crm:4"}), frozenset({"crm:2"}), frozenset({"crm:3"})}
