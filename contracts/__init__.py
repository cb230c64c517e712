"""What the business declares, as YAML, and the models that load and check it."""

from contracts.catalog import Contracts

__all__ = ["Contracts"]
