"""How long a check of a study's files takes before a run, beside reading and decoding them by Pillow alone.

    python benchmarks/check.py [--pictures 10000]

Pictures of 1024 x 768 pixels (JPEG, 50 different ones) are drawn with masks of five features each (PNG), of which a
quarter show something, as in ISIC 2018 Task 2. `make check` looks at them, first with nothing remembered, then again.
The limit, in one thread: reading every byte, opening the header of every picture and decoding every mask. The goal is a
minute for 10,000 pictures on two cores.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
SIZE = (1024, 768)
DIFFERENT = 50  # pictures, and masks that show something
SHOWING = 4  # of so many masks one does


def main() -> None:
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="check-") as name:
        folder = Path(name)
        size = draw(folder, options.pictures)
        print(f"drawn: {size / 1e9:.2f} GB", file=sys.stderr)
        first, processor = checked(folder)
        again, _ = checked(folder)
        limit, of_limit = decoded(folder)
        print(f"\n| {options.pictures:,} pictures, {5 * options.pictures:,} masks | seconds | of the limit |")
        print("|---|--:|--:|")
        print(
            f"| limit: every byte, header and mask, one thread | {limit:.1f} ({of_limit:.1f} of processor time) | 1 |"
        )
        print(f"| `make check`, all threads | {first:.1f} ({processor:.1f} of processor time) | {first / limit:.2f} |")
        print(f"| `make check` again | {again:.1f} | {again / limit:.2f} |")


def encoded(values: np.ndarray, form: str, **options: int) -> bytes:
    """Return a picture as a file."""
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, form, **options)
    return stream.getvalue()


def draw(folder: Path, pictures: int) -> int:
    """Write the study's archives and overlay; return the bytes of the archives."""
    width, height = SIZE
    photographs, masks = [], []
    for seed in range(DIFFERENT):
        random = np.random.default_rng(seed)
        coarse = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        fine = np.asarray(Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = np.clip(fine + random.normal(0, 6, fine.shape), 0, 255).astype(np.uint8)
        photographs.append(encoded(noisy, "JPEG", quality=90))
        blobs = Image.fromarray(random.integers(0, 256, (12, 16), dtype=np.uint8)).resize(
            SIZE, Image.Resampling.BICUBIC
        )
        masks.append(encoded(np.where(np.asarray(blobs) > 200, 255, 0).astype(np.uint8), "PNG"))
    black = encoded(np.zeros((height, width), dtype=np.uint8), "PNG")
    names = [f"ISIC_{number:07d}" for number in range(pictures)]
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
        for number, image in enumerate(names):
            archive.writestr(f"{image}.jpg", photographs[number % DIFFERENT])
    with zipfile.ZipFile(folder / "masks.zip", "w") as archive:
        for number, name in enumerate(f"{image}_attribute_{feature}.png" for image in names for feature in FEATURES):
            archive.writestr(name, black if number % SHOWING else masks[number // SHOWING % DIFFERENT])
    rows = "".join(f"{image},{('MEL', 'NV')[number % 2]}\n" for number, image in enumerate(names))
    (folder / "diagnoses.csv").write_text(f"image,diagnosis\n{rows}", encoding="utf-8")
    overlay = {
        "study": "checked",
        "classes": ["MEL", "NV"],
        "archives": {
            "folder": ".",
            "training_pictures": "pictures.zip",
            "training_labels": "diagnoses.csv",
            "training_metadata": None,
            "evaluation_pictures": "pictures.zip",
            "evaluation_masks": "masks.zip",
            "lesion_masks": None,
            "diagnoses": ["diagnoses.csv"],
            "drawn": None,
        },
    }
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    return sum((folder / name).stat().st_size for name in ("pictures.zip", "masks.zip"))


def checked(folder: Path) -> tuple[float, float]:
    """Check the study as `make check` does; return the seconds of the whole command, and of processor time."""
    shutil.rmtree(folder / "results", ignore_errors=True)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--quiet", "--dry-run"]
    command += ["--cores", "1", "--directory", str(folder), "--configfile", str(folder / "overlay.yaml")]
    before, start = os.times(), time.perf_counter()
    run = subprocess.run(
        command, env={**os.environ, "DERMALIGN_CHECK": "1"}, stdout=subprocess.PIPE, text=True, check=False
    )
    seconds, after = time.perf_counter() - start, os.times()
    if run.returncode or "Nothing is wrong." not in run.stdout or (folder / "results").exists():
        sys.exit(run.stdout[-3000:])
    print(run.stdout.strip(), file=sys.stderr)
    return seconds, sum(after[2:4]) - sum(before[2:4])


def decoded(folder: Path) -> tuple[float, float]:
    """Read all members, open each picture's header and decode each mask in one thread; return seconds as `checked`."""
    start, processor = time.perf_counter(), time.process_time()
    for name in ("pictures.zip", "masks.zip"):
        with zipfile.ZipFile(folder / name) as archive:
            for member in archive.namelist():
                with Image.open(io.BytesIO(archive.read(member))) as picture:
                    if name == "masks.zip":
                        picture.load()
    return time.perf_counter() - start, time.process_time() - processor


if __name__ == "__main__":
    main()
