"""Student's t for any number of degrees of freedom: how likely so large a value is by chance, and which value is too large."""

import math

_TINY = 1e-300
_PRECISION = 1e-14
_MOST_TERMS = 10_000
_BISECTIONS = 200


def two_sided(t: float, freedom: float) -> float:
    """The chance of a value as far from 0 as this one."""
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def quantile95(freedom: float) -> float:
    """The value that 95 % of all lie within, to either side of 0."""
    low, high = 0.0, 1.0
    while two_sided(high, freedom) > 0.05:
        high *= 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, freedom) > 0.05 else (low, middle)
    return high


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised; by its continued fraction on the side where that converges fast (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    log_front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    if x < (a + 1) / (a + b + 2):
        return math.exp(log_front) / (a * _continued(a, b, x))
    return 1 - math.exp(log_front) / (b * _continued(b, a, 1 - x))


def _continued(a: float, b: float, x: float) -> float:
    """1 + d₁/(1 + d₂/(1 + …)) from its head on (Lentz 1976)."""
    value, above, below = 1.0, 1.0, 0.0
    for term in range(1, _MOST_TERMS):
        d = _coefficient(a, b, x, term)
        below = 1 / ((1 + d * below) or _TINY)
        above = (1 + d / above) or _TINY
        value *= above * below
        if abs(above * below - 1) < _PRECISION:
            break
    return value


def _coefficient(a: float, b: float, x: float, term: int) -> float:
    m = term // 2
    if term % 2:
        return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
