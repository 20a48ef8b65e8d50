"""Writes features.json and dataset_info.json, with which `tfds.builder_from_directory` reads the shards as they are."""

import tempfile
from pathlib import Path
from typing import Any

from gan_core.storage import Folder
from gan_pipeline.dataset.features import AttributesFeature, Encoding, Feature, Features, ImageFeature, LabelFeature
from gan_pipeline.dataset.manifest import Split

_TEMPLATE = "{SPLIT}-{SHARD_X_OF_Y}.{FILEFORMAT}"


def write_tfds_metadata(folder: Folder, name: str, splits: dict[str, Split], features: Features) -> None:
    """Write the metadata that TensorFlow Datasets needs beside the shards."""
    import tensorflow_datasets as tfds

    shard_names = {shard.file for content in splits.values() for shard in content.shards}
    with tempfile.TemporaryDirectory() as local:
        # TFDS insists on finding files of these names, but takes their counts and sizes from us.
        for shard_name in shard_names:
            Path(local, shard_name).touch()
        infos = [
            tfds.core.SplitInfo(
                name=split,
                shard_lengths=[shard.examples for shard in content.shards],
                num_bytes=sum(shard.bytes for shard in content.shards),
                filename_template=tfds.core.ShardedFileTemplate(
                    template=_TEMPLATE, data_dir=local, dataset_name=name, split=split, filetype_suffix="tfrecord"
                ),
            )
            for split, content in splits.items()
        ]
        tfds.folder_dataset.write_metadata(
            data_dir=local,
            features=tfds.features.FeaturesDict(
                {**{title: _tfds_feature(feature) for title, feature in features.items()}, "id": tfds.features.Text()}
            ),
            split_infos=infos,
            filename_template=_TEMPLATE,
            check_data=False,
        )
        for file in sorted(path for path in Path(local).iterdir() if path.name not in shard_names):
            folder.write(file.name, file.read_bytes())


def _tfds_feature(feature: Feature) -> Any:
    import numpy as np
    import tensorflow_datasets as tfds

    match feature:
        case ImageFeature(encoding=Encoding.PNG):
            return tfds.features.Image(shape=feature.shape, encoding_format="png")
        case ImageFeature():
            return tfds.features.Tensor(shape=feature.shape, dtype=np.uint8, encoding=tfds.features.Encoding.BYTES)
        case LabelFeature():
            return tfds.features.ClassLabel(names=list(feature.class_names))
        case AttributesFeature():
            return tfds.features.Tensor(shape=(len(feature.names),), dtype=np.int64)
        case _:
            return tfds.features.Tensor(shape=(len(feature.names),), dtype=np.float32)
