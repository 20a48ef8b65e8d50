"""The same step in PyTorch, eager, as its DCGAN tutorial writes it. Read only where torch can be imported."""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gan_train.recipe.base import Recipe
from gan_train.recipe.network_config import DCGANDiscriminatorConfig, DCGANGeneratorConfig


class _Same(nn.Module):
    """TensorFlow's "same" padding for even sides, which puts the odd row and column at the end."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        total = kernel - stride
        self._sides = (total // 2, total - total // 2) * 2

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.pad(images, self._sides)


def generator_of(config: DCGANGeneratorConfig, latent_size: int, channels: int, image_range: str) -> nn.Sequential:
    height, width, base = config.base
    project = [nn.Linear(latent_size, height * width * base)]
    if config.project_batch_norm:
        project.append(nn.BatchNorm1d(height * width * base, 1e-3, 0.01))
    layers: list[nn.Module] = [*project, nn.LeakyReLU(config.slope), nn.Unflatten(1, (base, height, width))]
    for before, filters in pairwise((base, *config.filters)):
        layers.append(nn.ConvTranspose2d(before, filters, config.kernel, 2, (config.kernel - 2) // 2))
        layers += [nn.BatchNorm2d(filters, 1e-3, 0.01)] if config.batch_norm else []
        layers.append(nn.LeakyReLU(config.slope))
    last = nn.Conv2d(config.filters[-1], channels, config.output_kernel, padding="same")
    return nn.Sequential(*layers, last, nn.Tanh() if image_range == "symmetric" else nn.Sigmoid())


def discriminator_of(config: DCGANDiscriminatorConfig, shape: tuple[int, int, int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    height, width, channels = shape
    for stage, (before, filters) in enumerate(pairwise((channels, *config.filters))):
        stride = config.first_stride if stage == 0 else 2
        height, width = -(-height // stride), -(-width // stride)
        layers += [_Same(config.kernel, stride), nn.Conv2d(before, filters, config.kernel, stride)]
        layers += [nn.BatchNorm2d(filters, 1e-3, 0.01)] if config.batch_norm else []
        layers.append(nn.LeakyReLU(config.slope))
        layers += [nn.Dropout(config.dropout)] if config.dropout else []
    layers.append(nn.Flatten())
    layers += [nn.Dropout(config.flat_dropout)] if config.flat_dropout else []
    return nn.Sequential(*layers, nn.Linear(height * width * config.filters[-1], 1))


class TorchLoop:
    """Both networks in channels-last memory, which is the faster layout here."""

    def __init__(self, recipe: Recipe, reals: NDArray[np.float32]) -> None:
        self._recipe = recipe
        self._reals = torch.tensor(reals.transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)
        self._generator = generator_of(recipe.generator, recipe.latent_size, recipe.image.shape[-1], recipe.image.range)
        self._discriminator = discriminator_of(recipe.discriminator, recipe.image.shape)
        for network in (self._generator, self._discriminator):
            network.to(memory_format=torch.channels_last)
        self._loss = nn.MSELoss() if recipe.loss == "least-squares" else nn.BCEWithLogitsLoss()
        self._generator_adam, self._discriminator_adam = (
            torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in (self._generator, self._discriminator)
        )

    def run(self, steps: int) -> None:
        half = self._recipe.batch_size // 2
        for _ in range(steps):
            real = self._reals[torch.randint(len(self._reals), (half,))]
            self._generator.eval()
            with torch.no_grad():
                fake = self._generator(torch.randn(half, self._recipe.latent_size))
            self._generator.train()
            ones, zeros = torch.ones(half, 1), torch.zeros(half, 1)
            if self._recipe.discriminator_batch == "mixed":
                self._train_discriminator(torch.cat([real, fake]), torch.cat([ones, zeros]))
            else:
                self._train_discriminator(real, ones)
                self._train_discriminator(fake, zeros)
            self._train_generator()

    def _train_discriminator(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self._discriminator_adam.zero_grad()
        self._loss(self._discriminator(images), labels).backward()
        self._discriminator_adam.step()

    def _train_generator(self) -> None:
        batch = self._recipe.batch_size
        self._generator_adam.zero_grad()
        for parameter in self._discriminator.parameters():
            parameter.requires_grad_(False)
        images = self._generator(torch.randn(batch, self._recipe.latent_size))
        self._loss(self._discriminator(images), torch.ones(batch, 1)).backward()
        for parameter in self._discriminator.parameters():
            parameter.requires_grad_(True)
        self._generator_adam.step()
