"""Imported once by the server that each run to be killed is forked from; nothing here starts a thread or a JVM."""

import importlib
import os
import sys

# Runs that are killed after seconds: the quick compiler alone is done sooner than the optimising one.
os.environ.setdefault("CLEW_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

# PySpark takes a main module without a file for a doctest run of its own and ends the process.
vars(sys.modules["__main__"]).setdefault("__file__", __file__)

for name in (
    "activation.export",
    "deltalake",
    "duckdb",
    "expectations.gate",
    "great_expectations.expectations",
    "identity.resolve",
    "lakehouse.maintenance",
    "pyarrow.parquet",
    "splink",
    "tests.chaos.lines",
):
    importlib.import_module(name)
