"""Train GANs on dataset folders made by gan_pipeline, and use what was trained.

    import gan_train

    run = gan_train.train("mnist-dcgan", "data/digits", "runs/first", short=True)
    images = run.sample(25)                  # uint8 (25, 28, 28, 1)
    run = gan_train.open_run("runs/first")   # later, or in another process

Importing it is quick: TensorFlow is loaded by the first call that needs it. docs/python-api.md has the whole interface.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_train.api import Run, open_run, resume, sweep, train

__all__ = ["Run", "open_run", "resume", "sweep", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gan_train import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
