"""Resolving any file of people: no lake, no contract, no trained model needed."""
