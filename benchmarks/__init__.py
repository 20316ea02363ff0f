"""One command a benchmark, each printing ratios to a named peer or floor: `python -m benchmarks.<name>`.

Every module has `run() -> list[Result]` (see `measure.py`); `make bench` collects them into bench.json.
"""
