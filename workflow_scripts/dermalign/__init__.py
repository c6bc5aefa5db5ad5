"""The library of dermalign: plain functions over arrays and tables, without Snakemake inside.

Modules in the order of the data: `archives`, `labels`, `manifests`, `architectures`, `training`, `gradcam`,
`stores`, `mask_cells`, `overlap`, `statistics`, `tables`, `figures`.
"""

__version__ = "0.1.0"
