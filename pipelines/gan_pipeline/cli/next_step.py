"""The command that is suggested after a dataset was prepared: the recipe that was made for such data."""

from gan_pipeline.dataset.catalogue import DATASETS, Kind
from gan_pipeline.dataset.features import ImageFeature, image_features
from gan_pipeline.dataset.manifest import Manifest

_BY_KIND = {Kind.CURVE: "curve-gan", Kind.PAIRS: "maps-pix2pix", Kind.UNPAIRED: "horse2zebra-cyclegan"}
_BY_NAME = {"fashion_mnist": "fashion-gan"}
_BY_SHAPE = {
    (28, 28, 1): "mnist-gan",
    (32, 32, 3): "cifar10-gan",
    (64, 64, 3): "celeba-lsgan",
    (80, 80, 3): "celeba-gan",
}
_TRANSLATED = (256, 256, 3)
"""Shape of the images of the recipes that translate; they take other squares, too."""
_DIVISOR = 16
"""A translator takes images whose sides are multiples of this number of pixels."""


def next_command(manifest: Manifest, folder: str) -> str:
    """The training of this dataset, or where to see the recipes if none was made for images of its shape.

    Args:
        manifest: of the dataset.
        folder: that holds it.
    """
    images = [feature for feature in image_features(manifest.features).values() if isinstance(feature, ImageFeature)]
    shape = images[0].shape if images else None
    kind = DATASETS[manifest.name].kind if manifest.name in DATASETS else None
    recipe = _BY_KIND.get(kind) if kind else None
    if recipe is None:
        recipe = _BY_NAME.get(manifest.name) or (_BY_SHAPE.get(shape) if shape else None)
        options = ""
    else:
        options = "" if shape in (None, _TRANSLATED) else f" --set image.shape=[{','.join(map(str, shape))}]"
        if options and shape and (shape[0] != shape[1] or shape[0] % _DIVISOR):
            recipe = None
    if recipe is None:
        size = f"{shape[1]}x{shape[0]} {'grey' if shape[2] == 1 else 'colour'}" if shape else "such"
        return f"gan-train recipes   (none is made for {size} images; a recipe's image.shape can be changed by --set)"
    return f"gan-train run {recipe} --data {folder} -o runs/first{options}"
