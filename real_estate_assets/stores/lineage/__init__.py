"""Where lineage goes: files of events on disk, and from there to a collector. What they say is `core/lineage`'s."""
