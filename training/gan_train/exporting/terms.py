"""The terms of well-known datasets, as their authors state them. A network may fall under the terms of what it learned from."""

_TERMS = {
    "mnist": "Creative Commons Attribution-ShareAlike 3.0 (LeCun and Cortes)",
    "fashion_mnist": "MIT licence (Zalando Research)",
    "kmnist": "Creative Commons Attribution-ShareAlike 4.0 (ROIS-DS Center for Open Data in the Humanities)",
    "cifar10": "its authors state no licence; they ask to cite Krizhevsky 2009",
    "cifar100": "its authors state no licence; they ask to cite Krizhevsky 2009",
    "celeba": "non-commercial research only, where the images are those of CelebA (Liu et al. 2015)",
    "curve": "none: points that were computed",
}


def terms_of(dataset: str) -> str:
    """The terms of a dataset by its name in the catalogue; of a user's own images this package knows none."""
    return _TERMS.get(dataset, "not known to this package: whoever has the images must say")
