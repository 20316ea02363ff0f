"""Enrichment: addresses in standard form, the property each record speaks of, where it lies, what endangers it."""
