"""What the README's figures come from: one module a subject, each run with `python -m benchmarks.NAME`.

A benchmark prints a readable table and, as its last line on standard output, one JSON object with its
figures. What it starts it also stops, and it leaves no file behind.
"""
