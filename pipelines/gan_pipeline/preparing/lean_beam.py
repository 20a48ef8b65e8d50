"""Imports Apache Beam without its connectors to services that `prepare` does not use on this machine.

Beam imports clients of BigQuery, Pub/Sub, Dataflow and other clouds where they are installed, and does without where they
are not. Half of the time of its import goes there (docs/measurements.md). They are hidden while Beam is imported, and can
be imported as ever after that. Storage on gs:// is read and written by gan_core.storage, not by Beam.
"""

import logging
import sys

_HIDDEN = (
    "apache_beam.io.aws.s3filesystem",
    "apache_beam.io.azure.blobstoragefilesystem",
    "apache_beam.io.gcp.bigquery",
    "apache_beam.io.gcp.gcsfilesystem",
    "apache_beam.io.gcp.pubsub",
    "apache_beam.io.hadoopfilesystem",
    "apitools",
    "google.cloud.dataflow",
    "google_auth_httplib2",
    "pyarrow",
    "pymongo",
)


def import_lean_beam() -> None:
    """Import Beam for its in-process runner. Does nothing if it was imported before.

    Runners elsewhere need the connectors: do not call this for them.
    """
    if "apache_beam" in sys.modules:
        return
    # Beam logs a warning about the MongoDB client that it does not find.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
    hidden = [name for name in _HIDDEN if name not in sys.modules]
    # None in sys.modules makes an import of that name fail with an ImportError.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        import apache_beam  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
