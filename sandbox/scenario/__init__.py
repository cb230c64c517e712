"""A generator of landing files for any business: what people do is declared in a scenario's sandbox.yml."""
