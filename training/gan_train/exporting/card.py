"""The model card of an export: where a network comes from, how good it is, and how it is used (Mitchell et al. 2019)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from gan_core.documents import PrintableText, Whole
from gan_core.names import escape_name
from gan_train.exporting.exported import Exported, Signature
from gan_train.exporting.formats import Format
from gan_train.exporting.terms import terms_of
from gan_train.logs.verdict import Verdict, read_verdicts
from gan_train.runs.ancestry import Ancestor
from gan_train.runs.dataset_facts import read_dataset_facts
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.scores import Scored, read_scores


@dataclass(frozen=True)
class CardData:
    """The dataset that a network learned from.

    Attributes:
        name: of the dataset; "" if an earlier version made the run.
        digest: hash of its content.
        folder: where it was when the run began.
        terms: who may use it for what, as far as this package knows.
        examples: number of examples by split.
        class_names: of a run that learns classes, by number.
    """

    name: PrintableText
    digest: PrintableText
    folder: str
    terms: PrintableText
    examples: dict[str, Whole] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class CardAncestor:
    """A run that the first weights of a network come from.

    Attributes:
        run: its folder.
        recipe: name of its recipe.
        step: the step of its checkpoint.
        digest: identifies the run: see `gan_train.runs.commits.run_digest`.
        variables: sha256 of the checkpoint's variables, in hexadecimal.
        players: names of the players that took weights.
        optimizers: names of those that took the state of their optimizers, too.
    """

    run: PrintableText
    recipe: PrintableText
    step: Whole
    digest: PrintableText
    variables: PrintableText
    players: tuple[PrintableText, ...]
    optimizers: tuple[PrintableText, ...]


@dataclass(frozen=True)
class CardScores:
    """Scores of the network by one protocol."""

    values: dict[str, float]
    protocol: Protocol

    @property
    def lines(self) -> list[str]:
        """The scores for people, one a line."""
        return Scored(self.protocol, self.values).lines()


@dataclass(frozen=True)
class ModelCard:
    """The card of one exported network.

    Attributes:
        file: name of the exported file, or of the program of a SavedModel, beside the card.
        format: name of the format.
        opens_with: programs that open it.
        run: the run folder.
        recipe: name of the recipe, and `about` its line of description.
        system: the kind of GAN.
        settings: the recipe with every value.
        step, steps: training step of the network, and the last step of the recipe.
        facts: how the network works, by name: weights, dropout, direction, normalisation.
        signatures: its functions with their inputs and outputs, by name.
        data: the dataset.
        scores: of this step; none if it was not measured.
        verdict: the newest judgement of the training up to this step, or None.
        trained_with: versions of the packages that began the run.
        written_with: versions of the packages that wrote the export.
        difference: largest difference of the file's output from the network's on example inputs, in units of the output's
            range; None of formats that store the network as it is.
        picture: name of a picture of what it makes, beside the card; "" if the run has none of this step.
        first_weights: the runs that its first weights come from, the nearest first; none if they were random.
    """

    file: PrintableText
    format: PrintableText
    opens_with: PrintableText
    run: str
    recipe: PrintableText
    about: PrintableText
    system: PrintableText
    settings: dict[str, Any]
    step: Whole
    steps: Whole
    facts: dict[str, PrintableText]
    signatures: dict[str, Signature]
    data: CardData
    scores: tuple[CardScores, ...]
    verdict: Verdict | None
    trained_with: dict[str, PrintableText]
    written_with: dict[str, PrintableText]
    difference: float | None = None
    picture: PrintableText = ""
    first_weights: tuple[CardAncestor, ...] = ()


def make_card(exported: Exported[Any], chosen: Format, file: str, difference: float | None, picture: str) -> ModelCard:
    """The card of an export, from the run folder.

    Args:
        exported: the network.
        chosen: the format it was written in.
        file: name of the file beside the card.
        difference: see `ModelCard`.
        picture: name of the picture beside the card, or "".

    Raises:
        DataError: a file of the run is damaged.
    """
    recipe = exported.record.recipe
    verdicts = [verdict for verdict in read_verdicts(exported.run) if verdict.step <= exported.step]
    return ModelCard(
        file=file,
        format=chosen.name,
        opens_with=chosen.opens_with,
        run=escape_name(exported.run.uri),
        recipe=recipe.name,
        about=recipe.about,
        system=recipe.system,
        settings=recipe.model_dump(mode="json"),
        step=exported.step,
        steps=recipe.steps,
        facts=exported.facts,
        signatures=exported.signatures(served=not chosen.ending),
        data=_data(exported),
        scores=tuple(_newest_by_protocol(read_scores(exported.run), exported.step).values()),
        verdict=verdicts[-1] if verdicts else None,
        trained_with=dict(exported.record.packages),
        written_with={package: version(package) for package in ("ganmill", "keras", "tensorflow")},
        difference=difference,
        picture=picture,
        first_weights=tuple(_card_ancestor(one) for one in exported.record.ancestry),
    )


def _card_ancestor(one: Ancestor) -> CardAncestor:
    return CardAncestor(escape_name(one.run), one.recipe, one.step, one.run_digest, one.variables, one.players, one.optimizers)


def _newest_by_protocol(scored: list[Scored], step: int) -> Mapping[Protocol, CardScores]:
    """The scores of a step; of two measurements by the same protocol the later one."""
    return {one.protocol: CardScores(dict(one.values), one.protocol) for one in scored if one.protocol.step == step}


def _data(exported: Exported[Any]) -> CardData:
    record, facts = exported.record, read_dataset_facts(exported.run)
    name = facts.name if facts else ""
    return CardData(
        name=name,
        digest=record.dataset_digest,
        folder=escape_name(record.dataset),
        terms=terms_of(name),
        examples=dict(facts.splits) if facts else {},
        class_names=record.class_names,
    )
