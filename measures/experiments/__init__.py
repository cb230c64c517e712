"""Experiments: who was exposed to what, what it did, how sure that is, and what experiments do to each other."""
