"""Tenants: the reviewed description of each one, read from YAML, with every fault named by line."""

from real_estate_assets.core.tenants.loading import parse_tenant_file
from real_estate_assets.core.tenants.model import (
    Layout,
    Source,
    SourceFileEntry,
    TenantFile,
    config_sha256,
    read_source_entry,
    source_entry,
)
from real_estate_assets.core.tenants.problems import Problem, TenantFileError

__all__ = [
    "Layout",
    "Problem",
    "Source",
    "SourceFileEntry",
    "TenantFile",
    "TenantFileError",
    "config_sha256",
    "parse_tenant_file",
    "read_source_entry",
    "source_entry",
]
