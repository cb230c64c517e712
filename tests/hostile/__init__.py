"""Input that is meant to break things, made by code: the same seed gives the same bytes."""
