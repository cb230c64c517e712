"""The real purchases, mailings and redemptions as gold tables: a household for a person, and nobody to resolve."""

import datetime as dt

import duckdb

from contracts import HERE, Contracts
from measures.measure import Asked
from sandbox.real import data_folder

AS_OF = dt.date(2017, 12, 31)
TABLES = ("transactions", "products", "campaigns", "campaign_descriptions", "coupon_redemptions", "demographics")

_ORDERS = """
    CREATE TABLE gold.orders AS
    SELECT basket_id::VARCHAR AS order_id, any_value(household_id)::VARCHAR AS profile_id,
           sum(sales_value)::DECIMAL(18, 2) AS sales_value, sum(retail_disc)::DECIMAL(18, 2) AS retail_discount,
           sum(coupon_disc)::DECIMAL(18, 2) AS coupon_discount,
           sum(coupon_match_disc)::DECIMAL(18, 2) AS coupon_match_discount,
           min(timezone('UTC', transaction_timestamp)) AS ordered_at
    FROM real.transactions GROUP BY basket_id
"""
_PROFILES = """
    CREATE TABLE gold.profiles AS
    SELECT household_id::VARCHAR AS profile_id, age::VARCHAR AS age_band, income::VARCHAR AS income_band,
           household_size::VARCHAR AS household_size
    FROM (SELECT DISTINCT household_id FROM real.transactions) LEFT JOIN real.demographics USING (household_id)
"""
_MAILINGS = """
    CREATE TABLE gold.events AS
    SELECT 'email_delivered' AS event, household_id::VARCHAR AS profile_id,
           timezone('America/New_York', start_date::TIMESTAMP) + INTERVAL 7 HOUR AS occurred_at,
           map {'campaign_id': campaign_id::VARCHAR, 'campaign_type': campaign_type::VARCHAR} AS properties
    FROM real.campaigns JOIN real.campaign_descriptions USING (campaign_id)
"""
_LINES = """
    INSERT INTO gold.events
    SELECT 'item_purchased', household_id::VARCHAR, timezone('UTC', transaction_timestamp),
           map {'basket_id': basket_id::VARCHAR, 'product_id': product_id::VARCHAR, 'quantity': quantity::VARCHAR,
                'sales_value': sales_value::DECIMAL(12, 2)::VARCHAR,
                'retail_disc': retail_disc::DECIMAL(12, 2)::VARCHAR,
                'coupon_disc': coupon_disc::DECIMAL(12, 2)::VARCHAR,
                'coupon_match_disc': coupon_match_disc::DECIMAL(12, 2)::VARCHAR,
                'department': coalesce(department::VARCHAR, ''),
                'product_category': coalesce(product_category::VARCHAR, '')}
    FROM real.transactions LEFT JOIN real.products USING (product_id)
"""
_REDEMPTIONS = """
    INSERT INTO gold.events
    WITH baskets AS (
        SELECT household_id, timezone('America/New_York', timezone('UTC', transaction_timestamp))::DATE AS day,
               min_by(transaction_timestamp, basket_id) AS bought_at
        FROM real.transactions GROUP BY ALL
    )
    SELECT 'coupon_redeemed', r.household_id::VARCHAR,
           coalesce(timezone('UTC', bought_at),
                    timezone('America/New_York', redemption_date::TIMESTAMP) + INTERVAL 12 HOUR),
           map {'campaign_id': campaign_id::VARCHAR, 'coupon_upc': coupon_upc::VARCHAR}
    FROM real.coupon_redemptions AS r
    LEFT JOIN baskets AS b ON b.household_id = r.household_id AND b.day = r.redemption_date::DATE
"""
_LAPSES = """
    CREATE TABLE gold.journey_stages AS
    WITH bought AS (
        SELECT profile_id, ordered_at, lead(ordered_at) OVER (PARTITION BY profile_id ORDER BY ordered_at) AS next_at
        FROM (SELECT DISTINCT profile_id, ordered_at FROM gold.orders)
    )
    SELECT 'shopping' AS journey, profile_id, 'lapsed' AS stage, ordered_at + INTERVAL 60 DAY AS entered_at
    FROM bought WHERE ordered_at + INTERVAL 60 DAY < coalesce(next_at, TIMESTAMPTZ '2018-01-01 00:00:00+00')
"""


def real(lines: bool) -> Asked:
    """What a measure is given for the whole year, with the 1.47 million purchase lines or without."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute("CREATE SCHEMA gold")
    connection.execute("CREATE SCHEMA real")
    for table in TABLES:
        connection.read_parquet(str(data_folder() / f"{table}.parquet")).create_view("given")
        connection.execute(f"CREATE TABLE real.{table} AS FROM given")
        connection.execute("DROP VIEW given")
    for sql in (_ORDERS, _PROFILES, _MAILINGS, *((_LINES,) if lines else ()), _REDEMPTIONS, _LAPSES):
        connection.execute(sql)
    return Asked(connection, Contracts(HERE), AS_OF)
