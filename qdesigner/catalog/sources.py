"""Where data may come from, and what is known of each source before a file is opened."""

from __future__ import annotations

DIGITS = "digits"
FOLDER = "folder"
FILES = "files"  # a CSV of image paths and labels
MNIST, FASHION_MNIST, CIFAR10, HYMENOPTERA = "mnist", "fashion_mnist", "cifar10", "hymenoptera"
TABLE = "table"  # a CSV or Parquet file of numbers
SPIRALS, MOONS = "spirals", "moons"  # generated points in the plane

DOWNLOADED = (MNIST, FASHION_MNIST, CIFAR10, HYMENOPTERA)
PHOTOGRAPHS = (FOLDER, FILES, CIFAR10, HYMENOPTERA)  # what backbones for photographs are for
ROWS = (TABLE, SPIRALS, MOONS)  # a sample is a row of numbers, not an image

# scikit-learn's handwritten digits: images per class (load_digits().target counted), 8 × 8, grey.
DIGITS_COUNTS: dict[str, int] = {
    "0": 178, "1": 182, "2": 177, "3": 183, "4": 181,
    "5": 182, "6": 181, "7": 179, "8": 174, "9": 180,
}  # fmt: skip
DIGITS_SIZE = 8

# What torchvision's ImageFolder reads; anything else in a class folder is listed as skipped.
IMAGE_EXTENSIONS = frozenset(
    (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
)
POINT_NAMES = ("x", "y")  # of generated points' coordinates
