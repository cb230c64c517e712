"""Converters against the examples that the platforms publish."""

from collections.abc import Iterator

import duckdb
import pytest

from activation import convert
from contracts.catalog import Contracts
from identity.standardise import email

# Normalised forms: Google, Data Manager API, "Format user data". Hashes: TikTok, "List of supported IDs" (janedoe);
# Unified ID 2.0, "Normalization and Encoding" (user@example.com).
EMAILS = [
    ("cloudy.sanfrancisco+shopping@gmail.com", "cloudysanfrancisco@gmail.com"),
    ("user.name+NYC@Example.com", "user.name+nyc@example.com"),
    ("Jane.Doe+news@GoogleMail.com", "janedoe@googlemail.com"),
    ("  jane doe@example.com ", "janedoe@example.com"),
    ("no address", None),
    ("two@at@example.com", None),
    ("", None),
    (None, None),
]
PHONES = [
    ("+1 (800) 555-0100", "+18005550100"),
    ("+18005550100", "+18005550100"),
    ("(800)555-0100", None),  # without its country it is not E.164
    ("+1800555010012345", None),  # more than fifteen digits
    ("+1800CALLNOW", None),
    (None, None),
]
HASHES = [
    ("google_email_sha256", "User@Example.com", "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"),
    ("google_email_sha256", "jane.doe@gmail.com", "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"),
    ("google_phone_sha256", "+1 800 555 0100", "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"),
]
WRITTEN = ['"Ann" <Ann@Corp.com>', "mailto:ann@corp.com?subject=out", "ann@corp.com.", "a\u200bnn@corp.com",
           "ann%40corp.com", "ann%2Bshop%40corp.com", "Ann <mailto:ann@corp.com>"]  # fmt: skip


DOMAINS = Contracts().identity.mail_domains


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        convert.install(made, DOMAINS)
        yield made


def value(connection: duckdb.DuckDBPyConnection, macro: str, given: str | None) -> str | None:
    return connection.execute(f"SELECT {macro}(?::VARCHAR)", [given]).fetchone()[0]


@pytest.mark.parametrize(("sent", "normalised"), EMAILS)
def test_an_address_is_normalised_as_google_asks(
    sent: str | None, normalised: str | None, connection: duckdb.DuckDBPyConnection
) -> None:
    assert value(connection, "clew_google_email", sent) == normalised


@pytest.mark.parametrize(
    ("one", "other", "is_one_mailbox"),
    [
        ("user@corp.com", "User+NYC@Corp.com ", True),
        ("user+a+b@corp.com", "user+c@corp.com", True),
        ("j.doe@corp.com", "jdoe@corp.com", False),
        ("user@corp.com", "user@corp.org", False),
        ("+tag@corp.com", "@corp.com", False),
        ("+18005550100", "18005550100", False),
        ("j.doe@gmail.com", "jdoe@gmail.com", True),
        ("J.Doe+shop@GoogleMail.com", "jdoe@gmail.com", True),
        ("j.doe@gmail.com", "jroe@gmail.com", False),
        ("j.doe@gmail.com.org", "jdoe@gmail.com.org", False),
        *((sent, "ann@corp.com", True) for sent in WRITTEN),
    ],
)
def test_addresses_that_differ_in_a_tag_or_as_their_provider_allows_are_one_mailbox(
    one: str, other: str, is_one_mailbox: bool, connection: duckdb.DuckDBPyConnection
) -> None:
    of_one, of_other = (value(connection, "clew_mailbox", sent) for sent in (one, other))
    assert (of_one == of_other) is is_one_mailbox


@pytest.mark.parametrize(
    "given",
    ["user+nyc@corp.com", "user+a+b@corp.com", "+tag@corp.com", "user@corp.com", "j.d.oe@gmail.com", "J.Doe@Gmail.com",
     "j.doe+shop@googlemail.com", "...@gmail.com", "j.doe@mail.gmail.com", *WRITTEN],
)  # fmt: skip
def test_a_mailbox_is_what_identity_makes_of_the_address(given: str, connection: duckdb.DuckDBPyConnection) -> None:
    assert value(connection, "clew_mailbox", given) == email(given, "drop", DOMAINS).value


