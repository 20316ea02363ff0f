"""The warehouse in Postgres: typed access, by role, with the tenant as a required argument.

Belongs here: one module per thing that is stored (files and evidence, records, quarantine, enrichment, reference
layers, tenants, outcomes). Does not belong here: models, which are dbt's, and schema, which is the migrations'.
"""

from real_estate_assets.stores.warehouse.connection import Warehouse

__all__ = ["Warehouse"]
