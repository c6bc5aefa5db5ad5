"""The library of dermalign: plain functions over arrays and tables, without Snakemake inside.

A package per stage, in the order of the data: `study`, `data`, `drawing`, `classifiers`, `saliency`, `overlap`,
`results`. A package imports from those before it alone.
"""

__version__ = "0.1.0"
