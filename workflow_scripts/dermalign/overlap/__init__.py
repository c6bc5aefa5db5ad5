"""Maps and masks together: counts per cell, curves, shards and exact thresholds."""
