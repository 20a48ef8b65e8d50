"""Penalties on a discriminator's input gradients and on weights, as pure functions; the caller draws the random numbers.

mix = tf.squeeze(draw.uniform(global_count, 1), axis=-1)
losses += 10.0 * gradient_penalty(critic, real, fake, mix)

A `critic` maps this replica's images, float (n, height, width, channels), to scores (n, 1) by one forward pass. Its gradient
for one example is that of the sum of all scores, so scores must not depend on other examples: with batch statistics the penalty
is that of the batch, not of the example. Call the functions inside the tape that watches the weights.
"""

from collections.abc import Callable, Iterable, Sequence

import keras
import tensorflow as tf

Critic = Callable[[tf.Tensor], tf.Tensor]

_EPSILON = 1e-12
"""Number added under the root of a norm, so that its derivative at a gradient of zero is 0, not nan."""


def gradient_penalty(
    critic: Critic, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor, one_sided: bool = False, target: float = 1.0
) -> tf.Tensor:
    """(|grad critic(x)| - target)^2 at x = mix real + (1 - mix) fake (WGAN-GP, Gulrajani et al. 2017).

    The norm is over all pixels and channels of an example. The paper's weight is 10.

    Args:
        critic: scores of images; see above.
        real: real images, float (n, height, width, channels).
        fake: generated images of the same shape; no gradient flows to the generator if it made them outside the tape.
        mix: float32 (n,), uniform in [0, 1), one number per example.
        one_sided: whether only norms above the target are penalised, max(0, |grad| - target)^2.
        target: the norm to reach.

    Returns:
        float32 (n,).
    """
    return _distance_to_norm(critic, _between(real, fake, mix), one_sided, target)


def dragan(
    critic: Critic, real: tf.Tensor, noise: tf.Tensor, mix: tf.Tensor, one_sided: bool = False, target: float = 1.0
) -> tf.Tensor:
    """The gradient penalty near real images: between x and x + 0.5 std noise (DRAGAN, Kodali et al. 2017).

    std is the standard deviation of all pixels of the global batch, as in the authors' code; replicas share their moments, so
    that their number changes nothing. The authors' weight is 10.

    Args:
        critic: scores of images; see above.
        real: real images, float (n, height, width, channels).
        noise: noise of the same shape; the authors draw it uniform in [0, 1) (`Draw.uniform_like`).
        mix: weights of the real images, float32 (n,), uniform in [0, 1).
        one_sided: as in `gradient_penalty`.
        target: the norm to reach.

    Returns:
        float32 (n,).
    """
    disturbed = real + 0.5 * _global_deviation(real) * noise
    return _distance_to_norm(critic, _between(real, disturbed, mix), one_sided, target)


def r1(critic: Critic, images: tf.Tensor) -> tf.Tensor:
    """1/2 |grad critic(x)|^2 at real images (R1), or at generated ones (R2); both by Mescheder et al. 2018.

    The caller multiplies it by gamma and, if it adds the term in every k-th step only, also by k (Karras et al. 2020).

    Args:
        critic: scores of images; see above.
        images: real or generated images, float (n, height, width, channels).

    Returns:
        float32 (n,).
    """
    return 0.5 * _squared_norm(_input_gradients(critic, images))


def orthogonal(kernels: Sequence[tf.Tensor], free_norms: bool = True) -> tf.Tensor:
    """The distance of kernels from orthogonality: a squared Frobenius norm, summed over the kernels.

    W is a kernel as a matrix (everything else, filters). With `free_norms` only the off-diagonal counts, |W^T W * (1 - I)|^2,
    which leaves the norms of the filters free (BigGAN, Brock et al. 2019); without, it is |W^T W - I|^2 (Brock et al. 2017).
    BigGAN's weight is 1e-4.

    Args:
        kernels: float kernels with the filters on the last axis; the caller transposes those of transposed convolutions.
        free_norms: see above.

    Returns:
        float32 scalar.
    """
    return tf.add_n([_unorthogonality(kernel, free_norms) for kernel in kernels])


def clip_weights(variables: Iterable[keras.Variable], limit: float) -> None:
    """Clip every value of some variables to [-limit, limit]; Arjovsky et al. 2017 do so after each update, with a limit of
    0.01.
    """
    for variable in variables:
        variable.assign(tf.clip_by_value(tf.convert_to_tensor(variable), -limit, limit))


def _between(one: tf.Tensor, other: tf.Tensor, mix: tf.Tensor) -> tf.Tensor:
    weight = tf.cast(mix, one.dtype)[:, None, None, None]
    return weight * one + (1 - weight) * other


def _distance_to_norm(critic: Critic, images: tf.Tensor, one_sided: bool, target: float) -> tf.Tensor:
    excess = tf.sqrt(_squared_norm(_input_gradients(critic, images)) + _EPSILON) - target
    return tf.square(tf.nn.relu(excess) if one_sided else excess)


def _input_gradients(critic: Critic, images: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        scores = critic(images)
    return tape.gradient(scores, images)


def _squared_norm(gradients: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.square(tf.cast(gradients, tf.float32)), axis=(1, 2, 3))


def _global_deviation(images: tf.Tensor) -> tf.Tensor:
    values = tf.cast(images, tf.float32)
    moments = tf.stack([tf.reduce_mean(values), tf.reduce_mean(tf.square(values))])
    mean, square = tf.unstack(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, moments))
    return tf.cast(tf.sqrt(tf.maximum(square - tf.square(mean), 0.0)), images.dtype)


def _unorthogonality(kernel: tf.Tensor, free_norms: bool) -> tf.Tensor:
    columns = tf.reshape(tf.cast(kernel, tf.float32), (-1, kernel.shape[-1]))
    products = tf.matmul(columns, columns, transpose_a=True)
    identity = tf.eye(kernel.shape[-1])
    wrong = products * (1.0 - identity) if free_norms else products - identity
    return tf.reduce_sum(tf.square(wrong))
