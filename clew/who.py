"""Which profile is meant, where a command needs one."""

from typing import TYPE_CHECKING

from contracts.errors import DataError

if TYPE_CHECKING:
    from clew.workspace import Reading
    from rights.who import Who


def the_one(found: list[str], who: "Who", reading: "Reading", option: str = "") -> str:
    """The one profile that was found.

    Args:
        found: Ids of the profiles found.
        who: What was asked.
        reading: Where.
        option: What to add to the commands that are suggested.

    Raises:
        DataError: If there is none, or several.
    """
    if not found:
        see = 'see the profiles: clew query "SELECT profile_id FROM gold.profiles LIMIT 10"'
        if who.is_profile_id:
            see = f"say what it is, if it is no profile id, as in email:…, phone:… or crm:…; or {see}"
        verb = "has" if who.is_profile_id else "holds"
        raise DataError(f"no profile {verb} this {who.noun}", reading.name, see)
    if len(found) > 1:
        shown = "\n         ".join(f"clew profile {profile_id}{option}" for profile_id in found)
        raise DataError(f"{len(found)} profiles hold this {who.noun}", reading.name, f"look at each:\n         {shown}")
    return found[0]
