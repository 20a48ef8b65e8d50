"""Folders on a local disk or on gs://, behind one small interface.

    folder = open_folder("gs://bucket/digits")   # or "data/digits"
    folder.write("a.json", b"{}")                # whole or not at all
    with folder.create("big.bin") as out:        # the name appears when the block ends without an error
        out.write(...)

Names are relative to the folder and use "/". All access to gs:// goes through here, by google-cloud-storage:
TensorFlow's own gs:// file system cannot be pointed at an emulator and reports missing rights as endless retries.
"""

from gan_core.storage.folder import WORK, Entry, Folder
from gan_core.storage.gcs import CloudFolder
from gan_core.storage.local import LocalFolder, open_regular, storage_errors
from gan_core.storage.opening import cache_folder, open_file, open_folder, write_file

__all__ = [
    "WORK",
    "CloudFolder",
    "Entry",
    "Folder",
    "LocalFolder",
    "cache_folder",
    "open_file",
    "open_folder",
    "open_regular",
    "storage_errors",
    "write_file",
]
