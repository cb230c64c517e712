"""Campaigns, measured without a holdout: who was mailed against who was not, discounts, second purchases."""
