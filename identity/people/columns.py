"""Which column of a file means what, by the names that columns of people commonly have."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import UsageError

NAMES: dict[str, str] = {
    "record_id": "record_id id unique_id rec_id row_id record record_key source_record_id",
    "customer": "customer customer_id cust_id customer_no customer_number customer_key client_id client_number "
    "contact_id account_id account_number account_no user_id kundennummer kunden_id",
    "full_name": "full_name name display_name complete_name person_name customer_name contact_name",
    "first_name": "first_name first given_name given forename fname first_names christian_name "
    "vorname prenom prénom nombre",
    "last_name": "last_name last surname family_name lname sname second_name "
    "nachname familienname nom apellido apellidos",
    "middle_name": "middle_name middle midl_name middle_names middle_initial mi second_given_name zweiter_vorname",
    "birth_date": "birth_date date_of_birth dob birthday birthdate born bdate d_o_b "
    "geburtsdatum geburtstag date_de_naissance fecha_de_nacimiento",
    "birth_year": "birth_year year_of_birth yob by",
    "birth_month": "birth_month month_of_birth mob bm",
    "birth_day": "birth_day day_of_birth bd",
    "email": "email e_mail email_address mail email1 email_addr courriel correo",
    "phone": "phone phone_number telephone tel mobile mobile_phone cell cell_phone phone1 telephone_number "
    "contact_number mobile_no mobile_number telefon telefonnummer handy mobilnummer téléphone teléfono telefono",
    "national_id": "national_id ssn soc_sec_id social_security_number national_insurance_number nino nhs_number tax_id "
    "passport passport_number personal_number cpf",
    "card": "loyalty_id loyalty_number card_number loyalty_card membership_number member_id",
    "house": "house street_number house_number house_no street_no building_number addr_number",
    "street": "street address address_1 address1 address_line_1 street_address street_name addr address_line addr1 "
    "straße strasse rue calle dirección direccion",
    "street_2": "address_2 address2 address_line_2 addr2 unit apartment",
    "city": "city town suburb locality place municipality village ort stadt ville ciudad",
    "postcode": "postcode zip zip_code postal_code post_code zipcode postcode_fake postal "
    "plz postleitzahl code_postal código_postal codigo_postal",
    "state": "state province county region state_code",
    "gender": "gender sex",
    "birth_place": "birth_place place_of_birth birthplace born_in birth_city",
    "occupation": "occupation job profession job_title",
}
"""What a column can mean, and the names that it then has; case, spaces and punctuation do not count."""

OWNERS = "billing shipping delivery customer contact client buyer guest primary main home patient applicant".split()
"""Words before such a name that say whose it is and not what, as in Billing First Name."""
MEANINGS = tuple(NAMES)
COMPARED = tuple(name for name in MEANINGS if name != "record_id")


@dataclass(frozen=True)
class Columns:
    """The columns of one file.

    Attributes:
        of: Column by meaning.
        ignored: Columns that mean nothing to us, in the order of the file.
    """

    of: dict[str, str]
    ignored: tuple[str, ...]


def recognise(header: Sequence[str], file: str, told: Mapping[str, str] | None = None, id_column: str = "") -> Columns:
    """Find out what the columns of a file mean.

    Args:
        header: Its columns.
        file: Its name, for errors.
        told: Meaning by column, from ``--columns``; what it names goes before what we would guess, and the meaning
            ``ignore`` takes a column out.
        id_column: The column that names a record, from ``--id-column``.

    Raises:
        UsageError: If a column that was named is not there, or nothing that can be compared was recognised.
    """
    told = dict(told or {}) | ({id_column: "record_id"} if id_column else {})
    for column in told:
        if column not in header:
            raise UsageError(f"there is no column {column}", file, f"columns there are: {', '.join(header)}")
    known = {_bare(name): meaning for meaning, names in NAMES.items() for name in names.split()}
    found = {meaning: column for column, meaning in told.items() if meaning != "ignore"}
    ranks = {_bare(name): rank for names in NAMES.values() for rank, name in enumerate(names.split())}
    guessed = [name for name in header if name not in told]
    for bare in (_bare, _without_owner):  # what is plainly called something goes before what somebody's is
        for column in sorted(guessed, key=lambda name: ranks.get(bare(name), 0)):
            meaning = known.get(bare(column))
            if meaning and column not in found.values():
                found.setdefault(meaning, column)
    if not set(found) & set(COMPARED):
        raise UsageError(
            "no column of people was recognised", file, "say what the columns mean: --columns map.yml (column: meaning)"
        )
    return Columns(found, tuple(name for name in header if name not in found.values()))


def read_map(path: Path) -> dict[str, str]:
    """Meaning by column, from a YAML file of ``column: meaning``.

    Raises:
        UsageError: If it is no such file, or names a meaning that there is not.
    """
    try:
        given: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError("the map of columns cannot be read", str(path), "write lines of column: meaning") from error
    if not isinstance(given, dict) or not all(isinstance(item, str) for pair in given.items() for item in pair):
        raise UsageError("the map of columns is not a map", str(path), "write lines of column: meaning")
    for column, meaning in given.items():
        if meaning not in (*MEANINGS, "ignore"):
            near = difflib.get_close_matches(meaning, MEANINGS, n=1)
            do = f"did you mean {near[0]}?" if near else f"one of: {', '.join(MEANINGS)}, ignore"
            raise UsageError(f"{meaning} is nothing that a column can mean", f"{path}, {column}", do)
    twice = [meaning for meaning in set(given.values()) - {"ignore"} if list(given.values()).count(meaning) > 1]
    if twice:
        raise UsageError(f"two columns mean {min(twice)}", str(path), "name one, and give the other the meaning ignore")
    return given


def _without_owner(name: str) -> str:
    owner, *rest = re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name.strip(), maxsplit=1)
    return _bare(rest[0]) if rest and owner.lower() in OWNERS else ""


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
