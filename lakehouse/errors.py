"""The errors of Clew, for all rooms above contracts."""

from contracts.errors import (
    ClewError,
    ContractError,
    DataError,
    EnvironmentFault,
    GateClosed,
    UsageError,
)

__all__ = ["ClewError", "ContractError", "DataError", "EnvironmentFault", "GateClosed", "UsageError"]
