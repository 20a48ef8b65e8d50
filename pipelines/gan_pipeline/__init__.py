"""Raw images into dataset folders: TFRecord shards behind a manifest.

    import gan_pipeline

    dataset = gan_pipeline.prepare("mnist", "data/digits", source="sample", limit=1000)
    for example in dataset.examples("train"):
        example["image"], example["label"]

Importing the package loads nothing heavy. docs/python-api.md tells what it offers.
"""

from gan_pipeline.api import Dataset, Prepared, open_dataset, prepare

__all__ = ["Dataset", "Prepared", "open_dataset", "prepare"]
