"""Who is who: records, the evidence between them, clusters within constraints, and stable profiles."""
