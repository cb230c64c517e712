"""The pages of `clew report journeys` in a real headless Chromium; ``make report-check`` runs it."""
