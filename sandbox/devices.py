"""Browsers, phones, tablets and kiosks: what an anonymous id stands for, and who uses it."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.draws import dice, uuid
from sandbox.people import Person

HOUSEHOLDS_PER_KIOSK = 40
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome"
SAFARI = "AppleWebKit/603.3.8 (KHTML, like Gecko) Version"
USER_AGENTS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}/61.0.3163.100 Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_12_6) {SAFARI}/10.1.2 Safari/603.3.8",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:56.0) Gecko/20100101 Firefox/56.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X) {SAFARI}/10.0 Mobile/14G60 Safari/602.1",
    f"Mozilla/5.0 (Linux; Android 7.0; SM-G930V Build/NRD90M) {CHROME}/59.0.3071.125 Mobile Safari/537.36",
)
KIOSK_AGENT = f"Mozilla/5.0 (X11; Linux armv7l) {CHROME}/60.0.3112.89 Kiosk/1.4 Safari/537.36"
MODELS = (
    ("Apple", "iPhone9,3", "ios", "iOS", "10.3.3"),
    ("Apple", "iPhone10,6", "ios", "iOS", "11.1.2"),
    ("samsung", "SM-G930V", "android", "Android", "7.0"),
    ("Google", "Pixel 2", "android", "Android", "8.0.0"),
    ("motorola", "Moto G (5) Plus", "android", "Android", "7.0"),
)
TABLET = ("Apple", "iPad6,11", "ios", "iOS", "10.3.3")


@dataclass(frozen=True)
class Device:
    """One cookie jar or one app install.

    `owner` is the person that the truth gives its anonymous id to; of a shared one, the main user.
    """

    anonymous_id: str
    owner: Person
    is_shared: bool
    user_agent: str = ""
    device_id: str = ""
    model: tuple[str, str, str, str, str] = TABLET


def web_devices(person: Person, seed: int) -> list[Device]:
    """Return one to three browsers; a cleared cookie jar counts as another one."""
    chance = dice(seed, "browsers", person.number)
    count = chance.choices((1, 2, 3), (50, 35, 15))[0] if person.has_web else 0
    return [
        Device(uuid(seed, "cookie", person.number, slot), person, False, user_agent=chance.choice(USER_AGENTS))
        for slot in range(count)
    ]


def app_devices(person: Person, seed: int) -> list[Device]:
    """Return the person's phone, and the one that replaced it during the year if it was replaced."""
    chance = dice(seed, "phones", person.number)
    count = chance.choices((1, 2), (88, 12))[0] if person.has_app else 0
    return [
        Device(
            uuid(seed, "install", person.number, slot),
            person,
            False,
            device_id=uuid(seed, "device", person.number, slot).upper(),
            model=chance.choice(MODELS),
        )
        for slot in range(count)
    ]


def family_tablets(people: list[Person], seed: int) -> dict[int, Device]:
    """Return, by household, a tablet on which every account holder of a household logs in."""
    holders: dict[int, list[Person]] = {}
    for person in people:
        if person.user_id:
            holders.setdefault(person.household, []).append(person)
    return {
        household: Device(
            uuid(seed, "tablet install", household),
            members[0],
            True,
            device_id=uuid(seed, "tablet", household).upper(),
        )
        for household, members in holders.items()
        if len(members) > 1 and dice(seed, "has tablet", household).random() < 0.35
    }


def kiosks(people: list[Person], seed: int) -> dict[int, Device]:
    """Return, by person number, the in-store kiosk that the person logs in on now and then."""
    households = list(dict.fromkeys(person.household for person in people))
    group_of = {household: place // HOUSEHOLDS_PER_KIOSK for place, household in enumerate(households)}
    found: dict[int, Device] = {}
    first: dict[int, Person] = {}
    for person in people:
        if person.is_kiosk_user:
            group = group_of[person.household]
            owner = first.setdefault(group, person)
            found[person.number] = Device(uuid(seed, "kiosk", group), owner, True, user_agent=KIOSK_AGENT)
    return found
