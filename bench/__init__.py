"""Measures Conductus against hand-written SQL and against its peers, in one run.

`python -m bench` is the entry; `bench/README.md` says what each number means.
"""
