"""What the business declares, as YAML, and the models that load and check it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contracts.catalog import Contracts

HERE = Path(__file__).resolve().parent
"""The declarations that come with Clew."""

DBT_MODELS = HERE.parent / "dbt_project" / "models"
"""The models of the marts, which exports name and gates check."""

ALL, LEAST = "engineer", "analyst"
"""The role of whoever may enter the restricted folder, and that of everybody else, where none is named."""

__all__ = ["ALL", "DBT_MODELS", "HERE", "LEAST", "Contracts"]


def __getattr__(name: str) -> Any:
    """The models are built on first use: a query needs only the errors and this folder, and saves 0.2 s."""
    if name == "Contracts":
        from contracts.catalog import Contracts

        return Contracts
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
