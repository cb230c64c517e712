"""Declared Spark DDL types as Arrow types, so that a table can be made and written without a JVM."""

import re

import pyarrow as pa

from contracts.errors import ContractError
from contracts.table import Table

_SIMPLE = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "binary": pa.binary(),
}


def arrow_type(ddl: str) -> pa.DataType:
    """The Arrow type of one DDL type.

    Raises:
        ContractError: If tables cannot hold that type.
    """
    text = ddl.strip().lower()
    if text in _SIMPLE:
        return _SIMPLE[text]
    if decimal := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", text):
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    if array := re.fullmatch(r"array<(.+)>", text):
        return pa.list_(pa.field("element", arrow_type(array[1])))
    if mapping := re.fullmatch(r"map<(string),\s*(.+)>", text):
        return pa.map_(pa.string(), arrow_type(mapping[2]))
    raise ContractError(
        f"the column type {ddl!r} is not one that tables use",
        "contracts/tables",
        f"use one of: {', '.join(_SIMPLE)}, decimal(p,s), array<…>, map<string,…>",
    )


def arrow_schema(table: Table) -> pa.Schema:
    """The declared columns, all nullable: what must be there is the gates' business."""
    return pa.schema([pa.field(name, arrow_type(column.type)) for name, column in table.columns.items()])
