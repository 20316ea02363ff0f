"""Street addresses: the USPS Publication 28 form beside the raw text, and a key to compare addresses by.

Belongs here: reading one line of address text. Does not belong here: saying whether an address exists (nothing here
asks the Postal Service), where it lies (`enrichment/locations`), or which property it names (`core/identity.py`).
"""

from real_estate_assets.core.addresses.standard import (
    PARSER,
    Reason,
    StandardAddress,
    Status,
    address_key,
    parser_version,
    standardize,
)

__all__ = ["PARSER", "Reason", "StandardAddress", "Status", "address_key", "parser_version", "standardize"]
