"""Draw the data set of docs/own_data.md: python workflow_scripts/draw_own_data.py data/own_data"""

import argparse

from dermalign.drawing.own_data import write_own_data

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where to draw it")
    parser.add_argument("--without-masks", type=int, default=240, help="pictures that only train (default: 240)")
    parser.add_argument("--with-masks", type=int, default=60, help="pictures that may be evaluated (default: 60)")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    write_own_data(arguments.folder, arguments.without_masks, arguments.with_masks, arguments.seed)
