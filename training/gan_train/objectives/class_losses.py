"""Losses of classes and codes as pure functions of logits, one value per example.

    AC-GAN     discriminator   cross_entropy(scores, target) + class_cross_entropy(class_logits, labels)
    InfoGAN    generator       cross_entropy(scores, REAL) + class_cross_entropy(code_logits, codes)
    SGAN       classifier      class_cross_entropy(class_logits, labels)
               discriminator   cross_entropy(real_score(class_logits), target)

All are minimised, with equal weights; `cross_entropy` is that of losses.py.
"""

import math

import tensorflow as tf


def class_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The cross-entropy -log softmax(logits)[label].

    For classes it is AC-GAN's L_C (Odena et al. 2017) with the opposite sign. For codes it is InfoGAN's term of a categorical
    code at lambda = 1: -L_I of Chen et al. 2016, eq. 5, up to the entropy of the code, a constant.

    Args:
        logits: float32 (n, classes).
        labels: int32 or int64 (n,) in [0, classes): the class of the real image, or the class or code that the generator took.
            A label outside the range is an error on a CPU and gives NaN on a GPU.

    Returns:
        float32 (n,), in nats.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def information(logits: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """The information of the image about a uniformly drawn code, as far as Q finds it (Chen et al. 2016, eq. 5).

    It is ln(codes) - class_cross_entropy: 0 if Q guesses, ln(codes) if it is sure and right, negative if it is sure and wrong.
    Its mean is the lower bound L_I of the mutual information of code and image.

    Args:
        logits: Q's logits, float32 (n, codes).
        codes: int32 or int64 (n,) in [0, codes), from which the generator made the images.

    Returns:
        float32 (n,), in nats.
    """
    return math.log(logits.shape[-1]) - class_cross_entropy(logits, codes)


def real_score(logits: tf.Tensor) -> tf.Tensor:
    """The logit of "this is real" of a semi-supervised discriminator (Salimans et al. 2016, section 5).

    D(x) = Z / (Z + 1) with Z = sum_k exp(logit_k) is sigmoid(log Z): a softmax over the classes and "fake", whose logit
    is 0. As a logit it neither overflows at large class logits nor loses the gradient on fakes.

    Args:
        logits: float32 (n, classes), before the softmax.

    Returns:
        float32 (n, 1).
    """
    return tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
