"""Which diagnosis of the drawn pictures hangs on its features: each evaluation picture drawn again without them.

    python benchmarks/informative_features.py [RESULTS]

RESULTS: of a finished embedded study, results/embedded. A drawn picture without its features has the same pixels
wherever no mask is white, so that what changes in a classifier's answer is due to the features alone. Printed is, per
model and diagnosis, the share of pictures that are recognised with and without features, and the mean probability of
the diagnosis.
"""

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", default=REPOSITORY / "results" / "embedded")
    results = parser.parse_args().results
    import keras
    from dermalign.drawing.pictures import draw_picture
    from dermalign.drawing.plan import DrawnPicture, plan

    study = json.loads((results / "study.json").read_text(encoding="utf-8"))["configuration"]
    drawn, classes = study["archives"]["drawn"], study["classes"]
    pictures = [
        picture
        for picture in plan(drawn["training_pictures"], drawn["evaluation_pictures"], study["seed"])
        if picture.evaluation and picture.features and picture.diagnosis in study["evaluation_diagnoses"]
    ]

    def decoded(picture: DrawnPicture, size: int) -> np.ndarray:
        sheet = Image.fromarray(draw_picture(picture)[0])
        return np.asarray(sheet.resize((size, size), Image.Resampling.BILINEAR))

    print("| model | diagnosis | pictures | recognised | without features | probability | without features |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for model, settings in study["models"].items():
        network = keras.models.load_model(results / "classifiers" / model / "model.keras", compile=False)
        answers = []
        for variant in (pictures, [dataclasses.replace(picture, features=()) for picture in pictures]):
            batch = np.stack([decoded(picture, settings["input_size"]) for picture in variant])
            answers.append(network.predict(batch, verbose=0))
        for diagnosis in study["evaluation_diagnoses"]:
            index = classes.index(diagnosis)
            rows = [number for number, picture in enumerate(pictures) if picture.diagnosis == diagnosis]
            shares = [np.mean(answer[rows].argmax(axis=1) == index) for answer in answers]
            means = [answer[rows, index].mean() for answer in answers]
            print(
                f"| {model} | {diagnosis} | {len(rows)} | {shares[0]:.2f} | {shares[1]:.2f} | {means[0]:.2f} | "
                f"{means[1]:.2f} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
