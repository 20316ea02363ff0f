"""Telling other tools what the runs read and made, beside the work and never in its way."""
