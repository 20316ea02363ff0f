select file_no, record_no, record_type, stage, rule
from {{ tenant_rows('quarantine', 'record') }} as refused
