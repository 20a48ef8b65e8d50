"""Scores by other programs of features that every machine can generate; `self_test` compares ours with them.

Recorded by tests/training/record_references.py on 2026-11-22, from features in float64, with torch-fidelity 0.4.0 (FID, KID,
IS, precision and recall at k = 3), pytorch-fid 0.3.0 (FID) and prdc 0.2 (at k = 5), on torch 2.15.0, NumPy 2.4.6, SciPy 1.17.1.
"""

import math

import numpy as np

from gan_train.metrics.points import Points

SHAPES = ((2000, 64), (500, 2048))
"""Shapes of the features: one with more images than numbers in a feature, and one with fewer."""

SUBSETS, SUBSETS_SEED = 10, 2020
"""Number and seed of the random subsets for which KID was recorded; each has a quarter of the images."""

RECORDED: dict[str, float] = {
    "torch-fidelity FID 2000 x 64": 0.2925474914657782,
    "pytorch-fid FID 2000 x 64": 0.2925474914657773,
    "torch-fidelity KID 2000 x 64": 0.014511258272829508,
    "torch-fidelity KID of subsets 2000 x 64": 0.015347442050539594,
    "torch-fidelity KID deviation 2000 x 64": 0.002379626663912478,
    "torch-fidelity precision 2000 x 64": 0.9624999761581421,
    "torch-fidelity recall 2000 x 64": 0.531000018119812,
    "prdc precision 2000 x 64": 0.997,
    "prdc recall 2000 x 64": 0.623,
    "prdc density 2000 x 64": 0.9918,
    "prdc coverage 2000 x 64": 0.639,
    "torch-fidelity FID 500 x 2048": 12.057315888714001,
    "pytorch-fid FID 500 x 2048": 12.057316086732612,
    "torch-fidelity KID 500 x 2048": 0.014896274802914888,
    "torch-fidelity KID of subsets 500 x 2048": 0.014206760079238379,
    "torch-fidelity KID deviation 500 x 2048": 0.004529743677024988,
    "torch-fidelity precision 500 x 2048": 0.9860000014305115,
    "torch-fidelity recall 500 x 2048": 0.6079999804496765,
    "prdc precision 500 x 2048": 1.0,
    "prdc recall 500 x 2048": 0.702,
    "prdc density 500 x 2048": 1.0828,
    "prdc coverage 500 x 2048": 0.766,
    "torch-fidelity IS": 1.5495057716253464,
    "torch-fidelity IS deviation": 0.037496332831264766,
}


def uniform(seed: int, *shape: int) -> Points:
    """Uniform numbers in [0, 1) from the 53 upper bits of a bit generator, whose stream NumPy guarantees across versions."""
    bits = np.random.PCG64(seed).random_raw(math.prod(shape)) >> np.uint64(11)
    return (bits.astype(np.float64) * 2.0**-53).reshape(shape)


def features(count: int, size: int) -> tuple[Points, Points]:
    """Features of reals and fakes, each (count, size), that overlap: the fakes are shifted and less varied."""
    mixing = uniform(1, 4, size) - 0.5
    reals = uniform(2, count, 4) @ mixing + 0.1 * uniform(3, count, size)
    fakes = (0.8 * uniform(4, count, 4) + 0.2) @ mixing + 0.1 * uniform(5, count, size)
    return reals, fakes


def logits() -> Points:
    """Logits of 2,000 images and 10 classes, some nearly certain and some nearly uniform."""
    return 8 * uniform(6, 2000, 10) * uniform(7, 2000, 1)
