"""What names are called where people read them: in tables, figures and captions."""

# As their authors write them; an entry of the configuration may begin with one, as `gradcam_block4` does.
METHODS = {
    "gradcam_plus_plus": "Grad-CAM++",
    "gradcam": "Grad-CAM",
    "layercam": "LayerCAM",
    "hirescam": "HiResCAM",
    "scorecam": "Score-CAM",
    "smoothgrad": "SmoothGrad",
    "integrated_gradients": "Integrated Gradients",
    "rise": "RISE",
    "xrai": "XRAI",
}
# Names that read badly with their underscores alone replaced.
SPOKEN = {
    "milia_like_cyst": "milia-like cyst",
    **METHODS,
    "center_gaussian": "centred Gaussian",
    "mask_share": "mask's share of the picture",
    "picture_pixels": "pixels of the picture",
    "regions": "connected regions of the mask",
    "elongation": "elongation of the mask",
}


def in_words(name: str) -> str:
    """Return a name of a feature, method or column as it is read: blanks for underscores.

    Of a source's whole name, `{first}/{second}`, both parts are.
    """
    if "/" in name:
        return "/".join(map(in_words, name.split("/")))
    if name in SPOKEN:
        return SPOKEN[name]
    for method, spoken in METHODS.items():
        if name.startswith(f"{method}_"):
            return f"{spoken} {name.removeprefix(f'{method}_').replace('_', ' ')}"
    return name.replace("_", " ")
