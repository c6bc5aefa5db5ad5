"""The classes and features of the drawn pictures, and which share of the pictures has which."""

FEATURES = ("globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks")
# As ISIC 2019 abbreviates them.
CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")

# The order of ISIC 2019's class sizes, flattened: at its true 1 % a class would have but a handful of drawings.
TRAINING_SHARES = {
    "NV": 0.28,
    "MEL": 0.16,
    "BCC": 0.13,
    "BKL": 0.11,
    "AK": 0.09,
    "SCC": 0.08,
    "DF": 0.075,
    "VASC": 0.075,
}
# ISIC 2018 Task 1-2: 519 melanomas, 1,867 nevi and 208 seborrheic keratoses.
EVALUATION_SHARES = {"MEL": 0.20, "NV": 0.72, "BKL": 0.08}
# Which part of a class shows which feature, among its pictures that show any.
FEATURE_SHARES = {
    "MEL": {
        "pigment_network": 0.60,
        "negative_network": 0.60,
        "streaks": 0.60,
        "globules": 0.35,
        "milia_like_cyst": 0.08,
    },
    "NV": {
        "pigment_network": 0.75,
        "globules": 0.32,
        "milia_like_cyst": 0.15,
        "negative_network": 0.05,
        "streaks": 0.05,
    },
    "BKL": {"milia_like_cyst": 0.85, "pigment_network": 0.15, "globules": 0.06},
    "DF": {"pigment_network": 0.30},
}
# What a picture shows that must show a feature and drew none.
TYPICAL_FEATURE = {"MEL": "pigment_network", "NV": "pigment_network", "BKL": "milia_like_cyst"}

FEATURELESS_SHARE = 0.18  # of the pictures of each class
DOWNSAMPLED_SHARE = 0.70  # of the evaluation pictures, in the training archive; of the others a fifth of it
UNKNOWN_LESION_SHARE = 0.20  # of all pictures
