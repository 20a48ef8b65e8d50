"""Services that follow a training besides the run folder, each by the package of the same name (--track)."""

from gan_train.logs.trackers.opening import open_tracker

__all__ = ["open_tracker"]
