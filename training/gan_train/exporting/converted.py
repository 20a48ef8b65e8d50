"""ONNX and TFLite files: conversion of a network, and a check that the file computes what the network does."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.errors import DataError
from gan_core.storage import storage_errors
from gan_train.exporting.exported import FLOAT_SIGNATURE, Exported
from gan_train.exporting.formats import ONNX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OPSET = 18
"""The version of ONNX's operators; ONNX Runtime reads it from 1.14 (2023) on."""

_DIFFERENCE = 1e-4
"""The largest difference of an output that conversion may make: a rounding of float32, in units of the image range."""


def converted(exported: Exported[Any], kind: str, facts: Mapping[str, str]) -> tuple[bytes, float]:
    """An ONNX or TFLite file of a network, and the largest difference of its output on example inputs.

    Args:
        exported: the network.
        kind: "onnx" or "tflite".
        facts: texts that an ONNX file carries as its metadata.

    Raises:
        DataError: the file computes something else than the network.
        StorageError: there is no space for temporary files.
    """
    inputs = exported.example_inputs()
    function, _ = exported.function()
    (expected,) = (output.numpy() for output in function(*_tensors(inputs)).values())
    if kind == ONNX:
        content = _onnx_file(exported, facts)
        output = _run_onnx(content, inputs)
    else:
        content = _tflite_file(exported)
        output = _run_tflite(content, inputs)
    import numpy as np

    difference = float(np.max(np.abs(output - expected)))
    if not difference <= _DIFFERENCE:
        raise DataError(
            f"{exported.run.uri}: the {kind} file computes something else than the network (a difference of {difference:.2g}), "
            "and was not written; export it as keras or savedmodel"
        )
    return content, difference


def _tensors(inputs: "Mapping[str, NDArray[np.generic]]") -> list[Any]:
    import tensorflow as tf

    return [tf.constant(array) for array in inputs.values()]


def _onnx_file(exported: Exported[Any], facts: Mapping[str, str]) -> bytes:
    import onnx
    import tensorflow as tf
    import tf2onnx

    function, signature = exported.function()
    traced = tf.function(function, input_signature=signature, autograph=False)
    model, _ = tf2onnx.convert.from_function(traced, input_signature=signature, opset=_OPSET)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    onnx.helper.set_model_props(model, dict(facts))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _run_onnx(content: bytes, inputs: "Mapping[str, NDArray[np.generic]]") -> "NDArray[np.float32]":
    import onnxruntime

    (output,) = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, dict(inputs))
    result: NDArray[np.float32] = output
    return result


def _tflite_file(exported: Exported[Any]) -> bytes:
    """The converter loses the values of variables unless it reads them from a SavedModel."""
    import keras
    import tensorflow as tf

    function, signature = exported.function()
    archive = keras.export.ExportArchive()
    archive.track(exported.network)
    archive.add_endpoint(FLOAT_SIGNATURE, function, signature)
    with tempfile.TemporaryDirectory() as folder:
        with storage_errors(Path(folder)):
            archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[FLOAT_SIGNATURE])
        return bytes(converter.convert())


def _run_tflite(content: bytes, inputs: "Mapping[str, NDArray[np.generic]]") -> "NDArray[np.float32]":
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # The default delegate prints a line for each file that it opens.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    runner = Interpreter(model_content=content, experimental_op_resolver_type=plain).get_signature_runner()
    (output,) = runner(**inputs).values()
    result: NDArray[np.float32] = output
    return result
