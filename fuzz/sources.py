"""Targets: raw data, as people fetch it from anywhere."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from fuzz.harness import Target
from gan_core.errors import UnusableInputError
from gan_core.storage import open_folder
from gan_pipeline.dataset.catalogue import dataset_info
from gan_pipeline.sources.celeba_tables import parse_mapping, parse_table
from gan_pipeline.sources.cifar import open_cifar
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.idx import open_idx
from gan_pipeline.sources.label_files import read_label_file
from gan_pipeline.sources.open_tree import open_image_tree
from gan_pipeline.sources.small_images import open_small_images
from gan_pipeline.transforms.decode import decode_image_file
from tests.support.cifar_files import (
    CLASSES,
    PYTHON,
    Batch,
    binary_batch,
    python2_pickle,
    python3_pickle,
    python_batch,
    python_meta,
    tar,
)
from tests.support.datasets import idx_files

_IMAGES, _LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_ARCHIVE = "cifar-10-python.tar.gz"
_CLASS_LINES = "\n".join(CLASSES).encode()


def _idx(folder: Path) -> object:
    return open_idx(open_folder(folder), dataset_info("mnist"), {"train": "train"})


def _kmnist(folder: Path) -> object:
    return open_small_images(str(folder / "kmnist.npz"), dataset_info("kmnist"), ("train",))


def _fashion(folder: Path) -> object:
    return open_small_images(str(folder), dataset_info("fashion_mnist"), ("train",))


def _batch() -> Batch:
    return np.arange(2 * 3072, dtype=np.uint32).astype(np.uint8).reshape(2, 3072), [3, 9]


def _cifar_batches() -> list[bytes]:
    return [dump(python_batch("test_batch", _batch())) for dump in (python2_pickle, python3_pickle)]


def _cifar_binaries() -> list[bytes]:
    return [binary_batch(_batch())]


def _cifar_tars() -> list[bytes]:
    files = {"test_batch": _cifar_batches()[0], "batches.meta": python2_pickle(python_meta())}
    return [tar(PYTHON, files), tar(PYTHON, files, "w")]


def _cifar_archive(folder: Path) -> object:
    return open_cifar(str(folder / _ARCHIVE), dataset_info("cifar10"), ("test",))


def _cifar_pickle(folder: Path) -> object:
    return open_cifar(str(folder), dataset_info("cifar10"), ("test",))


def _tree(name: str) -> Callable[[Path], object]:
    """Read every file of an archive, and its labels, as `prepare images` does."""

    def read(folder: Path) -> object:
        tree = open_image_tree(str(folder / name))
        return [_member(tree, member) for member in tree.names()], tree.labels, tree.checksums()

    return read


def _member(tree: FileTree, name: str) -> bytes | None:
    try:
        return tree.read(name)
    except UnusableInputError:
        return None


def _label_file(name: str) -> Callable[[Path], object]:
    return lambda folder: read_label_file((folder / name).read_bytes(), name, None, lambda cell: cell.endswith(".png"))


def _table(folder: Path) -> object:
    return parse_table((folder / "table.txt").read_bytes(), "table.txt")


def _csv_table(folder: Path) -> object:
    return parse_table((folder / "table.csv").read_bytes(), "table.csv")


def _mapping(folder: Path) -> object:
    return parse_mapping((folder / "mapping.txt").read_bytes(), "mapping.txt")


def _small_digits(count: int = 2) -> tuple[bytes, bytes]:
    files = idx_files(count)
    return files[_IMAGES], files[_LABELS]


def _pictures() -> list[bytes]:
    picture = Image.fromarray(np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3))
    grey, palette = picture.convert("L"), picture.quantize(8)
    clear = picture.copy()
    clear.putalpha(grey)
    kinds = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF")
    array = io.BytesIO()
    np.save(array, np.asarray(picture))
    pngs = [_encoded(one, "PNG") for one in (grey, palette, clear)]
    return [_encoded(picture, kind) for kind in kinds] + pngs + [array.getvalue()]


def _encoded(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def _npz() -> list[bytes]:
    file = io.BytesIO()
    np.savez(file, x_train=np.zeros((2, 28, 28), np.uint8), y_train=np.ones(2, np.uint8))
    return [file.getvalue()]


def _zips() -> list[bytes]:
    files = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("cat/1.png", _pictures()[0])
            archive.writestr("dog/é.jpg", _pictures()[1])
        files.append(file.getvalue())
    return files


def _tars() -> list[bytes]:
    archives = []
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
            for name, content in (("1.png", _pictures()[0]), ("1.cls", b"1"), ("2.png", _pictures()[0]), ("2.cls", b"0")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        archives.append(file.getvalue())
    return archives


def _parquets() -> list[bytes]:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"image": [{"bytes": _pictures()[0], "path": "1.png"}], "label": [1]})
    file = pa.BufferOutputStream()
    parquet.write_table(table, file)
    return [file.getvalue().to_pybytes()]


_CSV = [b'file,label\na.png,cat\nb/b.png,"do""g"\n', b"a.png\t1\nb.png\t0\n", "\ufefffile_name,class\nx.png,ä\n".encode()]
_METADATA = [b'{"file_name": "a.png", "label": 1}\n{"file_name": "b.png", "label": "x"}\n']
_STYLEGAN = [json.dumps({"labels": [["a.png", 1], ["b.png", 0]]}).encode()]
_LIST = [b"2\nBald Young\n1.jpg 1 -1\n2.jpg -1 1\n", b"1.jpg 0\n2.jpg 1\n"]
_MAPPING = [b"idx orig_idx orig_file\n0 119613 119614.jpg\n1 99094 099095.jpg\n"]
_PIXELS = b"label," + b",".join(b"pixel%d" % number for number in range(784)) + b"\n3," + b",".join([b"7"] * 784) + b"\n"

TARGETS = (
    Target("idx-images", _idx, _IMAGES, lambda: [_small_digits()[0]], {_LABELS: _small_digits()[1]}),
    Target("idx-labels", _idx, _LABELS, lambda: [_small_digits()[1]], {_IMAGES: _small_digits()[0]}),
    Target("idx-gzip", _idx, f"{_LABELS}.gz", lambda: [gzip.compress(_small_digits()[1])], {_IMAGES: _small_digits()[0]}),
    Target("npz-dataset", _kmnist, "kmnist.npz", _npz),
    Target("csv-dataset", _fashion, "fashion-mnist_train.csv", lambda: [_PIXELS]),
    Target("cifar-python", _cifar_pickle, "test_batch", _cifar_batches, {"batches.meta": python3_pickle(python_meta())}),
    Target("cifar-binary", _cifar_pickle, "test_batch.bin", _cifar_binaries, {"batches.meta.txt": _CLASS_LINES}),
    Target("cifar-tar", _cifar_archive, _ARCHIVE, _cifar_tars),
    Target("image", lambda folder: decode_image_file((folder / "image").read_bytes()), "image", _pictures),
    Target("zip", _tree("a.zip"), "a.zip", _zips),
    Target("tar", _tree("a.tar"), "a.tar", _tars),
    Target("parquet", _tree("a.parquet"), "a.parquet", _parquets),
    Target("labels-csv", _label_file("labels.csv"), "labels.csv", lambda: _CSV),
    Target("metadata-jsonl", _label_file("metadata.jsonl"), "metadata.jsonl", lambda: _METADATA),
    Target("dataset-json", _label_file("dataset.json"), "dataset.json", lambda: _STYLEGAN),
    Target("celeba-list", _table, "table.txt", lambda: _LIST),
    Target("celeba-csv", _csv_table, "table.csv", lambda: [b"image_id,Bald,Young\n1.jpg,1,-1\n2.jpg,-1,1\n"]),
    Target("celeba-mapping", _mapping, "mapping.txt", lambda: _MAPPING),
)
