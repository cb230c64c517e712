"""Word lists the people are made of: names in several scripts, nicknames, streets, cities."""

from __future__ import annotations

import re

# fmt: off
GIVEN = """
James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan
Joseph Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony
Margaret Mark Sandra Donald Ashley Steven Kimberly Paul Emily Andrew Donna Joshua Michelle Kenneth
Carol Kevin Amanda Brian Dorothy George Melissa Edward Deborah Ronald Stephanie Timothy Rebecca
Jason Sharon Jeffrey Laura Ryan Cynthia Jacob Kathleen Gary Amy Nicholas Angela Eric Shirley
Jonathan Anna Stephen Brenda Larry Pamela Justin Emma Scott Nicole Brandon Helen Benjamin Samantha
Samuel Katherine Gregory Christine Frank Debra Alexander Rachel Raymond Carolyn Patrick Janet Jack
Catherine Dennis Maria
"""
FAMILY = """
Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez
Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark
Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams
Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker
Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper
Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez Wood James
Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Ross Foster
O'Connor O'Brien Doyle
"""

# (as written, as its owner spells it in an e-mail address)
FIRST_NAMES: tuple[tuple[str, str], ...] = (
    *((name, name.lower()) for name in GIVEN.split()),
    ("José", "jose"), ("Zoë", "zoe"), ("Renée", "renee"), ("Siân", "sian"), ("Björn", "bjorn"),
    ("Łukasz", "lukasz"), ("Çağla", "cagla"), ("François", "francois"), ("Nguyễn An", "nguyen.an"),
    ("Søren", "soren"), ("Ángela", "angela"), ("Jürgen", "jurgen"), ("美咲", "misaki"), ("太郎", "taro"),
    ("Ольга", "olga"), ("Дмитрий", "dmitri"), ("محمد", "mohammed"), ("ליאורה", "liora"), ("지우", "jiwoo"),
    ("Ελένη", "eleni"), ("दीपा", "deepa"), ("小明", "xiaoming"),
)
FAMILY_NAMES: tuple[tuple[str, str], ...] = (
    *((name, name.lower().replace("'", "")) for name in FAMILY.split()),
    ("Müller", "mueller"), ("Núñez", "nunez"), ("Škvorecký", "skvorecky"), ("Åkesson", "akesson"),
    ("Lefèvre", "lefevre"), ("Øvergaard", "overgaard"), ("Yıldız", "yildiz"), ("田中", "tanaka"),
    ("佐藤", "sato"), ("王", "wang"), ("Иванова", "ivanova"), ("الحسن", "alhassan"), ("כהן", "cohen"),
    ("박", "park"), ("Παπαδόπουλος", "papadopoulos"), ("शर्मा", "sharma"), ("Smith-Jones", "smithjones"),
    ("de la Cruz", "delacruz"), ("van den Berg", "vandenberg"),
)
NICKNAMES: dict[str, str] = {
    "James": "Jim", "Robert": "Bob", "Patricia": "Pat", "John": "Jack", "Jennifer": "Jen", "Michael": "Mike",
    "David": "Dave", "Elizabeth": "Liz", "William": "Bill", "Barbara": "Barb", "Richard": "Rick",
    "Susan": "Sue", "Joseph": "Joe", "Jessica": "Jess", "Thomas": "Tom", "Charles": "Chuck", "Daniel": "Dan",
    "Christopher": "Chris", "Matthew": "Matt", "Anthony": "Tony", "Margaret": "Peggy", "Steven": "Steve",
    "Kimberly": "Kim", "Andrew": "Andy", "Joshua": "Josh", "Kenneth": "Ken", "Edward": "Ted", "Ronald": "Ron",
    "Stephanie": "Steph", "Timothy": "Tim", "Rebecca": "Becky", "Jeffrey": "Jeff", "Kathleen": "Kathy",
    "Nicholas": "Nick", "Jonathan": "Jon", "Stephen": "Steve", "Benjamin": "Ben", "Samantha": "Sam",
    "Samuel": "Sam", "Katherine": "Kate", "Gregory": "Greg", "Alexander": "Alex", "Raymond": "Ray",
    "Patrick": "Paddy", "Catherine": "Cathy", "José": "Pepe", "François": "Frank", "Дмитрий": "Дима",
    "Ольга": "Оля",
}
NICKNAMES_IN_LATIN = {"Дима": "Dima", "Оля": "Olya"}
STREETS = (
    "Main St", "Oak Ave", "Maple Ave", "Park Pl", "Cedar Ln", "Elm St", "Washington Ave", "Lake Dr",
    "Hill Rd", "Walnut St", "Spring St", "Church St", "Highland Ave", "River Rd", "Mill Rd",
    "Pleasant St", "Center St", "Prospect Ave", "Grand Concourse", "Broadway", "Franklin Ave",
    "Chestnut St", "Union Tpke", "Jefferson Blvd", "Piñon Ct", "Rue Cézanne",
)
# (city, first postcode, area codes in use there)
CITIES: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("New York", 10001, ("212", "646", "917")), ("Brooklyn", 11201, ("718", "347", "929")),
    ("Queens", 11354, ("718", "347")), ("Yonkers", 10701, ("914",)), ("Hempstead", 11550, ("516",)),
    ("Newark", 7102, ("973", "862")), ("Jersey City", 7302, ("201", "551")), ("Edison", 8817, ("732", "908")),
    ("Stamford", 6901, ("203", "475")), ("Hartford", 6103, ("860",)), ("Boston", 2108, ("617", "857")),
    ("Philadelphia", 19102, ("215", "267")), ("Buffalo", 14201, ("716",)), ("Albany", 12207, ("518",)),
)
MAIL_DOMAINS = (
    "gmail.com", "gmail.com", "gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "aol.com", "icloud.com",
    "example.org", "optonline.net",
)
SEARCHES = (
    "milk", "oat milk", "gluten free bread", "🍕 pizza", "crème fraîche", "牛乳", "jalapeño", "organic eggs",
    "dog food", "coffee", "turkey", "diapers size 3", "борщ", "ice cream 🍦", "paper towels", "salmon",
    "birthday cake", "cheddar", "\"sharp\" cheddar", "bananas", "back\\slash soda",
)
REVIEW_TEXTS = (
    "Great value 👍", "Would buy again.", "Très bon !", "Arrived bruised 😞", "美味しい", "Too salty for us",
    "Kids love it ❤️🧒🏽", "Not what the picture shows; \"family size\" is small", "Отлично", "ok",
)
SUBJECTS = (
    "Coupon did not apply", "Wrong item in my order", "App crashes 😡 at checkout", "Lost loyalty card",
    "¿Dónde está mi pedido?", "Refund please", "Can't log in", "Question about delivery pass",
    "Price at the till was higher", "Please update my address",
)

NOT_LATIN = re.compile("[\u0370-\u1dff\u3040-\u9fff\uac00-\ud7af]")
_IN_LATIN = NICKNAMES_IN_LATIN | {
    name: spelling.replace(".", " ").title()
    for name, spelling in (*FIRST_NAMES, *FAMILY_NAMES)
    if NOT_LATIN.search(name)
}


def in_latin(name: str) -> str:
    """Return a name as a clerk without its script writes it; one in Latin letters stays as it is."""
    return _IN_LATIN.get(name, name)
