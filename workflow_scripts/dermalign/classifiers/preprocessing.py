"""What is done to pixels, RGB from 0 to 255, before a classifier: with layers of Keras, and with TensorFlow."""

from typing import Any

# Means and standard deviations of the ImageNet pictures, as keras.applications.imagenet_utils has them.
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
TORCH_MEAN_RGB = (0.485, 0.456, 0.406)
TORCH_DEVIATION_RGB = (0.229, 0.224, 0.225)
# Treatments by name: `unit`, and the modes of `keras.applications.imagenet_utils.preprocess_input` (symmetric is `tf`).
# What is done to RGB pixels from 0 to 255: times the first, plus the second. `caffe` turns RGB into BGR before it.
RESCALING: dict[str, tuple[Any, Any]] = {
    "unit": (1 / 255, 0.0),
    "symmetric": (1 / 127.5, -1.0),
    "caffe": (1.0, [-mean for mean in CAFFE_MEAN_BGR]),
    "torch": (
        [1 / (255 * deviation) for deviation in TORCH_DEVIATION_RGB],
        [-mean / deviation for mean, deviation in zip(TORCH_MEAN_RGB, TORCH_DEVIATION_RGB, strict=True)],
    ),
}


def treat_pixels(inputs: Any, treatment: str, name: str = "pixels") -> Any:
    """Apply a treatment of `RESCALING` to the symbolic tensor `inputs`, RGB from 0 to 255; `raw` leaves it alone.

    inputs: (n, h, w, 3) float32; so is what is returned, the output of a layer called `name`. Raises KeyError for
    another treatment.
    """
    import keras

    if treatment == "raw":
        return inputs
    if treatment == "caffe":
        inputs = keras.ops.flip(inputs, axis=-1)  # RGB to BGR
    scale, offset = RESCALING[treatment]
    return keras.layers.Rescaling(scale, offset, dtype="float32", name=name)(inputs)


def treat_tensor(picture: Any, treatment: str) -> Any:
    """Apply to a tensor of TensorFlow (n, h, w, 3) float32 what `treat_pixels` does with layers; raises as that."""
    import tensorflow as tf

    if treatment == "raw":
        return picture
    if treatment == "caffe":
        picture = tf.reverse(picture, axis=[-1])  # RGB to BGR
    scale, offset = RESCALING[treatment]
    return picture * tf.constant(scale, tf.float32) + tf.constant(offset, tf.float32)
