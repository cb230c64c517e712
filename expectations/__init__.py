"""Quality gates: Great Expectations suites over the Delta tables of the lake, and what a closed gate says."""
