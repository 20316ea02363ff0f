"""Trust: what a tenant's files say of each other, measured; the independent audit; what both look like to a person."""
