"""MTCNN's three networks (Zhang et al. 2016, arXiv:1604.02878) as TensorFlow functions, traced for all image sizes.

The weights are the mtcnn package's own files and are read from it. Images here are float32, (pixel - 127.5) / 128.

What a network says of one image or crop is bit for bit the same however many are given to it, from two on (measured
with oneDNN on x86-64); the test of the detector against batches of its images watches over that.
"""

import importlib.resources
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from mtcnn.utils.tensorflow import load_weights
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PROPOSAL_THRESHOLD = 0.6
_MAYBE_PROPOSED = 0.4  # a little less than log(0.6 / 0.4), the threshold before the softmax
_STEP, _RNET_CROPS, _ONET_CROPS = 16, 256, 64  # crops come in multiples of the step, at most so many at once

_IMAGES = tf.TensorSpec((None, None, None, 3), tf.float32)


class MtcnnNetworks:
    """The networks of one process. On the CPU even where there is a GPU: the results are written into datasets."""

    def __init__(self) -> None:
        self._pnet, self._rnet, self._onet = (_read_weights(f"{letter}net.lz4") for letter in "pro")
        self._propose: dict[int, Any] = {}
        self._normalise = tf.function(_normalise, input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
        self._refine = tf.function(self._rnet_answers, input_signature=[tf.TensorSpec((None, 24, 24, 3))])
        self._output = tf.function(self._onet_answers, input_signature=[tf.TensorSpec((None, 48, 48, 3))])
        boxes, owners, side = tf.TensorSpec((None, 4)), tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32)
        self._crop = tf.function(_crop, input_signature=[_IMAGES, boxes, owners, side])

    def normalise(self, images: NDArray[np.uint8]) -> tf.Tensor:
        """uint8 (batch, height, width, 3) as the networks want it; exact in float32."""
        return self._normalise(images)

    def propose(self, images: tf.Tensor, sizes: list[tuple[int, int]]) -> tuple[NDArray[np.int64], Floats, Floats]:
        """The windows that may hold a face when the images are shrunk to each of some sizes: height, width.

        Returns:
            int64 (n, 4): level, image, row and column of each window; float32 (n, 4): offsets of its left, top, right
            and bottom, in window sides; float32 (n,): its score. Level by level, image by image, row by row.
        """
        levels = len(sizes)
        if levels not in self._propose:
            # Traced here and not on the first call, which TensorFlow would count and warn of.
            traced = tf.function(self._pnet_windows).get_concrete_function(_IMAGES, tf.TensorSpec((levels, 2), tf.int32))
            self._propose.setdefault(levels, traced)
        windows, offsets, scores = self._propose[levels](images, tf.constant(sizes, tf.int32))
        return windows.numpy(), offsets.numpy(), scores.numpy()

    def crop(self, images: tf.Tensor, boxes: Floats, owners: NDArray[np.int32], side: int) -> Floats:
        """Squares of side x side pixels out of the images, bilinear; 0 beyond their edges.

        Args:
            images: float32 (batch, height, width, 3).
            boxes: float32 (n, 4): top, left, bottom, right, in heights and widths of the image.
            owners: int32 (n,): the image of each box.
            side: in pixels.
        """
        crops: Floats = self._crop(images, boxes, owners, side).numpy()
        return crops

    def refine(self, crops: Floats) -> tuple[Floats, Floats]:
        """The second network's answers to crops of 24x24: offsets (n, 4) in box sides, scores (n,)."""
        offsets, scores = _in_chunks(self._refine, crops, _RNET_CROPS)
        return offsets, scores

    def output(self, crops: Floats) -> tuple[Floats, Floats, Floats]:
        """The third network's answers to crops of 48x48: offsets (n, 4), scores (n,), landmarks (n, 10).

        Landmarks in box sides: the x of left eye, right eye, nose, left and right corner of the mouth, then their y.
        """
        offsets, scores, landmarks = _in_chunks(self._output, crops, _ONET_CROPS)
        return offsets, scores, landmarks

    def _pnet_windows(self, images: tf.Tensor, sizes: tf.Tensor) -> tuple[tf.Tensor, ...]:
        w = self._pnet
        windows, answers = [], []
        with tf.device("/CPU:0"):
            for level, size in enumerate(tf.unstack(sizes)):
                x = tf.image.resize(images, size, tf.image.ResizeMethod.AREA)
                x = _prelu_pooled(_conv(x, w[0], w[1]), w[2], 2, "SAME")
                x = _prelu(_conv(x, w[3], w[4]), w[5])
                x = _prelu(_conv(x, w[6], w[7]), w[8])
                x = _conv(x, np.concatenate([w[9], w[11]], axis=-1), np.concatenate([w[10], w[12]]))
                window = tf.where(x[..., 5] - x[..., 4] > _MAYBE_PROPOSED)
                windows.append(tf.pad(window, [(0, 0), (1, 0)], constant_values=level))
                answers.append(tf.gather_nd(x, window))
            found = tf.concat(answers, 0)
            scores = tf.nn.softmax(found[:, 4:])[:, 1]
            chosen = scores > PROPOSAL_THRESHOLD
            return tf.concat(windows, 0)[chosen], found[chosen][:, :4], scores[chosen]

    def _rnet_answers(self, x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        w = self._rnet
        with tf.device("/CPU:0"):
            x = _prelu_pooled(_conv(x, w[0], w[1]), w[2], 3, "SAME")
            x = _prelu_pooled(_conv(x, w[3], w[4]), w[5], 3, "VALID")
            x = _prelu(_conv(x, w[6], w[7]), w[8])
            x = _dense(_flat(x), w[9], w[10])
            x = tf.maximum(x, w[11] * x)
            return _dense(x, w[12], w[13]), tf.nn.softmax(_dense(x, w[14], w[15]))[:, 1]

    def _onet_answers(self, x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        w = self._onet
        with tf.device("/CPU:0"):
            x = _prelu_pooled(_conv(x, w[0], w[1]), w[2], 3, "SAME")
            x = _prelu_pooled(_conv(x, w[3], w[4]), w[5], 3, "VALID")
            x = _prelu_pooled(_conv(x, w[6], w[7]), w[8], 2, "SAME")
            x = _prelu(_conv(x, w[9], w[10]), w[11])
            x = _dense(_flat(x), w[12], w[13])
            x = tf.maximum(x, w[14] * x)
            return _dense(x, w[15], w[16]), tf.nn.softmax(_dense(x, w[19], w[20]))[:, 1], _dense(x, w[17], w[18])


def _read_weights(name: str) -> list[Floats]:
    # A bare name would be looked for in the working folder first, and unpickled.
    weights: list[Floats] = load_weights(str(importlib.resources.files("mtcnn.assets.weights") / name))
    return weights


def _in_chunks(network: Callable[[Any], Any], crops: Floats, chunk: int) -> list[Floats]:
    """A network's answers to any number of crops; those to the zeros that fill up the last step are dropped."""
    steps = max(1, -(-len(crops) // _STEP))
    filled = np.zeros((steps * _STEP, *crops.shape[1:]), np.float32)
    filled[: len(crops)] = crops
    answers = [network(filled[start : start + chunk]) for start in range(0, len(filled), chunk)]
    return [np.concatenate([part.numpy() for part in parts])[: len(crops)] for parts in zip(*answers, strict=True)]


def _normalise(images: tf.Tensor) -> tf.Tensor:
    with tf.device("/CPU:0"):
        return (tf.cast(images, tf.float32) - 127.5) / 128


def _crop(images: tf.Tensor, boxes: tf.Tensor, owners: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    with tf.device("/CPU:0"):
        return tf.image.crop_and_resize(images, boxes, owners, tf.stack([side, side]))


def _conv(x: tf.Tensor, kernel: Floats, bias: Floats) -> tf.Tensor:
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias)


def _dense(x: tf.Tensor, kernel: Floats, bias: Floats) -> tf.Tensor:
    return tf.nn.bias_add(x @ kernel, bias)


def _flat(x: tf.Tensor) -> tf.Tensor:
    """Each crop as a row, column by column: the order of the weights, which come from Caffe."""
    return tf.reshape(tf.transpose(x, (0, 2, 1, 3)), (-1, np.prod(x.shape[1:])))


def _prelu(x: tf.Tensor, slope: Floats) -> tf.Tensor:
    """x where positive, slope * x where negative, for slopes up to 1."""
    return tf.maximum(x, _scaled(x, slope))


def _prelu_pooled(x: tf.Tensor, slope: Floats, window: int, padding: str) -> tf.Tensor:
    """PReLU of any slopes, then max pooling of stride 2; bit for bit.

    Where the slope is above 1 the PReLU is a minimum. It never falls, so it may follow the pooling: on a quarter of
    the numbers.
    """
    x = tf.nn.max_pool2d(_prelu(x, np.where(slope > 1, np.float32(1), slope)), window, 2, padding)
    return tf.minimum(x, _scaled(x, np.maximum(slope, 1))) if slope.max() > 1 else x


def _scaled(x: tf.Tensor, factors: Floats) -> tf.Tensor:
    """Each channel times its factor; in whole rows of pixels, which is faster than pixel by pixel."""
    columns = tf.shape(x)[2]
    rows = tf.reshape(x, (-1, columns * factors.size)) * tf.tile(factors.ravel(), [columns])
    return tf.reshape(rows, tf.shape(x))
