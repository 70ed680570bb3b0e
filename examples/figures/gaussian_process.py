"""A Gaussian process through four observations, and the probability of improving on the best of them."""

import math

OBSERVED = [(0.8, 0.15), (2.6, 0.85), (4.3, 0.42), (8.9, 0.20)]
LENGTH_SCALE, SIGNAL, NOISE = 1.25, 0.55, 0.02


def kernel(a: float, b: float) -> float:
    """Squared exponential covariance."""
    return SIGNAL**2 * math.exp(-((a - b) ** 2) / (2 * LENGTH_SCALE**2))


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve matrix · x = right by Gaussian elimination with partial pivoting."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(column + 1, size):
            factor = rows[row][column] / rows[column][column]
            rows[row] = [below - factor * above for below, above in zip(rows[row], rows[column], strict=True)]
    answer = [0.0] * size
    for row in reversed(range(size)):
        known = sum(rows[row][column] * answer[column] for column in range(row + 1, size))
        answer[row] = (rows[row][size] - known) / rows[row][row]
    return answer


def posterior(x: float) -> tuple[float, float]:
    """Mean and standard deviation at x, given OBSERVED (Rasmussen and Williams 2006, equations 2.25 and 2.26).

    The prior mean is the mean of what was observed.
    """
    xs = [a for a, _ in OBSERVED]
    prior_mean = sum(b for _, b in OBSERVED) / len(OBSERVED)
    covariance = [[kernel(a, b) + (NOISE**2 if a == b else 0) for b in xs] for a in xs]
    towards_x = [kernel(a, x) for a in xs]
    weights = solve(covariance, towards_x)
    mean = prior_mean + sum(w * (b - prior_mean) for w, (_, b) in zip(weights, OBSERVED, strict=True))
    variance = kernel(x, x) - sum(w * k for w, k in zip(weights, towards_x, strict=True))
    return mean, math.sqrt(max(variance, 1e-9))


def probability_of_improvement(x: float, epsilon: float) -> float:
    """PI(x) = Φ((μ(x) − f(x⁺) − ε) / σ(x))."""
    mean, deviation = posterior(x)
    best = max(value for _, value in OBSERVED)
    return 0.5 * (1 + math.erf((mean - best - epsilon) / deviation / math.sqrt(2)))
