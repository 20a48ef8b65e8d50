"""Images in NumPy's .npy files, as the scripts that make CelebA-HQ write them."""

import io
import math

import numpy as np

from gan_core.arrays import read_header

NPY_MAGIC = b"\x93NUMPY"


def npy_as_ppm(content: bytes) -> bytes:
    """The image of a .npy file as a binary PPM file, which Pillow reads.

    Args:
        content: the file: an array of uint8 of shape (height, width), (height, width, 1 or 3) or (1 or 3, height, width),
            with any number of leading axes of length 1.

    Returns:
        a PPM file of RGB, or a PGM file of grey pixels.

    Raises:
        ValueError: it is no such file, or cut off. No more memory is taken than the file's own size.
    """
    file = io.BytesIO(content)
    shape, fortran, dtype = read_header(file)
    if dtype != np.uint8:
        raise ValueError(f"numbers of type {dtype}, not uint8")
    if math.prod(shape) != len(content) - file.tell() or not math.prod(shape):
        raise ValueError(f"shape {str(shape)[:100]} with {len(content) - file.tell()} bytes")
    pixels = np.frombuffer(content, np.uint8, offset=file.tell()).reshape(shape, order="F" if fortran else "C")
    while pixels.ndim > 2 and len(pixels) == 1:
        pixels = pixels[0]
    if pixels.ndim == 3 and len(pixels) == 3 and pixels.shape[2] not in (1, 3):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise ValueError(f"shape {str(shape)[:100]} is no image")
    height, width, channels = pixels.shape
    return b"P%d %d %d 255\n" % (6 if channels == 3 else 5, width, height) + pixels.tobytes()
