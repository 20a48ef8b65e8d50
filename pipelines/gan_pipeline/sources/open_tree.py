"""From the text of --source to a file tree: tells folders, archives and everything else apart, by content."""

from pathlib import Path, PurePosixPath

from gan_core.errors import DataError, StorageError
from gan_core.names import escape_name, unescape_name
from gan_core.storage import Folder, open_folder
from gan_core.storage.gcs_client import CONNECTIONS
from gan_core.text import printable
from gan_pipeline.sources.cloud_tree import CloudTree
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.local_tree import LocalTree
from gan_pipeline.sources.parquet_tree import open_parquet
from gan_pipeline.sources.spooled_tree import SpooledTree
from gan_pipeline.sources.tar_tree import open_tars
from gan_pipeline.sources.zip_tree import ZipTree
from gan_pipeline.transforms.decode import IMAGE_SUFFIXES

_WEB_PAGE = (b"<!doctype html", b"<html")
_OTHER_ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!")
_TAR_NAMES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
_ARCHIVE_NAMES = (".zip", *_TAR_NAMES, ".7z", ".rar")
_TABLE_NAMES = (".txt", ".csv", ".md")
_PARQUET = ".parquet"
_NOTES = (".json", ".jsonl", ".yaml", ".py")


def open_tree(uri: str, zip_encoding: str | None = None, out: str = "") -> FileTree:
    """The files at a local path or a gs:// URI, be it a folder or an archive.

    Args:
        uri: the path.
        zip_encoding: see ZipTree.
        out: a folder that the caller writes into. If it lies below `uri`, its content is none of these files.

    Raises:
        StorageError: nothing is there, or it may not be read. A gs:// prefix is not looked at before `names`.
        DataError: it is a file and no archive, or an archive that is damaged, not to be trusted or of another kind.
        UsageError: the name is empty.
    """
    if not uri.startswith("gs://"):
        folder, path = open_folder(uri), Path(uri)
        if path.is_dir():
            return LocalTree(folder.uri, _below(path, out))
        if not path.is_file():
            fault = "a pipe, socket or device; give a folder or an archive" if path.exists() else "not found; check the path"
            raise StorageError(f"{uri}: {fault}")
        return _open_archive(uri, open_folder(path.parent), path.name, 1, zip_encoding)
    folder = open_folder(uri)
    parent, _, name = folder.uri.rpartition("/")
    if parent != "gs:/" and open_folder(parent).exists(name):
        return _open_archive(uri, open_folder(parent), name, CONNECTIONS, zip_encoding)
    above = f"{folder.uri}/"
    return CloudTree(folder, escape_name(f"{out.rstrip('/')}/".removeprefix(above)) if out.startswith(above) else "")


def _below(folder: Path, out: str) -> str:
    """The path of the folder `out` relative to `folder`, escaped and with "/" at its end; empty if it lies elsewhere."""
    if not out or out.startswith("gs://"):
        return ""
    inner, outer = Path(out).resolve(), folder.resolve()
    return f"{escape_name(inner.relative_to(outer).as_posix())}/" if outer in inner.parents else ""


def open_image_tree(uri: str, zip_encoding: str | None = None, out: str = "") -> FileTree:
    """The files at a place; of a folder that holds nothing but one .zip and tables, the files in the .zip.

    Raises DataError, besides what `open_tree` raises, if there are archives and no other files to read.
    """
    tree = open_tree(uri, zip_encoding, out)
    names = tree.names()
    archives = [name for name in names if name.lower().endswith(_ARCHIVE_NAMES)]
    others = [name for name in names if not name.lower().endswith((*_ARCHIVE_NAMES, *_TABLE_NAMES))]
    if not isinstance(tree, ZipTree | SpooledTree) and (shards := _shards(tree, others, archives)):
        opener = open_parquet if shards[0].lower().endswith(_PARQUET) else open_tars
        return opener(uri, open_folder(uri), list(map(unescape_name, shards)))
    if not archives or others:
        return tree
    if isinstance(tree, ZipTree):
        raise DataError(
            f"{uri}: an archive that holds {_listed(archives)} and no images; unpack it, then give "
            f"{'that archive' if len(archives) == 1 else 'one of those archives, or the folder they are unpacked into,'} "
            "with --source"
        )
    if len(archives) > 1:
        raise DataError(
            f"{uri}: holds the archives {_listed(archives)} and no images; give one of them with --source, "
            "or unpack them into one folder"
        )
    return open_tree(f"{uri.rstrip('/')}/{unescape_name(archives[0])}", zip_encoding)


def _shards(tree: FileTree, others: list[str], archives: list[str]) -> list[str]:
    """The Parquet files, or the tar archives, of a folder that holds nothing else to read; empty if it is none of these."""
    rest = [name for name in others if not name.lower().endswith((_PARQUET, *_NOTES))]
    parquet = [name for name in others if name.lower().endswith(_PARQUET)]
    if rest or (parquet and archives):
        return []
    tars = [name for name in archives if name.lower().endswith(".tar")]
    return parquet or (tars if len(tars) == len(archives) else [])


def _listed(names: list[str]) -> str:
    return ", ".join(map(printable, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _open_archive(uri: str, folder: Folder, name: str, parallel_reads: int, zip_encoding: str | None) -> FileTree:
    head = folder.read_range(name, 0, 512)
    if head.lstrip().lower().startswith(_WEB_PAGE):
        raise DataError(
            f"{uri}: a web page, not the archive: the download was refused (Google Drive does so over its quota); fetch it "
            "again in a browser, from Kaggle (CelebA is jessicali9530/celeba-dataset), or copy it from a bucket"
        )
    if head.startswith(b"PAR1"):
        return open_parquet(uri, folder, [name])
    if head[257:262] == b"ustar" and name.lower().endswith(".tar"):
        return open_tars(uri, folder, [name])
    is_zip = head.startswith(b"PK")
    tar_like = head.startswith(_OTHER_ARCHIVES) or head[257:262] == b"ustar" or name.lower().endswith(_TAR_NAMES)
    if tar_like and not is_zip:
        raise DataError(
            f"{uri}: an archive of this kind cannot be read file by file; "
            "unpack it and give the folder, or pack its images into a .zip"
        )
    if not is_zip and not name.lower().endswith(".zip"):
        raise DataError(f"{uri}: neither a folder nor a .zip of images; {_instead(folder, name)}")
    return ZipTree(uri, folder, name, parallel_reads, zip_encoding)


def _instead(folder: Folder, name: str) -> str:
    if PurePosixPath(name.lower()).suffix in IMAGE_SUFFIXES:
        return f"it is one image: give the folder that holds it, {escape_name(folder.uri)}, with --source"
    return f"give the folder that holds the images with --source, such as {escape_name(folder.uri)}"
