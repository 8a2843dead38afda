"""Kubernetes quantities (``250m``, ``1Gi``) as numbers and back, and ``25%`` of a count."""

from __future__ import annotations

import math
import re

_UNITS = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
} | {f"{letter}i": 1024.0 ** (i + 1) for i, letter in enumerate("KMGTPE")}
_PATTERN = re.compile(r"^([+-]?[0-9.]+)([A-Za-z]*)$")


def parse(text: object) -> float:
    """Cores or bytes; 0 for what is no quantity."""
    if isinstance(text, int | float):
        return float(text)
    match = _PATTERN.match(str(text))
    if match is None or match[2] not in _UNITS:
        return float(str(text)) if re.match(r"^[+-]?\d+(\.\d+)?[eE][+-]?\d+$", str(text)) else 0.0
    return float(match[1]) * _UNITS[match[2]]


def cores(value: float) -> str:
    """CPU in whole millicores, rounded up as metrics-server does for the autoscaler."""
    return f"{math.ceil(value * 1000 - 1e-9)}m"


def kibibytes(value: float) -> str:
    """Memory in Ki."""
    return f"{round(value / 1024)}Ki"


def share(value: object, total: int, round_up: bool) -> int:
    """``25%`` of ``total``, or the number itself."""
    if isinstance(value, str) and value.endswith("%"):
        part = total * int(value[:-1]) / 100
        return math.ceil(part) if round_up else math.floor(part)
    return int(str(value))
