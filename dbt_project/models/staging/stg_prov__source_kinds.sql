select distinct on (source_kind) source_kind, reliability
from {{ source('prov', 'source_registry') }}
order by source_kind, version desc
