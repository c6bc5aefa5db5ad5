"""Segmentation networks: the upper reference, trained on the masks, each picture mapped by one that never saw it."""
