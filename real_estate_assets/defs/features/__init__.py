"""Features: what was known of each property and market on each day, from the marts to models and applications."""
