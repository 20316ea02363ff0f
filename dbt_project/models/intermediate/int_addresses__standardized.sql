{{ config(materialized='ephemeral') }}

select address_raw, address_usps, address_status, address_reason from {{ tenant_ref('stg_enrichment__addresses') }}
