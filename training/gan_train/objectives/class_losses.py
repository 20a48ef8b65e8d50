"""Losses on classes and codes as pure functions of logits, one value per example. Spec D 3.1, 4.1 and 5.3.

    AC-GAN     of_d = cross_entropy(scores, target) + class_cross_entropy(class_logits, labels)
    InfoGAN    of_g = cross_entropy(scores, REAL) + class_cross_entropy(code_logits, codes)
    SGAN       of_c = class_cross_entropy(class_logits, labels)
               of_d = cross_entropy(real_score(class_logits), target)

All to be minimised, with equal weights; `cross_entropy` is that of losses.py.
"""

import math

import tensorflow as tf


def class_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """-log softmax(logits)[label]: how unlikely the network held the class.

    Of a class it is AC-GAN's L_C (Odena et al. 2017), with the sign turned. Of a code it is InfoGAN's term for a
    categorical code at lambda = 1: -L_I of Chen et al. 2016, eq. 5, up to the entropy of the code, a constant.

    Args:
        logits: float32 (n, classes).
        labels: int32 or int64 (n,) in [0, classes): of the real image, or what the generator was asked for. A label
            outside is an error on a CPU, NaN on a GPU.

    Returns:
        float32 (n,), in nats.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def information(logits: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """What Q knows of a uniformly drawn code from the image; the mean is the bound L_I <= I(code; image) (eq. 5).

    ln(codes) - class_cross_entropy: 0 when Q guesses, ln(codes) when it is sure and right, below 0 when it is misled.

    Args:
        logits: float32 (n, codes), of Q.
        codes: int32 or int64 (n,) in [0, codes), which the generator made the images from.

    Returns:
        float32 (n,), in nats.
    """
    return math.log(logits.shape[-1]) - class_cross_entropy(logits, codes)


def real_score(logits: tf.Tensor) -> tf.Tensor:
    """The logit of "this is real" of a semi-supervised discriminator (Salimans et al. 2016, section 5).

    D(x) = Z / (Z + 1) with Z = sum_k exp(logit_k) is sigmoid(log Z): a softmax over the classes and "fake", whose logit
    is 0. As a logit it neither overflows at large class logits nor stops the gradient on fakes (spec D 6.4, 23).

    Args:
        logits: float32 (n, classes), before the softmax.

    Returns:
        float32 (n, 1).
    """
    return tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
