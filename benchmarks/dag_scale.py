"""How long Snakemake takes to plan a study of real size, with how much memory, and how many jobs and submissions it is.

    python benchmarks/dag_scale.py [--pictures 1963 25331 100000] [--thresholds 11 101] [--folder FOLDER]

For each number of evaluation pictures, archives in the official layout are written whose members are empty, with label
tables: planning needs names only. Two models, 6 features, Grad-CAM and the four chance methods; every picture has an
evaluation diagnosis, so that every picture gets maps; 500 pictures a batch. Timed are the whole command `snakemake
--dry-run` on a study of which nothing is done, and the start of one job, since each job on a cluster reads
configuration and rules anew. Beside the seconds of the clock stand those of the processor: where others share the
cores, the clock measures them too. The bar is 60 s by the clock for 25,331 pictures; the exit status is non-zero if it
is missed.
"""

import argparse
import math
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
FEATURES = ("globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks")
CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")
TRAINING_PICTURES = 25331
PICTURES_PER_BATCH = 500
BAR_PICTURES, BAR_SECONDS = 25331, 60


def main() -> int:
    """Run the benchmark, print a Markdown table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, nargs="+", default=[1963, 25331, 100000])
    parser.add_argument("--thresholds", type=int, nargs="+", default=[11, 101])
    parser.add_argument("--folder", type=Path, help="where archives are written and kept (default: a temporary folder)")
    options = parser.parse_args()
    print(
        "| evaluation pictures | thresholds | batches | dry run, s | processor, s | peak, MB | a job's start, s "
        "| processor, s | jobs | submissions |"
    )
    print("|" + "--:|" * 10)
    missed = []
    with tempfile.TemporaryDirectory(prefix="dag-scale-") as temporary:
        for pictures in options.pictures:
            folder = (options.folder or Path(temporary)) / str(pictures)
            if not folder.is_dir():
                write_archives(folder, pictures)
            for thresholds in options.thresholds:
                batches = math.ceil(pictures / PICTURES_PER_BATCH)
                command = study(folder, thresholds, batches)
                run([*command, "--quiet", "rules", "--dry-run", f"{RESULTS}/manifest/training.csv"])  # asks for grids
                text, seconds, processor, peak = run([*command, "--dry-run", "--quiet", "rules"])
                job = [
                    "--target-jobs",
                    "mask_cells:batch=00000",
                    "--allowed-rules",
                    "mask_cells",
                    "--force",
                    "--nolock",
                    "--dry-run",
                ]
                _, start, start_processor, _ = run([*command, *job])
                jobs = planned(text)
                counts = f"{sum(jobs.values())} | {submissions(jobs)}"
                print(
                    f"| {pictures:,} | {thresholds} | {batches} | {seconds:.1f} | {processor:.1f} | {peak:.0f} | "
                    f"{start:.1f} | {start_processor:.1f} | {counts} |"
                )
                sys.stdout.flush()
                if pictures == BAR_PICTURES and seconds > BAR_SECONDS:
                    missed.append(f"{seconds:.1f} s with {thresholds} thresholds")
    if missed:
        print(f"\nThe bar of {BAR_SECONDS} s for {BAR_PICTURES:,} pictures is missed: {', '.join(missed)}.")
    return 1 if missed else 0


RESULTS = "results/dag_scale"


def write_archives(folder: Path, pictures: int) -> None:
    """Write archives of empty members and their label tables: the official names, nothing else."""
    archives = folder / "archives"
    archives.mkdir(parents=True)
    evaluation = [f"ISIC_{number:07d}" for number in range(pictures)]
    training = [f"ISIC_{number:07d}" for number in range(pictures, pictures + TRAINING_PICTURES)]
    for name, members in {
        "ISIC_2019_Training_Input": [f"{image}.jpg" for image in training],
        "ISIC2018_Task1-2_Training_Input": [f"{image}.jpg" for image in evaluation],
        "ISIC2018_Task2_Training_GroundTruth_v3": [
            f"{image}_attribute_{feature}.png" for image in evaluation for feature in FEATURES
        ],
    }.items():
        with zipfile.ZipFile(archives / f"{name}.zip", "w") as opened:
            for member in members:
                opened.writestr(zipfile.ZipInfo(f"{name}/{member}"), b"")
    rows = [f"{image},{CLASSES[row % len(CLASSES)]}" for row, image in enumerate(training)]
    one_hot = [",".join([image, *(str(float(name == of)) for name in CLASSES)]) for image, of in map(_split, rows)]
    table = "\n".join([",".join(["image", *CLASSES]), *one_hot])
    (archives / "ISIC_2019_Training_GroundTruth.csv").write_text(table + "\n", encoding="utf-8")
    table = "\n".join(["image,diagnosis", *(f"{image},{CLASSES[row % 5 > 0]}" for row, image in enumerate(evaluation))])
    (archives / "diagnoses.csv").write_text(table + "\n", encoding="utf-8")


def _split(row: str) -> tuple[str, str]:
    image, of = row.split(",")
    return image, of


def study(folder: Path, thresholds: int, batches: int) -> list[str]:
    """Write the study's overlay and return Snakemake's command for it."""
    overlay = {
        "study": "dag_scale",
        "archives": {
            "folder": "archives",
            "drawn": None,
            "training_metadata": None,
            "diagnoses": ["ISIC_2019_Training_GroundTruth.csv", "diagnoses.csv"],
        },
        "thresholds": {"start": 0, "stop": 1, "step": 1 / (thresholds - 1)},
        "batches": {"saliency": batches, "masks": batches},
    }
    path = folder / f"{thresholds}.yaml"
    path.write_text(yaml.safe_dump(overlay), encoding="utf-8")
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "1"]
    return [*snakemake, "--directory", str(folder), "--configfile", str(path)]


def run(command: list[str]) -> tuple[str, float, float, float]:
    """Run a command; return its output, seconds, processor seconds and peak memory in MB; exit where it fails."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        sys.exit(text[-3000:])
    return text, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def planned(text: str) -> Counter[str]:
    """Return the jobs that a dry run lists, by rule, without the target rules."""
    table = text.split("Job stats:")[1].split("total")[0]
    return Counter({rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.M) if rule != "all"})


def submissions(jobs: Counter[str]) -> int:
    """Return how many calls of sbatch the profile for SLURM makes: local rules none, rules in arrays one."""
    profile = yaml.safe_load((REPOSITORY / "profiles" / "slurm" / "config.yaml").read_text(encoding="utf-8"))
    arrays = {name.strip() for name in profile.get("slurm-array-jobs", "").split(",")}
    local = re.compile("|".join(local_rules()))
    return sum(1 if rule in arrays else count for rule, count in jobs.items() if not local.fullmatch(rule))


def local_rules() -> list[str]:
    """Return patterns of the names of the rules that run where Snakemake runs."""
    found = []
    for path in (REPOSITORY / "rules").glob("*.smk"):
        for block in re.split(r"^ *(?:use rule \w+ as|rule)\b", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            name = re.match(r" (\w+)(?: with)?:", block) or re.search(r'name:\s+f"([^"]+)"', block)
            # Maps that are made of pictures are submitted, and no source of these studies is.
            if name and re.search(r"localrule: (True|not source\.needs\(PICTURES\))", block):
                found.append(re.sub(r"\{[^}]*\}", r"\\w+", name[1]))
    return found


if __name__ == "__main__":
    sys.exit(main())
