"""The feature repository: what Feast is told about features. See README.md.

Belongs here: entities, views, services, and the queries they read; everything from the registry
(`real_estate_assets/core/features/registry.yaml`). Does not belong here: where anything is stored, which tenant is
asked for, and how values are computed.
"""
