"""Lineage of rows: from any row back to the raw lines behind it, and from a line to every place where it had an effect."""
