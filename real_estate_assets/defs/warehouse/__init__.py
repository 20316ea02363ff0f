"""Warehouse: dbt's models as assets by tenant, built by one dbt process a chunk, published a tenant at a time."""
