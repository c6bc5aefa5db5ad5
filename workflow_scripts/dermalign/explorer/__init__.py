"""The threshold explorer: a static page of all pictures, their maps and masks, that computes J as it is moved."""
