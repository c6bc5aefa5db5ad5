"""What figures show of a picture: its pixels and masks, scaled down to what is printed, and its maps."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from ..data.archives import OpenArchive, list_pictures, open_archive, read_member
from ..data.images import open_picture
from ..data.mask_files import list_lesion_masks, list_masks
from ..data.masks import MaskReader, WhiteBox
from ..errors import InputError
from ..saliency.blocks import maps_of_feature
from ..saliency.stores import Store
from ..study.mask_pattern import ISIC_LESION_MASKS
from ..terms import UNION

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ShownPicture:
    """A picture for figures.

    - image: its name; diagnosis: a class;
    - pixels: uint8 (h, w, 3), scaled down; masks: {feature: bool (h, w)} of those that are not black and of the union,
      scaled by nearest neighbour; lesion: bool (h, w), None where there is no segmentation;
    - shares: {feature: 0 to 1}, how much of the whole picture each mask covers, from its full size.
    """

    image: str
    diagnosis: str
    pixels: NDArray[np.uint8]
    masks: dict[str, Mask]
    shares: dict[str, float]
    lesion: Mask | None = None


@dataclass
class PictureReader:
    """Reads pictures of the analysis and their masks from open archives."""

    pictures: str
    masks: str
    features: list[str]
    mask_options: Mapping[str, Any]
    lesion_masks: str | None
    lesion_pattern: str
    _opened: dict[str, OpenArchive]

    def read(self, evaluation: pd.DataFrame, image: str, side: int) -> ShownPicture:
        """Return a picture, its longer side at most `side` pixels.

        evaluation: manifest. Raises InputError naming archive and member where one is missing or damaged.
        """
        (row,) = evaluation[evaluation["image"] == image].to_dict("records")
        width, height = row["width"], row["height"]
        size = _fitting(width, height, side)
        members = list_masks(self.masks, [image], self.features, **self.mask_options)[image]
        reader = MaskReader(self._opened[self.masks])
        boxes = {feature: reader.read(member.path) for feature, member in members.items() if member}
        masks = {feature: _scaled(box, size) for feature, box in boxes.items() if box.pixels.any()}
        union = np.any(list(masks.values()), axis=0) if masks else np.zeros(size[::-1], dtype=np.bool_)
        shares = {feature: row[feature] / (width * height) for feature in (*masks, UNION)}
        lesion = self._lesion(image, (width, height), size)
        return ShownPicture(image, row["diagnosis"], self._pixels(image, size), {**masks, UNION: union}, shares, lesion)

    def _lesion(self, image: str, whole: tuple[int, int], size: tuple[int, int]) -> Mask | None:
        if not self.lesion_masks:
            return None
        member = list_lesion_masks(self.lesion_masks, [image], self.lesion_pattern).get(image)
        if member is None:
            return None
        box = MaskReader(self._opened[self.lesion_masks]).read(member.path)
        if box.size != whole:
            raise InputError(
                f"{self.lesion_masks}: {member.path} is {box.size[0]} x {box.size[1]} pixels, its picture "
                f"{whole[0]} x {whole[1]}. Replace the mask by one of the picture's size, or remove it."
            )
        return _scaled(box, size)

    def _pixels(self, image: str, size: tuple[int, int]) -> NDArray[np.uint8]:
        archive, member = self._opened[self.pictures], list_pictures(self.pictures)[image].path
        with open_picture(read_member(archive, member), archive, member) as picture:
            picture.draft("RGB", size)  # a JPEG is decoded at a fraction of its size
            return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))


@contextmanager
def open_pictures(
    pictures: str | Path,
    masks: str | Path,
    features: list[str],
    mask_options: Mapping[str, Any] | None = None,
    lesion_masks: str | Path | None = None,
    lesion_pattern: str = ISIC_LESION_MASKS,
) -> Iterator[PictureReader]:
    """Open the archives that figures show pictures from.

    pictures, masks, lesion_masks: zips or folders, the last None where there are none. mask_options: `pattern` and
    `missing` of `list_masks`, None for ISIC's. Raises InputError for an archive that is missing or no whole zip.
    """
    with ExitStack() as stack:
        lesions = str(lesion_masks) if lesion_masks else None
        names = {str(pictures), str(masks), *([lesions] if lesions else [])}
        opened = {name: stack.enter_context(open_archive(name)) for name in sorted(names)}
        yield PictureReader(str(pictures), str(masks), features, mask_options or {}, lesions, lesion_pattern, opened)


def map_of(store: Store, feature: str) -> NDArray[np.float32]:
    """Return a store's map (h, w) that a feature is compared with. Raises as `blocks.maps_of_feature`."""
    return maps_of_feature(store.saliency, store.features, feature, f"{store.model}/{store.method}", store.image)


def _fitting(width: int, height: int, side: int) -> tuple[int, int]:
    factor = min(1.0, side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _scaled(box: WhiteBox, size: tuple[int, int]) -> Mask:
    whole = np.zeros(box.size[::-1], dtype=np.uint8)
    whole[box.top : box.bottom, box.left : box.right] = box.pixels
    return np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.NEAREST)) > 0
