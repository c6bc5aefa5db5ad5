"""Settings that lack something."""

import pytest
from dermalign.classifiers.settings import demand
from dermalign.errors import InputError


def test_all_that_is_lacking_is_named_and_null_is_a_value() -> None:
    settings = {"head": {"dense": []}, "training": {"batchnorm_momentum": None}, "weights": "none"}
    demand(settings, "weights", "head.dense", "training.batchnorm_momentum")
    with pytest.raises(InputError, match=r"lack `pixels`, `head\.dropout`, `weights\.name`; .*complete_model"):
        demand(settings, "weights", "pixels", "head.dropout", "weights.name")
