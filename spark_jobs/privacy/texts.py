"""What a text that nobody could parse may name: whole words and numbers, never a part of one.

An erasure and what is told to a person ask the same, by the tokens of ``keys``: the number +18005550100 is not named by
a text that has +180055501009.
"""

from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.privacy import written
from spark_jobs.privacy.keys import NUMBER, WIDE, WORD, word_sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from contracts.identity import IdentityRules


def naming(connection: "duckdb.DuckDBPyConnection", tokens: "Iterable[str]", rules: "IdentityRules") -> None:
    """Make the temporary table ``naming``: source, position, part and token of the refused messages that name one.

    Args:
        connection: Shows silver.quarantine.
        tokens: What to look for (keys.tokens).
        rules: By which an address is known in any spelling of its mailbox.
    """
    connection.register("tokens_given", pa.table({"token": pa.array(sorted(set(tokens)), pa.string())}))
    text = "replace(payload, chr(0), '')"
    wide = f"list_filter(regexp_extract_all(t, '{WIDE}'), lambda w: contains(w, '@'))"
    words = f"list_concat(regexp_extract_all(t, '{WORD}'), {wide})"
    words = f"list_transform({words}, lambda w: lower(trim(w, '.:-'' ')))"
    words = f"list_transform({words}, lambda w: {word_sql('w', rules)})"
    numbers = f"list_transform(regexp_extract_all(t, '{NUMBER}'), lambda w: regexp_replace(w, '[^0-9]', '', 'g'))"
    told = written.duckdb_sql(text)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE naming AS
            SELECT DISTINCT source, position, part, token FROM (
                SELECT source, position, part, unnest(list_concat({words}, {numbers})) AS token
                FROM (SELECT source, position, part, {told} AS t FROM silver.quarantine WHERE payload IS NOT NULL))
            SEMI JOIN tokens_given USING (token)"""
    )
    connection.unregister("tokens_given")
