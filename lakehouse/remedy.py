"""What mends a damaged table: to compute it again, where it can be, or a backup."""

from lakehouse.intact import Damage

ACCOUNT = "ops.row_counts"
_COMPUTED = ("silver", "gold")
_COMPUTED_OF_IDENTITY = ("records", "identifiers", "edges", "assignments", "stitches", "review_queue")
_COMPUTED_OF_OPS = (ACCOUNT, "ops.resolutions")
_BACKUP = "put the folder of the table back from a backup; what was written since is lost with it"
_INSTEAD_OF_BACKUP = {
    "bronze": "put the folder of the table back from a backup. Without one, and with all landing files at hand: move "
    "the folder and the source's folder in lake/_checkpoints/bronze away, then: clew run --from-landing 1; its lines "
    "land again, in a new order",
}


def is_computed(table: str) -> bool:
    """Whether a table can be computed again from others."""
    schema, name = table.split(".")
    of_identity = schema == "identity" and name in _COMPUTED_OF_IDENTITY
    return schema in _COMPUTED or table in _COMPUTED_OF_OPS or of_identity


def without_computing(table: str) -> str:
    """What to do about a table that is computed from no other."""
    return _INSTEAD_OF_BACKUP.get(table.split(".")[0], _BACKUP)


def remedy(damage: Damage) -> str:
    """What to do about a damage: the command that mends it, or where the table comes from otherwise."""
    can_restore = damage.is_hint or is_computed(damage.table)
    return f"clew restore {damage.table}" if can_restore else without_computing(damage.table)
