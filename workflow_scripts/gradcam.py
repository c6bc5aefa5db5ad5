"""Compute Grad-CAM for a batch of pictures: one load of the classifier, one store per picture."""

from pathlib import Path

from dermalign.classifiers.backend import limit_threads
from dermalign.classifiers.classifier import load_classifier
from dermalign.data.archives import list_pictures, open_archive
from dermalign.data.pictures import decode
from dermalign.files import file_sha256
from dermalign.logs import job_log, progress
from dermalign.saliency.gradcam import grad_cam, stretch
from dermalign.saliency.stores import write_store

with job_log(snakemake.log[0]):
    limit_threads(snakemake.threads)
    settings, classes = snakemake.params.settings, snakemake.params.classes
    classifier = load_classifier(snakemake.input.classifier)
    members = list_pictures(snakemake.input.pictures)
    images = [Path(path).stem for path in snakemake.output]
    with open_archive(snakemake.input.pictures) as archive:
        decoded = (decode(archive, members[image].path, settings["input_size"]) for image in images)
        found = grad_cam(
            classifier,
            settings.get("path", settings["saliency_layer"]),
            progress(decoded, len(images), "Grad-CAM"),
            snakemake.params.batch_size,
            settings.get("logits"),
        )
    saliency, degenerate = stretch(found.raw)
    sha256 = file_sha256(snakemake.input.classifier)
    for row, (image, path) in enumerate(zip(images, snakemake.output, strict=True)):
        predicted = classes[found.predicted[row]]
        write_store(
            path,
            saliency=saliency[row],
            raw=found.raw[row],
            probabilities=found.probabilities[row],
            image=image,
            model=snakemake.params.model,
            method="gradcam",
            layer=settings["saliency_layer"],
            target_class=predicted,
            predicted_class=predicted,
            degenerate=bool(degenerate[row]),
            classifier_sha256=sha256,
        )
