"""Telephone numbers as they were sent, beside the one form in which they are compared.

Silver keeps what was sent, ``(800) 555-0100``; profiles and what is handed over have ``+18005550100``.
"""

from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from contracts.phone import e164

if TYPE_CHECKING:
    import duckdb


def show(connection: "duckdb.DuckDBPyConnection", rules: IdentityRules, values: str) -> None:
    """Make the temporary table ``numbers``: identifier and value as sent, and number; of telephone numbers only.

    Args:
        connection: Shows what ``values`` reads.
        rules: Say which identifiers are telephone numbers, and of which region those without a country code are.
        values: A relation in SQL with identifier and value.
    """
    kinds = [name for name, rule in rules.identifiers.items() if rule.standard == "phone"]
    sent = connection.sql(
        f"SELECT DISTINCT identifier, value FROM {values} WHERE list_contains($kinds::VARCHAR[], identifier) "
        "AND value IS NOT NULL",
        params={"kinds": kinds},
    ).to_arrow_table()
    numbers = [e164(value, rules.phone_region)[0] for value in sent["value"].to_pylist()]
    connection.register("sent_numbers", sent.append_column("number", pa.array(numbers, pa.string())))
    connection.execute("CREATE OR REPLACE TEMP TABLE numbers AS FROM sent_numbers")
    connection.unregister("sent_numbers")
