"""An explanation of identity for people: as text, and as a page of its own."""
