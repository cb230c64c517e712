"""The same answer on Spark: what grows with pairs is spread over tasks, what grows with records stays on the driver."""
