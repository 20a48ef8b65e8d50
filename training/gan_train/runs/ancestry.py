"""The runs that the first weights of a run come from, as its run.json has them."""

from dataclasses import dataclass

from gan_core.documents import PrintableText, StoredName, Whole


@dataclass(frozen=True)
class Ancestor:
    """A run that another one, its child, took weights from.

    Attributes:
        run: its folder, as the caller named it.
        recipe: name of its recipe.
        step: the step of the checkpoint.
        run_digest: identifies the run: see `gan_train.runs.commits.run_digest`.
        variables: sha256 of the checkpoint's variables, in hexadecimal.
        players: names of the players that took weights, in order.
        optimizers: names of the players that took the state of their optimizers, too.
        taken: number of variables that were taken.
        left: a line for each variable of the child that was not taken, with the reason.
    """

    run: StoredName
    recipe: PrintableText
    step: Whole
    run_digest: PrintableText
    variables: PrintableText
    players: tuple[PrintableText, ...]
    optimizers: tuple[PrintableText, ...]
    taken: Whole
    left: tuple[PrintableText, ...]

    def __str__(self) -> str:
        """A line such as "runs/faces at step 450 (celeba-gan): generator, discriminator"."""
        state = f"; optimizers of {', '.join(self.optimizers)}" if self.optimizers else ""
        return f"{self.run} at step {self.step} ({self.recipe}): {', '.join(self.players)}{state}"
