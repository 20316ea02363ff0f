"""What the project promises, held against the data: `python -m benchmarks.gates [--only PREFIX] [--long]`.

A module here has a `PREFIX` and `lines(demo: Demo) -> Iterator[Gate]`; each value is computed when it is asked for,
from the warehouse, the event log, the files or the code, and never read from a file that somebody wrote.
"""
