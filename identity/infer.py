"""Which edges are *inferred*: nothing that a person holds says who it was, but the device used, or the time of use.

An edge by an identifier that the contract marks ``infers``, a device, is inferred; so is one on a value that several
people had in turn, where only the time says whose it was then. An edge by any other identifier, a log-in among them,
is deterministic. Edges are joined in the order of their kinds, so that none is inferred where a firmer one joins.
"""

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.sql import query

BY_TENANCY = "shared value within its tenancy"
"""How evidence says that a record without a name was joined to who had the value when it was seen."""


def mark_inferred(edges: pa.Table, rules: IdentityRules) -> pa.Table:
    """Deterministic edges (EDGE_COLUMNS), each that rests on inference alone with the kind ``inferred``.

    An edge on several values rests on those that are not blocked.
    """
    inferring = ", ".join(f"'{name}'" for name, rule in rules.identifiers.items() if rule.infers)
    by_device = f"rule IN ({inferring})" if inferring else "false"
    return query(
        f"""SELECT * REPLACE (CASE WHEN {by_device} OR contains(evidence, '{BY_TENANCY}') AND len(list_filter(
                   from_json(evidence -> '$.values', '[{{"how": "VARCHAR", "blocked": "VARCHAR"}}]'),
                   lambda item: item.blocked IS NULL AND item.how <> '{BY_TENANCY}')) = 0
                   THEN 'inferred' ELSE kind END AS kind)
            FROM edges ORDER BY left_record, right_record, rule""",
        edges=edges,
    )
