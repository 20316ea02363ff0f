"""Reference layers: public data that belongs to no tenant, landed once and loaded whole."""
