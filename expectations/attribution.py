"""Rules on attribution: what channels are credited with is what was ordered, and nobody is seen in it."""

from contracts.attribution import MODELS
from expectations.rule import NoRows, Rule
from expectations.suite import Scene

_DO = "report it as a fault of measures.attribution, with the rows named here; the last release stays"


def rules(scene: Scene, columns: dict[str, list[str]]) -> list[Rule]:
    """None where no attribution is declared, or its tables are not there yet."""
    declared = scene.contracts.attribution
    if declared is None or not {"gold.attribution", "gold.attribution_paths", declared.outcome.table} <= set(columns):
        return []
    told = declared.outcome
    models = ", ".join(f"('{model}')" for model in MODELS)
    ordered = f'SELECT count(*) AS orders, coalesce(sum("{told.value}"), 0) AS value FROM {told.table}'
    within = f"""SELECT a.period, count(o.at) AS orders, coalesce(sum(o.value), 0) AS value
                 FROM (SELECT DISTINCT period, period_from, period_until FROM {{batch}} WHERE period <> 'all') AS a
                 LEFT JOIN (SELECT "{told.at}" AS at, "{told.value}" AS value FROM {told.table}) AS o
                      ON CAST(o.at AS DATE) BETWEEN a.period_from AND a.period_until
                 GROUP BY a.period"""
    return [
        NoRows(
            table="gold.attribution",
            name="every_model_credits_all_orders",
            says=f"The credits of each period, model and level sum to the orders of {told.table}, to the cent.",
            why="a model that credits more or less than was sold is believed by whoever gains by it",
            do=_DO,
            owner=declared.owner,
            query=f"""WITH credited AS (
                          SELECT period, model, level, sum(orders) AS orders, sum(value) AS value
                          FROM {{batch}} GROUP BY ALL
                      ),
                      asked AS (
                          SELECT period, model, level FROM credited
                          UNION SELECT 'all', model, 'channel' FROM (VALUES {models}) AS m(model)
                      ),
                      ordered AS (SELECT 'all' AS period, * FROM ({ordered}) UNION ALL {within})
                      SELECT a.period, a.model, a.level, coalesce(c.value, 0) AS credited, o.value AS ordered
                      FROM asked AS a JOIN ordered AS o USING (period)
                      LEFT JOIN credited AS c USING (period, model, level)
                      WHERE coalesce(c.value, 0) <> o.value OR coalesce(c.orders, 0) <> o.orders""",
        ),
        NoRows(
            table="gold.attribution_paths",
            name="every_order_ends_one_path",
            says=f"The orders of all paths are those of {told.table}, to the cent.",
            why="paths that lose orders, or count one twice, tell of journeys that nobody made",
            do=_DO,
            owner=declared.owner,
            query=f"""SELECT p.value AS of_paths, o.value AS ordered
                      FROM (SELECT coalesce(sum(orders), 0) AS orders, coalesce(sum(value), 0) AS value
                            FROM {{batch}}) AS p, ({ordered}) AS o
                      WHERE p.value <> o.value OR p.orders <> o.orders""",
        ),
        *(
            NoRows(
                table=table,
                name="no_cell_shows_a_few_people",
                says=f"No row of {table} is of one to four people, but for one that is all there is.",
                why="what so few people did can be led back to them",
                do=_DO,
                owner=declared.owner,
                query=f"SELECT {key} FROM {{batch}} WHERE people BETWEEN 1 AND 4 AND {name} <> 'other'",
            )
            for table, key, name in (
                ("gold.attribution", "period, model, level, channel, campaign", "channel"),
                ("gold.attribution_paths", "path", "path"),
            )
        ),
    ]
