"""Which shared values join records, and the reason where they do not."""

import json


def one(*records):
    return frozenset(records)


def test_a_shared_loyalty_card_joins_the_shop_and_the_crm(town):
    town.record("crm:1", first_name="Ann", loyalty_id="44001").record("loyalty:44001")
    assert town.profiles() == {one("crm:1", "loyalty:44001")}


def test_a_login_joins_the_anonymous_visits_before_it(town):
    town.record("anonymous:a1").record("account:u1", 3, anonymous_id="A1")
    assert town.profiles() == {one("anonymous:a1", "account:u1")}


def test_a_shared_device_does_not_join_its_two_accounts(town):
    town.record("anonymous:a1").record("account:u1", 1, anonymous_id="a1").record("account:u2", 2, anonymous_id="a1")
    assert town.profiles() == {one("anonymous:a1"), one("account:u1"), one("account:u2")}
    reason = town.unusable()["anonymous:a1", "anonymous_id"]
    assert reason == "too_many_people: 2 people found on the value, 1 allowed"


def test_a_kiosk_with_many_users_joins_nobody(town):
    for number in range(6):
        town.record(f"account:u{number}", number, device_id="kiosk-7", email=f"u{number}@mail.net")
    assert all(len(profile) == 1 for profile in town.profiles())
    assert "6 people found on the value" in town.unusable()["account:u0", "device_id"]


def test_a_kiosk_without_logins_is_found_by_its_many_visitors(town):
    for number in range(26):
        town.record(f"anonymous:a{number}", number, device_id="kiosk-8")
    assert len(town.profiles()) == 26
    assert town.unusable()["anonymous:a0", "device_id"] == "too_many_records: 26 records found on the value, 25 allowed"


def test_an_address_that_thousands_typed_stops_identifying_without_being_listed(town):
    for number, name in enumerate(["Ann", "Boris", "Carla", "Dmitri", "Emil"]):
        town.record(f"crm:{number}", first_name=name, last_name="Lee", email="office@mail.net")
    assert len(town.profiles()) == 5
    assert town.unusable()["crm:0", "email"] == "too_many_people: 5 people found on the value, 4 allowed"


def test_a_family_mailbox_joins_neither_the_spouses_nor_the_mailbox(town):
    town.record("crm:1", first_name="Ann", last_name="Lee", email="the.lees@mail.net")
    town.record("crm:2", first_name="Boris", last_name="Lee", email="the.lees@mail.net")
    town.record("mailbox:9", email="the.lees@mail.net")
    assert len(town.profiles()) == 3
    reasons = town.reasons()
    assert reasons["crm:1", "crm:2", "email"] == "contested: first names differ on one email"
    assert reasons["crm:1", "mailbox:9", "email"].startswith("ambiguous: the email has several people")


def test_on_a_family_mailbox_the_same_name_still_joins(town):
    town.record("crm:1", first_name="Robert", last_name="Lee", email="the.lees@mail.net")
    town.record("crm:2", first_name="Ann", last_name="Lee", email="the.lees@mail.net")
    town.record("account:u1", first_name="Bob", last_name="Lee", email="the.lees@mail.net")
    assert town.profiles() == {one("crm:1", "account:u1"), one("crm:2")}


def test_twins_with_one_phone_stay_two_people(town):
    twin = {"last_name": "Lee", "birth_date": "1990-05-06", "phone": "(212) 736-5000"}
    town.record("crm:1", first_name="Ann", **twin).record("crm:2", first_name="Beth", **twin)
    assert len(town.profiles()) == 2
    assert town.reasons()["crm:1", "crm:2", "phone"] == "contested: first names differ on one phone"


def test_a_father_and_a_son_of_one_name_stay_two_people(town):
    town.record("crm:1", first_name="John", last_name="Lee", birth_date="1950-05-06", email="lee@mail.net")
    town.record("crm:2", first_name="John", last_name="Lee", birth_date="1981-11-19", email="lee@mail.net")
    assert len(town.profiles()) == 2
    assert town.reasons()["crm:1", "crm:2", "email"] == "contested: birth dates differ on one email"


