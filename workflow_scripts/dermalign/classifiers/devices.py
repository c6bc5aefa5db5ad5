"""All GPUs of a machine for one training, by Keras's own distribution API."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from ..logs import logger


@contextmanager
def data_parallel(batch_size: int) -> Iterator[int]:
    """Have models that are built in this block train with each batch dealt to all GPUs; yield their number.

    Weights are on every GPU, and each computes its part of a batch (`keras.distribution.DataParallel`); sums run over
    all of them, BatchNormalization's included, so that the result is that of one GPU but for rounding. So many GPUs are
    taken as divide `batch_size`. Keras 3.15 distributes on JAX alone: on TensorFlow one GPU is used, and the log says
    so. Where there is one device, or none but the processor, nothing changes.
    """
    visible = _visible()
    devices = visible[: _largest_divisor(batch_size, len(visible))]
    if len(devices) < len(visible):
        logger.info(
            "of %d GPUs, training uses %d: batch_size %d is no multiple of more", len(visible), len(devices), batch_size
        )
    if len(devices) < 2:
        yield 1
        return
    logger.info("training on %d devices, each with %d pictures of a batch", len(devices), batch_size // len(devices))
    with keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False).scope():
        yield len(devices)


def device_count() -> int:
    """Return among how many devices the batches of this place in the program are dealt."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else int(distribution.device_mesh.devices.size)


def _visible() -> list[str]:
    if keras.backend.backend() == "jax":
        return list(keras.distribution.list_devices())
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        count = len(tensorflow.config.list_physical_devices("GPU"))
        if count > 1:
            logger.info(
                "of %d GPUs, training uses one: Keras distributes a training on JAX alone (set KERAS_BACKEND=jax, with "
                "a JAX for GPUs installed, to use all)",
                count,
            )
    return []


def _largest_divisor(number: int, limit: int) -> int:
    return max((count for count in range(1, limit + 1) if number % count == 0), default=0)