@pytest.mark.parametrize(("sent", "normalised"), PHONES)
def test_a_number_is_normalised_as_google_asks(
    sent: str | None, normalised: str | None, connection: duckdb.DuckDBPyConnection
) -> None:
    assert value(connection, "clew_google_phone", sent) == normalised


@pytest.mark.parametrize(("converter", "sent", "digest"), HASHES)
def test_a_hash_is_made_of_the_normalised_value(
    converter: str, sent: str, digest: str, connection: duckdb.DuckDBPyConnection
) -> None:
    assert value(connection, f"clew_convert_{converter}", sent) == digest


@pytest.mark.parametrize("converter", ["as_is", "plain_text", "email_address"])
@pytest.mark.parametrize(
    "sent", ["=1+1", "+1+1|cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1+1", "－1+x", "＠x",
             "=cmd|'/C calc'!A0", "=1+1@corp.com", "-x@corp.com", "+x@corp.com"],
)  # fmt: skip
def test_no_cell_begins_as_a_formula_does(converter: str, sent: str, connection: duckdb.DuckDBPyConnection) -> None:
    made = value(connection, f"clew_convert_{converter}", sent)
    assert made is None or made[0] == "'"
    if converter != "email_address" and not sent[0].isspace():
        assert made == f"'{sent}"


@pytest.mark.parametrize("converter", ["as_is", "plain_text", "email_address"])
@pytest.mark.parametrize("sent", [" =1+1", "  -2+x", "\u00a0=1", "\u2003@x", "\x00=1", " =1@corp.com"])
def test_blanks_and_signs_that_show_nothing_hide_no_formula(
    converter: str, sent: str, connection: duckdb.DuckDBPyConnection
) -> None:
    made = value(connection, f"clew_convert_{converter}", sent)
    assert made is None or made[0] == "'"
    assert (made is None) == (converter == "email_address")


@pytest.mark.parametrize("sent", ["a;=cmd|@b.co", "a,+1@b.co", "a|-x@b.co", 'a;"=1@b.co', "a;@b.co", "a@b;＝1.co"])
def test_an_address_that_goes_on_as_a_formula_behind_a_delimiter_is_none(
    sent: str, connection: duckdb.DuckDBPyConnection
) -> None:
    assert value(connection, "clew_convert_email_address", sent) is None


@pytest.mark.parametrize(
    ("converter", "sent", "made"),
    [
        ("as_is", "+18005550100", "+18005550100"),
        ("as_is", "-12.50", "-12.50"),
        ("as_is", "Smith;=1+1", "Smith;'=1+1"),
        ("plain_text", "Smith, @SUM(A1)", "Smith, '@SUM(A1)"),
        ("as_is", 'Smith;"=1+1"', 'Smith;"\'=1+1"'),
        ("as_is", " -12.50 ", " -12.50 "),
        ("email_address", "a;b@corp.com", "a;b@corp.com"),
        ("plain_text", "Anne-Marie + Co", "Anne-Marie + Co"),
        ("email_address", "a+tag-x=y@corp.com", "a+tag-x=y@corp.com"),
        ("as_is", " x ", " x "),
        ("plain_text", " Zoë\t\n  O'Neil ", "Zoë O'Neil"),
        ("plain_text", "  ", None),
        ("plain_text", "王 秀英 🎉", "王 秀英 🎉"),
        ("email_address", " Ada@Example.com ", "Ada@Example.com"),
        ("email_address", "Ada at example.com", None),
    ],
)
def test_readable_values_are_cleaned_and_kept(
    converter: str, sent: str, made: str | None, connection: duckdb.DuckDBPyConnection
) -> None:
    assert value(connection, f"clew_convert_{converter}", sent) == made
