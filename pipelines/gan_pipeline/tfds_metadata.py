"""features.json and dataset_info.json, so that `tfds.builder_from_directory` reads our shards as they are."""

import tempfile
from pathlib import Path

from gan_pipeline.manifest import Features, Split
from gan_pipeline.records import Encoding
from gan_pipeline.storage import Folder

_TEMPLATE = "{SPLIT}-{SHARD_X_OF_Y}.{FILEFORMAT}"


def write_tfds_metadata(folder: Folder, name: str, splits: dict[str, Split], features: Features) -> None:
    """Write the metadata TFDS needs beside the shards."""
    import numpy as np
    import tensorflow_datasets as tfds

    image = (
        tfds.features.Image(shape=features.image.shape, encoding_format="png")
        if features.image.encoding is Encoding.PNG
        else tfds.features.Tensor(shape=features.image.shape, dtype=np.uint8, encoding=tfds.features.Encoding.BYTES)
    )
    label = tfds.features.ClassLabel(names=list(features.label.class_names))
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
            features=tfds.features.FeaturesDict({"image": image, "label": label, "id": tfds.features.Text()}),
            split_infos=infos,
            filename_template=_TEMPLATE,
            check_data=False,
        )
        for file in sorted(path for path in Path(local).iterdir() if path.name not in shard_names):
            folder.write(file.name, file.read_bytes())
