"""Features: what each one means and where it comes from.

Belongs here: the registry and what is derived from it (expressions, pages of documentation). Does not belong here:
statements (`stores/warehouse/features*.py`) and the feature store.
"""
