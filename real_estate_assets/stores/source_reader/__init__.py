"""Reading tenants' source files: bytes of any honest shape in, batches of canonical records out."""

from real_estate_assets.stores.source_reader.locating import build_record_index, read_record_text
from real_estate_assets.stores.source_reader.reading import open_records
from real_estate_assets.stores.source_reader.unpacking import UnpackLimits

__all__ = ["UnpackLimits", "build_record_index", "open_records", "read_record_text"]
