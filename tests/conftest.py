"""What tests share: the real data where they are, and small archives."""

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]


# Files whose tests take longest, first, so that at the end of a run no core waits for one of them.
LONGEST = (
    "brought",
    "real_archives",
    "reruns",
    "own_data",
    "embedded_study",
    "map_sources",
    "code_changes",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    order = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)) if item.path.parent.name == "workflow" else 99)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the reduced real archives: DERMALIGN_DATA, or ../shared/data beside the repository."""
    folder = Path(os.environ.get("DERMALIGN_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (folder / "isic-256").is_dir():
        pytest.skip(f"no real data in {folder}: name their folder in the environment variable DERMALIGN_DATA")
    return folder


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """A function that encodes pixels (h, w) or (h, w, 3), or a plain picture of a size, as PNG or JPEG."""

    def encode(pixels: np.ndarray | None = None, width: int = 8, height: int = 6, form: str = "PNG") -> bytes:
        stream = io.BytesIO()
        array = np.full((height, width, 3), 90, np.uint8) if pixels is None else pixels.astype(np.uint8)
        Image.fromarray(array).save(stream, form)
        return stream.getvalue()

    return encode


@pytest.fixture(scope="session")
def zipped() -> Callable[[Path, Mapping[str, bytes]], Path]:
    """A function that writes {member: content} to a zip archive, compressed, and returns its path."""

    def write(path: Path, members: Mapping[str, bytes]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    return write
