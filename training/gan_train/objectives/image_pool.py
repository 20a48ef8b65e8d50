"""A pool of earlier fakes that a discriminator sees again (Shrivastava et al. 2017), by the rule of Zhu et al. 2017.

fakes = pool.exchanged(fakes, draw)
"""

import keras
import numpy as np
import tensorflow as tf

from gan_train.numerics.randomness import Draw
from gan_train.numerics.replicas import assign_own


class ImagePool:
    """A pool of up to `size` images. Create it inside the strategy's scope; every replica holds the same images.

    Args:
        size: largest number of images; 0 holds none and exchanges nothing.
        shape: (height, width, channels) of an image.
        name: prefix of the names of its variables.

    Attributes:
        variables: the state that a checkpoint must hold: images, float32 (size, height, width, channels), and their number.
    """

    def __init__(self, size: int, shape: tuple[int, int, int], name: str) -> None:
        self._size = size
        self._images = keras.Variable(np.zeros((size, *shape), np.float32), trainable=False, name=f"{name}_images")
        self._count = keras.Variable(0, dtype="int32", trainable=False, name=f"{name}_count")
        self.variables = (self._images, self._count) if size else ()

    def exchanged(self, fakes: tf.Tensor, draw: Draw) -> tf.Tensor:
        """The images that a discriminator sees in place of these fakes. Needs a replica context, as phases have.

        The images of the global batch are taken one after the other. While the pool is not full, an image is added and shown.
        After that the image itself is shown with probability 1/2, else one of the pool's, whose place it takes.

        Args:
            fakes: this replica's share of the global batch, float32 (n, height, width, channels), n known.
            draw: source of the random numbers.

        Returns:
            float32, of the same shape.
        """
        if not self._size:
            return fakes
        context = tf.distribute.get_replica_context()
        everyone = context.all_gather(fakes, axis=0) if draw.replicas > 1 else fakes
        share = fakes.shape[0]
        chances = draw.shared_uniform(share * draw.replicas, 2)
        images, count = tf.convert_to_tensor(self._images), tf.convert_to_tensor(self._count)
        shown = []
        for place in range(share * draw.replicas):
            images, count, image = self._exchange(images, count, everyone[place], chances[place])
            shown.append(image)
        assign_own(self._images, images)
        assign_own(self._count, count)
        first = tf.cast(context.replica_id_in_sync_group, tf.int32) * share
        return tf.ensure_shape(tf.stack(shown)[first : first + share], fakes.shape)

    def _exchange(
        self, images: tf.Tensor, count: tf.Tensor, fake: tf.Tensor, chances: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The pool's images and their number after one fake, and the image that is shown for it."""
        filling = count < self._size
        slot = tf.where(filling, count, tf.cast(tf.floor(chances[1] * self._size), tf.int32))
        takes_old = ~filling & (chances[0] >= 0.5)
        shown = tf.where(takes_old, images[slot], fake)
        written = (tf.range(self._size) == slot) & (filling | takes_old)
        updated = tf.where(written[:, None, None, None], fake, images)
        return updated, count + tf.cast(filling, tf.int32), shown
