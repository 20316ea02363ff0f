"""Tenants: the registry in the warehouse mirrored into Dagster's partitions."""
