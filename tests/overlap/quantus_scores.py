"""Run by the Python of an environment with Quantus: its localisation metrics of the arrays in a file.

python quantus_scores.py IN.npz OUT.npz: in a file of `{set}_maps` (n, height, width) and `{set}_masks`, of as many; out
`{set}_{metric}` (n,) float64, with the default settings of Quantus, and `{set}_{metric}_raw`, without dividing each map
by its maximum.
"""

import sys

import numpy as np
import quantus

METRICS = {
    "pointing_game": quantus.PointingGame,
    "relevance_mass": quantus.RelevanceMassAccuracy,
    "relevance_rank": quantus.RelevanceRankAccuracy,
    "roc_auc": quantus.AUC,
}

scores = {}
with np.load(sys.argv[1]) as given:
    for name in given:
        if name.endswith("_maps"):
            of = name.removesuffix("_maps")
            maps, masks = given[name][:, np.newaxis], given[f"{of}_masks"][:, np.newaxis]
            for metric, kind in METRICS.items():
                for end, settings in (("", {}), ("_raw", {"normalise": False})):
                    scores[f"{of}_{metric}{end}"] = np.array(
                        kind(disable_warnings=True, **settings)(
                            model=None,
                            x_batch=np.zeros_like(maps),
                            y_batch=np.zeros(len(maps), int),
                            a_batch=maps,
                            s_batch=masks,
                        ),
                        dtype=np.float64,
                    )
np.savez(sys.argv[2], **scores)
