"""What names are called where people read them: in tables, figures and captions."""

# Names that read badly with their underscores alone replaced.
SPOKEN = {
    "milia_like_cyst": "milia-like cyst",
    "gradcam": "Grad-CAM",
    "center_gaussian": "centred Gaussian",
    "mask_share": "mask's share of the picture",
    "picture_pixels": "pixels of the picture",
    "regions": "connected regions of the mask",
    "elongation": "elongation of the mask",
}


def in_words(name: str) -> str:
    """Return a name of a feature, method or column as it is read: blanks for underscores."""
    return SPOKEN.get(name, name.replace("_", " "))
