"""Lineage of rows: from a row back to the raw lines behind it, and from a line to all its effects."""
