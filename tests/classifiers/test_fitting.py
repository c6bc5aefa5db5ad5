"""What all trainings have in common: the optimizer that is configured."""

import keras
import pytest
from dermalign.classifiers.fitting import make_optimizer
from dermalign.errors import InputError


def test_learning_rate_decays_as_in_keras_2() -> None:
    optimizer = make_optimizer(
        {"optimizer": "sgd", "learning_rate": 1e-5, "decay": 1e-4, "momentum": 0.9, "nesterov": True}
    )
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)
    schedule = optimizer._learning_rate
    for step in (0, 1, 5000):
        assert float(schedule(step)) == pytest.approx(1e-5 / (1 + 1e-4 * step), rel=1e-5)
    adam = {"optimizer": "adam", "learning_rate": 0.5, "decay": 0, "momentum": 0, "nesterov": False}
    assert float(make_optimizer(adam).learning_rate) == 0.5
    with pytest.raises(InputError, match=r"lack `training\.decay`, `training\.momentum`, `training\.nesterov`; "):
        make_optimizer({"optimizer": "adam", "learning_rate": 0.5})
