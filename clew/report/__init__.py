"""The journeys of a release as a site of static pages: each figure with its SQL, its release and its declaration."""
