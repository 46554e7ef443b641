"""Logistic regression with optional non-negative weights."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

RIDGE = 1e-3


def fit(
    features: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], *, positive: npt.NDArray[np.bool_]
) -> tuple[float, tuple[float, ...]]:
    """Return the bias and the weights that minimise the mean cross-entropy, for unstandardised features.

    The fit standardises the features and adds a ridge penalty, so that separable rows still give finite weights.

    Args:
        features: [rows, features].
        right: the targets [rows].
        positive: the features whose weights must not be negative [features].
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    rows = np.concatenate([np.ones((len(features), 1)), (features - mean) / spread], axis=1)
    sign = np.where(right, 1.0, -1.0)

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        margin = sign * (rows @ weights)
        slope = -(sign / (1 + np.exp(np.clip(margin, -50, 50)))) @ rows / len(rows)
        cost = np.logaddexp(0, -margin).mean() + RIDGE * (weights[1:] @ weights[1:])
        return float(cost), slope + 2 * RIDGE * np.concatenate([[0.0], weights[1:]])

    bounds = [(None, None), *((0.0 if is_positive else None, None) for is_positive in positive)]
    best = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = best[1:] / spread
    return float(best[0] - weights @ mean), tuple(float(weight) for weight in weights)
