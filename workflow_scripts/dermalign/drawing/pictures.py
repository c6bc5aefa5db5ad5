"""A whole picture and its masks, drawn, and as the files of a data set hold them."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .canvas import Mask, random_stream
from .classes import FEATURES
from .features import PAINTERS
from .frame import place
from .lesions import LOOKS, draw_atypia
from .plan import DrawnPicture
from .skin import draw_camera, draw_skin

JPEG_QUALITY = 92


def draw_picture(picture: DrawnPicture) -> tuple[NDArray[np.uint8], dict[str, Mask], Mask]:
    """Return the picture (height, width, 3) uint8, the mask (height, width) bool of each of `FEATURES`, the lesion's.

    Skin, lesion and each feature have their own stream of random numbers: the same picture with other features has
    the same pixels wherever no mask is white. Masks of features that are not drawn are all black. The lesion's mask is
    what lies within its outline, and every feature.
    """
    lesion, view = random_stream(picture.seed, "lesion"), random_stream(picture.seed, "view", picture.image)
    shape = (picture.height, picture.width)
    atypia = draw_atypia(picture.diagnosis, lesion)
    frame = place(shape, atypia, lesion, view)
    skin = draw_skin(shape, view)
    canvas = LOOKS[picture.diagnosis](skin, frame, atypia, lesion)
    masks = {feature: np.zeros(shape, dtype=np.bool_) for feature in FEATURES}
    for feature in picture.features:
        mask, painted = PAINTERS[feature](canvas, frame, picture.diagnosis, random_stream(picture.seed, feature))
        masks[feature] = mask
        canvas = np.where(mask[..., None], painted, canvas)
    canvas = draw_camera(canvas, view)
    segmentation = np.any([frame.depth > 0, *masks.values()], axis=0)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8), masks, segmentation


def mask_sheet(mask: Mask) -> Image.Image:
    """Return a mask (h, w) bool as a grey picture (mode L), 255 where it is true and else 0."""
    return Image.fromarray(mask.astype(np.uint8) * np.uint8(255))


def encoded(sheet: Image.Image, form: str, **options: Any) -> bytes:
    """Return the content of a picture's file; Pillow knows the format by the name `form` and takes the options."""
    buffer = io.BytesIO()
    sheet.save(buffer, form, **options)
    return buffer.getvalue()
