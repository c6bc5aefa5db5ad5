"""How the backend of Keras computes: repeatably, and in as many threads as a job was given."""

import os

from ..logs import logger


def limit_threads(threads: int) -> None:
    """Have TensorFlow compute in so many threads, as a job was given; to be called before its first operation.

    On other backends this does nothing: JAX has no such setting. Raises RuntimeError once TensorFlow has computed.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and the backend, and have the backend use deterministic operations only.

    On TensorFlow this stays in force for the rest of the process. On JAX, processors are deterministic anyway; for a
    GPU, XLA reads its flag when it starts, so `XLA_FLAGS` is set here as long as that has not happened.
    """
    import keras

    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "jax":
        flags = os.environ.get("XLA_FLAGS", "")
        if "xla_gpu_deterministic_ops" not in flags:
            os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
    else:
        logger.warning("determinism on the backend %s is not ours to switch on", keras.backend.backend())
