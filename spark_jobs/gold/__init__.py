"""Gold: facts keyed by profile, and the marts that dbt builds from them."""
