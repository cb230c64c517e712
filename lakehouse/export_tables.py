"""The tables that an export is made of, and that its gate holds it against."""

from contracts import Contracts
from contracts.export import Destination
from lakehouse import consent

_READ = (
    *consent.READ,
    "gold.consent_state",
    "gold.profile_contact",
    "gold.profile_identifiers",
    "gold.profile_redirects",
    "gold.profiles",
    "identity.identifiers",
    "ops.deliveries",
    "ops.policies",
    "ops.releases",
    "ops.retractions",
    "silver.identifiers",
)


def export_tables(contracts: Contracts, destination: Destination) -> list[str]:
    """What a connection must show for an export to a destination: a quarter of the lake's tables.

    Scarce deliveries are shared out among destinations, so it is the audiences of all of them.
    """
    return [*_READ, *(f"gold.{one.audience}" for one in (destination, *contracts.destinations.values()))]
