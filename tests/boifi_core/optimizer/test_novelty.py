import numpy as np

from boifi_core.optimizer.novelty import novelty, widened


def test_it_is_zero_where_tried_and_one_at_another_category():
    tried = np.array([[1.0, 0.0, 0.2], [1.0, 0.0, 0.8]])
    found = novelty(np.array([[1.0, 0.0, 0.2], [0.0, 1.0, 0.2], [1.0, 0.0, 0.4]]), tried)
    np.testing.assert_allclose(found, [0, 1, 0.02], atol=1e-12)
    np.testing.assert_allclose(widened(np.full(3, 3.0), np.array([0, 1, 0.25]), 4.0), [3, 5, 13**0.5])
