"""Kubernetes quantities (``250m``, ``1Gi``) as numbers and back, and ``25%`` of a count."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

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


_WRITTEN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(|[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)")
_DECIMAL, _BINARY = (
    ("n", "u", "m", "", "k", "M", "G", "T", "P", "E"),
    ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"),
)


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """A quantity as the API server stores it: no fraction, the largest unit that allows it.

    Rules of k8s.io/apimachinery, pkg/api/resource (read November 2026); what is written with an exponent
    stays as it is.

    Raises:
        ValueError: it is no quantity; in the API server's words.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    number, unit = Decimal(match[1]), match[2]
    if unit[:1] in ("e", "E") and unit != "E" and not unit.endswith("i"):
        return text
    units, base = _DECIMAL, 1000
    exact = number * (Decimal(1024) ** _BINARY.index(unit) if unit.endswith("i") else 1)
    if unit.endswith("i") and abs(exact) >= 1024:
        units, base, whole = _BINARY, 1024, math.ceil(exact)
    else:
        power = 3 if unit.endswith("i") else _DECIMAL.index(unit)
        whole = math.ceil(exact * Decimal(1000) ** power)
    if not whole:
        return "0"
    power = 0
    while not whole % base and power < len(units) - 1:
        whole, power = whole // base, power + 1
    return f"{whole}{units[power]}"


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


@dataclass(frozen=True)
class Quantity:
    """An exact amount that remembers its notation: sums are printed as the first summand was written.

    Attributes:
        thousandths: of the unit (cores, bytes, pieces), as whole numbers add up without error.
        binary: printed with Ki, Mi, Gi rather than k, M, G.
    """

    thousandths: int = 0
    binary: bool = False

    @classmethod
    def of(cls, text: object) -> Quantity:
        """A quantity as manifests write it; 0 for what is none (below a thousandth: rounded up)."""
        match = _PATTERN.match(str(text))
        if match is None or match[2] not in _UNITS:
            return cls(math.ceil(parse(text) * 1000))
        exact = Decimal(match[1]) * Decimal(_UNITS[match[2]]) * 1000
        return cls(math.ceil(exact.quantize(Decimal("1e-6"))), match[2].endswith("i"))

    def __add__(self, other: Quantity) -> Quantity:
        total = self.thousandths + other.thousandths
        return Quantity(total, self.binary if self.thousandths else other.binary)

    def __sub__(self, other: Quantity) -> Quantity:
        return self + Quantity(-other.thousandths, other.binary)

    def __str__(self) -> str:
        """Canonical: no fraction, the largest unit that allows it."""
        whole, rest = divmod(self.thousandths, 1000)
        if rest:
            return f"{self.thousandths}m"
        base, letters = (1024, ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
        if not self.binary or abs(whole) < base:
            base, letters = 1000, ["", "k", "M", "G", "T", "P", "E"]
        power = 0
        while whole and not whole % base and power < len(letters) - 1:
            whole, power = whole // base, power + 1
        return f"{whole}{letters[power]}"
