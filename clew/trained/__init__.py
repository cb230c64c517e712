"""What came of training, for people: as text, and as a page with charts."""
