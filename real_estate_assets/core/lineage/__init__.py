"""Lineage for other tools: what a run read and made, in OpenLineage's terms. Nothing is asked or sent here."""
