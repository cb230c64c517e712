"""Exports to tools outside the lakehouse: from a release, consent-filtered, one receipt a row."""
