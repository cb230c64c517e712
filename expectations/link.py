"""How surely each profile is one person, by the assignments of its records: receipts and audiences are held to it."""

from contracts.link import FIRMEST_FIRST, IdentityMinimum
from expectations.rule import NoRows


def weakest_links() -> str:
    """A query: profile_id with the weakest kind of its records, link_kind, and their least link_probability."""
    kinds = list(FIRMEST_FIRST)
    return f"""SELECT profile_id, min(probability) AS link_probability,
                      list_extract({kinds}, max(list_position({kinds}, kind))) AS link_kind
               FROM identity.assignments GROUP BY profile_id"""


def as_sure_as_asked(table: str, minimum: IdentityMinimum, says: str, do: str) -> NoRows:
    """The rule that each profile of a table is as sure as its readers ask."""
    return NoRows(
        table=table,
        name="every_profile_is_as_sure_as_asked",
        says=says,
        why="its readers want nobody of whom identity is less sure",
        do=do,
        owner="identity",
        query=f"""SELECT profile_id, link_kind, link_probability
                  FROM (SELECT DISTINCT profile_id FROM {{batch}}) JOIN ({weakest_links()}) USING (profile_id)
                  WHERE NOT {minimum.condition}""",
    )
