"""Options and arguments that several commands of gan-train share, and how a command answers."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gan_core.command import print_json
from gan_core.program import choices

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, local or gs://.", show_default=False)]
RecipeArgument = Annotated[
    str, typer.Argument(help="A name from 'gan-train recipes', a .yaml file, or a run folder.", show_default=False)
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Override a recipe key: --set batch_size=128. Repeat for more.")
]
ShortOption = Annotated[bool, typer.Option("--short", help="A training of minutes, by the recipe's own short overrides.")]
PictureOption = Annotated[str, typer.Option("--out", "-o", help="A .png file, local or gs://.", show_default=False)]
StepOption = Annotated[int | None, typer.Option(min=1, help="Which saved generator.  [default: the newest]")]
LatentsOption = Annotated[
    str | None, typer.Option("--latents", help="Saved latents: .npz (array 'latents') or .npy, of shape (n, latent size).")
]
ClassOption = Annotated[
    str | None, typer.Option("--class", help="Of a run with classes: number or name; several with commas, in turn.")
]
CodeOption = Annotated[str | None, typer.Option("--code", help="Of an InfoGAN run: number; several with commas, in turn.")]
OneClassOption = Annotated[str | None, typer.Option("--class", help="Of all images, in a run with classes: number or name.")]
OneCodeOption = Annotated[str | None, typer.Option("--code", help="Of all images, in an InfoGAN run: number.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Write into a folder that already holds other files.")]
DirectionOption = Annotated[str | None, typer.Option(**choices("a-to-b", "b-to-a"), help="Of CycleGAN.  [default: a-to-b]")]


def answer(document: Mapping[str, Any], text: str, as_json: bool) -> None:
    """Print what a command did: the document for --json, the text for people."""
    if as_json:
        print_json(document)
    else:
        print(text)
