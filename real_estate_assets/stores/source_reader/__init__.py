"""Reading tenants' source files: bytes of any honest shape in, batches of canonical records out."""
