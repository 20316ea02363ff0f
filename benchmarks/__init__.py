"""Measurements (`python -m benchmarks`, `make bench`) and gates (`python -m benchmarks.gates`, `make gates`).

A benchmark is one module with a `PREFIX` and `run() -> list[Result]` (see `measure.py`), and a command of its own:
`python -m benchmarks.<name>`. What the project promises and can check stands in `gates/`. docs/measuring.md says more.
"""
