"""Spectral normalisation (Miyato et al. 2018) as in the paper: a reparameterisation, not a projection.

The kernel W stays as trained; the layer computes with W / sigma(W), and gradients flow through sigma. (Keras' own layer
overwrites W by W / sigma in every training pass and hides sigma from the gradient.)

SpectralNormalization(keras.layers.Conv2D(64, 3, name="down_1"))
"""

from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from gan_train.networks.passes import training_pass_of


class SpectralNormalization(keras.layers.Wrapper):
    """A layer that computes with the kernel of another one divided by its largest singular value.

    The kernel is the matrix W with one row per output channel. Its first left singular vector u is approximated by
    `power_iterations` of v = W^T u / |W^T u|, u = W v / |W v| in each training pass that updates statistics, which are those of
    the network's own player. sigma = u^T W v, with u and v constant in the gradient, is computed in float32 in every precision;
    all replicas hold the same u.

    Args:
        layer: a Conv2D, Conv2DTranspose, Dense, Embedding or ThinConv2D, whose name this layer takes.
        power_iterations: iterations per training pass, at least 1.
    """

    def __init__(self, layer: keras.Layer, power_iterations: int = 1) -> None:
        # autocast=False: the inner layer casts what it needs, sigma stays in float32.
        super().__init__(layer, name=layer.name, dtype="float32", autocast=False)
        if power_iterations < 1:
            raise ValueError(f"layer {layer.name}: power_iterations is {power_iterations}, must be at least 1")
        self.power_iterations = power_iterations

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.kernel = _kernel_of(self.layer)
        rows = self._rows(self.kernel).shape[0]
        # About a unit vector, so that sigma has its size before the first update too.
        self.u = self.add_weight(
            name="u",
            shape=(rows, 1),
            initializer=keras.initializers.RandomNormal(stddev=rows**-0.5, seed=0),
            trainable=False,
            aggregation="only_first_replica",
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        update = training and self.trainable and training_pass_of(self).update_statistics
        # Values that a scope around this one gives to other variables, such as the bias, are handed on.
        others = [(variable, tf.convert_to_tensor(variable)) for variable in self.layer.variables]
        with keras.StatelessScope(state_mapping=[*others, (self.kernel, self._normalised(update))]):
            return self.layer(inputs)

    def compute_output_spec(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        # Keras would trace the layer to find the shape, which takes most of the time of building a network.
        return self.layer.compute_output_spec(inputs)

    def normalised_weights(self) -> list[NDArray[Any]]:
        """The weights of a layer without normalisation that gives the same outputs, in the order of `layer.get_weights()`."""
        return [
            self._normalised(update=False).numpy() if variable is self.kernel else variable.numpy()
            for variable in self.layer.weights
        ]

    def _normalised(self, update: bool) -> tf.Tensor:
        """W / sigma, in the kernel's shape; with `update`, after the iterations of u."""
        kernel = tf.convert_to_tensor(self.kernel)
        rows, u = self._rows(kernel), tf.convert_to_tensor(self.u)
        constant = tf.stop_gradient(rows)
        v = _unit(tf.matmul(constant, u, transpose_a=True))
        for _ in range(self.power_iterations if update else 0):
            u = _unit(tf.matmul(constant, v))
            v = _unit(tf.matmul(constant, u, transpose_a=True))
        if update:
            self.u.assign(u)
        return kernel / tf.reduce_sum(u * tf.matmul(rows, v))

    def _rows(self, kernel: Any) -> tf.Tensor:
        """The kernel as a matrix, (output channels, everything else)."""
        kernel = tf.convert_to_tensor(kernel)
        if isinstance(self.layer, keras.layers.Conv2DTranspose):
            kernel = tf.transpose(kernel, (0, 1, 3, 2))
        return tf.transpose(tf.reshape(kernel, (-1, kernel.shape[-1])))


def _kernel_of(layer: keras.Layer) -> keras.Variable:
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return layer.kernel
    # Keras keeps those of all other layers behind properties that cast.
    return layer._embeddings if isinstance(layer, keras.layers.Embedding) else layer._kernel


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(vector, epsilon=1e-12)