def test_who_writes_neither_jr_nor_sr_is_neither_for_sure(town):
    for number, last_name in enumerate(["Kerr Sr", "Kerr Jr", "Kerr"]):
        town.record(f"crm:{number}", email="kerr@mail.net", first_name="John", last_name=last_name)
    assert len(town.profiles()) == 3
    assert town.reasons()["crm:0", "crm:1", "email"] == "contested: generations differ on one email"


def test_a_recycled_phone_does_not_link_two_people(town):
    town.record("crm:1", 0, 90, first_name="Ann", last_name="Lee", phone="(212) 736-5000")
    town.record("crm:2", 190, 300, first_name="Boris", last_name="Ek", phone="(212) 736-5000")
    assert one("crm:1", "crm:2") not in town.profiles()
    assert len(town.profiles()) == 2


def test_a_recycled_phone_links_a_call_to_the_tenant_of_that_day(town):
    town.record("crm:1", 0, 90, first_name="Ann", last_name="Lee", phone="(212) 736-5000")
    town.record("crm:2", 190, 300, first_name="Boris", last_name="Ek", phone="(212) 736-5000")
    town.record("phone:before", 40, phone="+1 212 736 5000").record("phone:after", 250, phone="212-736-5000")
    assert town.profiles() == {one("crm:1", "phone:before"), one("crm:2", "phone:after")}


def test_a_call_during_both_tenancies_of_a_landline_is_ambiguous(town):
    town.record("crm:1", 0, 300, first_name="Ann", last_name="Lee", phone="(212) 736-5000")
    town.record("crm:2", 10, 300, first_name="Boris", last_name="Lee", phone="(212) 736-5000")
    town.record("phone:9", 40, phone="(212) 736-5000")
    assert len(town.profiles()) == 3
    assert town.reasons()["crm:1", "phone:9", "phone"].startswith("ambiguous: the phone has several people")


def test_a_phone_unseen_for_long_may_have_changed_hands(town):
    town.record("phone:old", 0, phone="(212) 736-5000").record("phone:new", 2000, phone="(212) 736-5000")
    assert len(town.profiles()) == 2
    reason = town.reasons()["phone:new", "phone:old", "phone"]
    assert reason == "lapsed: the phone was unseen for more than 1825 days and may have changed hands"


def test_a_name_bridges_the_time_in_which_a_phone_was_unseen(town):
    town.record("crm:1", 0, first_name="Ann", last_name="Lee", phone="(212) 736-5000")
    town.record("crm:2", 2000, first_name="Ann", last_name="Lee", phone="(212) 736-5000")
    assert town.profiles() == {one("crm:1", "crm:2")}


def test_a_value_joins_n_records_by_n_minus_one_edges_to_the_eldest(town):
    for day in (5, 3, 9, 7):
        town.record(f"mailbox:{day}", day, email="ann.lee@mail.net")
    edges = town.resolve().edges.to_pylist()
    assert len(edges) == 3
    assert all("mailbox:3" in (edge["left_record"], edge["right_record"]) for edge in edges)


def test_evidence_never_holds_the_value(town):
    town.record("crm:1", email="ann.lee@mail.net", phone="(212) 736-5000", first_name="Ann")
    town.record("mailbox:1", email="ann.lee@mail.net", phone="(212) 736-5000")
    edges = town.resolve().edges.to_pylist()
    assert {edge["rule"] for edge in edges} == {"email", "phone"}
    for edge in edges:
        text = json.dumps(edge, default=str).lower()
        assert "ann" not in text
        assert "7365000" not in text
        evidence = json.loads(edge["evidence"])
        assert set(evidence["values"][0]["seen"]) == {"left", "right"}


def test_two_shared_mailboxes_are_one_edge_with_both_as_evidence(town):
    mailboxes = ["ann.lee@mail.net", "lee@post.org"]
    town.record("crm:1", email=mailboxes).record("account:u1", email=mailboxes)
    edges = town.resolve().edges.to_pylist()
    assert [edge["rule"] for edge in edges] == ["email"]
    assert len(json.loads(edges[0]["evidence"])["values"]) == 2


def test_a_test_address_makes_no_edge(town):
    town.record("crm:1", first_name="Ann", email="Test@test.com ").record("mailbox:1", email="test@test.com")
    assert len(town.profiles()) == 2
    assert town.resolve().edges.num_rows == 0
    assert town.unusable()["crm:1", "email"] == "blocked_value: typed by testers"
