"""The checks of `gan-pipeline doctor`, in their order: what is cheap and often wrong comes first."""

from gan_core.doctor.check import Check
from gan_core.doctor.clock import clock_check
from gan_core.doctor.machine import disk_check, memory_check
from gan_core.doctor.rights import FolderRights
from gan_core.doctor.versions import check_versions
from gan_pipeline.doctor.source import check_source
from gan_pipeline.doctor.trial import check_preparation

_LEAST_MEMORY = 512 << 20
"""Bytes of memory that the command and one worker take."""


def checks(source: str | None, out: str | None) -> list[Check]:
    """The checks that show whether a preparation is possible.

    Args:
        source: a file or folder that is to be read, local or on gs://; None is not looked at.
        out: the dataset folder that is to be written; None is not looked at.
    """
    found = [
        Check("versions", check_versions),
        memory_check(_LEAST_MEMORY),
        disk_check("temporary files"),
        clock_check(out),
    ]
    if out:
        found += FolderRights(out, "-o").write_checks()
    if source:
        found.append(Check("--source", lambda: check_source(source)))
    found.append(Check("preparation", check_preparation))
    return found
