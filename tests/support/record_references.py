"""Prints what torch-fidelity, pytorch-fid and prdc make of the features of gan_train/metrics/references.py.

pip install --target /tmp/others torch-fidelity pytorch-fid prdc
PYTHONPATH=/tmp/others python -m tests.support.record_references
"""

from importlib.metadata import version

import numpy as np
import torch
from prdc import compute_prdc
from pytorch_fid.fid_score import calculate_frechet_distance
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from gan_train.metrics.references import SHAPES, SUBSETS, SUBSETS_SEED, features, logits


def record(name: str, value: float) -> None:
    print(f'    "{name}": {float(value)!r},', flush=True)


def kid(reals: torch.Tensor, fakes: torch.Tensor, subsets: int, size: int) -> dict[str, float]:
    return kid_features_to_metric(fakes, reals, kid_subsets=subsets, kid_subset_size=size, rng_seed=SUBSETS_SEED, verbose=False)


def main() -> None:
    print({name: version(name) for name in ("torch-fidelity", "pytorch-fid", "prdc", "torch", "numpy", "scipy")})
    for count, size in SHAPES:
        reals, fakes = features(count, size)
        tensors = [torch.from_numpy(points) for points in (reals, fakes)]
        statistics = [fid_features_to_statistics(tensor) for tensor in tensors]
        fid = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
        record(f"torch-fidelity FID {count} x {size}", fid)
        moments = [(points.mean(axis=0), np.cov(points, rowvar=False)) for points in (reals, fakes)]
        record(f"pytorch-fid FID {count} x {size}", calculate_frechet_distance(*moments[0], *moments[1]))
        record(f"torch-fidelity KID {count} x {size}", kid(*tensors, 1, count)["kernel_inception_distance_mean"])
        some = kid(*tensors, SUBSETS, count // 4)
        record(f"torch-fidelity KID of subsets {count} x {size}", some["kernel_inception_distance_mean"])
        record(f"torch-fidelity KID deviation {count} x {size}", some["kernel_inception_distance_std"])
        found = prc_features_to_metric(
            tensors[1], tensors[0], prc_neighborhood=3, prc_batch_size=1000, save_cpu_ram=True, verbose=False
        )
        record(f"torch-fidelity precision {count} x {size}", found["precision"])
        record(f"torch-fidelity recall {count} x {size}", found["recall"])
        for name, value in compute_prdc(reals, fakes, nearest_k=5).items():
            record(f"prdc {name} {count} x {size}", value)
    inception = isc_features_to_metric(torch.from_numpy(logits()), shuffle=False)
    record("torch-fidelity IS", inception["inception_score_mean"])
    record("torch-fidelity IS deviation", inception["inception_score_std"])


if __name__ == "__main__":
    main()
