"""Valuation: from features and sales to a model, estimates with measured error, a ratio study and comparables."""
