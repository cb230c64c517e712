"""Measures: what statistics say of the marts: experiments, attribution, campaigns, metrics, hypotheses."""
