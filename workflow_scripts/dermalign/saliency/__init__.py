"""Saliency methods, their variants and chance: functions that make maps, and the files that hold them."""
