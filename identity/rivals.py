"""Records that the model finds alike to two people: who gives no birth date may be the father or the son.

The model weighs each pair alone, so that a record without a birth date is as like to one as to the other. It is linked
to neither unless the odds between the two are those that a link needs.
"""

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.agree import birth_dates_agree
from identity.placeholders import without_placeholders
from identity.sql import query

_RIVALS = """
    ends AS (
        SELECT left_record AS record_id, right_record AS other, match_weight FROM edges WHERE match_weight >= $least
        UNION ALL SELECT right_record, left_record, match_weight FROM edges WHERE match_weight >= $least),
    likely AS (
        SELECT ends.record_id, other, match_weight, strftime(theirs.birth_date, '%Y-%m-%d') AS birth_date
        FROM ends JOIN records AS mine USING (record_id) JOIN records AS theirs ON theirs.record_id = other
        WHERE mine.birth_date IS NULL AND theirs.birth_date IS NOT NULL
        QUALIFY match_weight > max(match_weight) OVER (PARTITION BY ends.record_id) - $least),
    rivals AS (
        SELECT a.record_id, a.other AS one, a.birth_date AS born, b.other AS rival, b.birth_date AS rival_born
        FROM likely a JOIN likely b USING (record_id) WHERE a.birth_date < b.birth_date)
"""


def block_rivals(edges: pa.Table, records: pa.Table, rules: IdentityRules) -> pa.Table:
    """Probabilistic edges (EDGE_COLUMNS), blocked where a record without a birth date is alike to two people.

    Args:
        edges: Probabilistic edges.
        records: identity.records.
        rules: The contract; its ``link_weight`` is how much likelier one of the two must be.
    """
    least = {"least": rules.probabilistic.link_weight}
    records = without_placeholders(records)
    dates = query(
        f"WITH {_RIVALS} SELECT DISTINCT born, rival_born FROM rivals ORDER BY ALL", least, edges=edges, records=records
    ).to_pylist()
    differ = [pair for pair in dates if not birth_dates_agree(pair["born"], pair["rival_born"])]
    return query(
        f"""WITH {_RIVALS},
                 torn AS (
                     SELECT record_id, unnest([one, rival]) AS other FROM rivals JOIN differ USING (born, rival_born))
            SELECT * REPLACE (CASE WHEN (left_record, right_record) IN (FROM torn)
                                     OR (right_record, left_record) IN (FROM torn)
                    THEN 'ambiguous: a record without a birth date is as like to somebody with another birth date'
                    ELSE blocked END AS blocked)
            FROM edges ORDER BY left_record, right_record""",
        least,
        edges=edges,
        records=records,
        differ=pa.table(
            {name: pa.array([pair[name] for pair in differ], pa.string()) for name in ("born", "rival_born")}
        ),
    )
