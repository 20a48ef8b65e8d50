"""The forms in which a network is exported, and which one an output name means."""

from dataclasses import dataclass
from importlib.util import find_spec

from gan_core.errors import UsageError
from gan_core.names import file_ending

KERAS, SAVED_MODEL, ONNX, TFLITE = "keras", "savedmodel", "onnx", "tflite"


@dataclass(frozen=True)
class Format:
    """A form of an exported network.

    Attributes:
        name: value of the option --format.
        ending: of the file's name; "" of a folder.
        opens_with: programs that open it, for people.
        extra: optional dependencies of this package that writing it needs; "" if it needs none.
        modules: the modules of that extra that must be importable.
    """

    name: str
    ending: str
    opens_with: str
    extra: str = ""
    modules: tuple[str, ...] = ()


FORMATS = (
    Format(KERAS, ".keras", "Keras 3.6 or later"),
    Format(SAVED_MODEL, "", "TensorFlow 2 or TensorFlow Serving"),
    Format(ONNX, ".onnx", "ONNX Runtime, or another runtime of opset 18", "onnx", ("onnx", "onnxruntime", "tf2onnx")),
    Format(TFLITE, ".tflite", "LiteRT (TensorFlow Lite)", "tflite", ("ai_edge_litert",)),
)

_FILES = {one.ending: one for one in FORMATS if one.ending}


def chosen_format(out: str, name: str | None) -> Format:
    """The format that --format names, or else the ending of the output; without an ending it is the SavedModel.

    Args:
        out: path or gs:// URI; a slash at its end says that it is a folder.
        name: value of the option --format, or None.

    Raises:
        UsageError: there is no such format, it contradicts the ending, or its packages are not installed.
    """
    by_name = {one.name: one for one in FORMATS}
    if name is not None and name not in by_name:
        raise UsageError(f"--format {name}: choose one of: {', '.join(by_name)}")
    ending = file_ending(out)
    if ending and ending not in _FILES:
        known = ", ".join(_FILES)
        raise UsageError(
            f"-o {out}: no export has the ending {ending}; write one of: {known}, or a slash at the end of a folder"
        )
    if ending and not out.endswith(ending):
        raise UsageError(f"-o {out}: write the ending in lower case, {ending}")
    chosen = by_name[name] if name is not None else _FILES.get(ending, by_name[SAVED_MODEL])
    if chosen.ending != ending:
        if not chosen.ending:
            raise UsageError(f"-o {out}: with --format {name} write the name of a folder; {ending} is {_FILES[ending].name}'s")
        raise UsageError(f"-o {out}: with --format {name} write the name of a file ending in {chosen.ending}")
    missing = [module for module in chosen.modules if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"--format {chosen.name} needs {', '.join(missing)}, not installed here: pip install 'ganmill[{chosen.extra}]'"
        )
    return chosen
