"""The output of the gan-pipeline command, as text or as JSON."""

import dataclasses
from typing import TYPE_CHECKING, Any

from gan_core.command import print_json, print_text
from gan_pipeline.cli.next_step import next_command
from gan_pipeline.dataset.catalogue import CHOSEN_OUT, DATASETS, LISTED_CHOICES, flag
from gan_pipeline.dataset.understood import Understood

if TYPE_CHECKING:
    from gan_pipeline.api import Prepared
    from gan_pipeline.inspection.page_file import WrittenPage
    from gan_pipeline.preparing.forecast import PreparationForecast
    from gan_pipeline.preparing.planning import Plan


def print_forecast(found: "PreparationForecast", as_json: bool) -> None:
    """Print what a preparation will take, as text or JSON, rounded to what was measured."""
    document = {
        name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in dataclasses.asdict(found).items()
    }
    if as_json:
        print_json(document)
    else:
        print_text("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in document.items()))


def print_prepared(prepared: "Prepared", as_json: bool) -> None:
    """Print what `prepare` made or found, as text or JSON."""
    manifest, out = prepared.manifest, prepared.uri
    if as_json:
        document = {"folder": out, "already_done": prepared.already_done, "digest": manifest.digest}
        document |= {"understood": manifest.understood and manifest.understood.model_dump(mode="json")}
        print_json(document | {"counts": manifest.counts.model_dump()})
        return
    state = "already done" if prepared.already_done else "done"
    print_text(f"{state}: {manifest.counts.kept:,} examples of {manifest.name} in {out} (digest {manifest.digest[:12]})")
    unusable = {reason: count for reason, count in manifest.counts.dropped.items() if reason not in CHOSEN_OUT}
    if unusable:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in unusable.items())
        print_text(f"dropped {sum(unusable.values()):,} inputs ({reasons}), see {out.rstrip('/')}/failures.jsonl")
    asked = {reason: manifest.counts.dropped[reason] for reason in LISTED_CHOICES if reason in manifest.counts.dropped}
    if asked:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in asked.items())
        print_text(f"left out {sum(asked.values()):,} inputs ({reasons}), see {out.rstrip('/')}/failures.jsonl")
    print_text(f"look at {out.rstrip('/')}/preview.png, then: {next_command(manifest, out)}")


def print_plan(plan: "Plan", out: str, as_json: bool) -> None:
    """Print the plan of `prepare --dry-run`: shards, numbers of examples, options."""
    shards = [{"file": task.file, "examples": len(task.ids)} for task in plan.tasks]
    if as_json:
        print_json(
            {"folder": out, "source": plan.spec.kind, "uri": plan.spec.uri, "inputs": plan.inputs}
            | {"examples": plan.examples, "notes": plan.source.notes}
            | {"understood": plan.understood.model_dump(mode="json")}
            | {"options": plan.options.model_dump(mode="json"), "shards": shards}
        )
        return
    for line in plan.understood.lines():
        print_text(f"understood: {line}")
    for note in plan.source.notes:
        print_text(f"note: {note}")
    for warning in plan.understood.warnings:
        print_text(f"warning: {warning}")
    origin = plan.spec.uri or plan.spec.kind
    print_text(f"would write {plan.examples:,} of {plan.inputs:,} examples from {origin} to {out}:")
    for shard in shards:
        print_text(f"  {shard['file']}  {shard['examples']:,} examples")


def print_summary(summary: dict[str, Any], folder: str) -> None:
    """Print the summary of a dataset folder as text."""
    print_text(f"{summary['name']} in {folder}: {', '.join(map(_feature, summary['features'].items()))}")
    print_text(f"digest {summary['digest']}")
    for name, split in summary["splits"].items():
        print_text(f"\n{name}: {split['examples']:,} examples in {_shards(split['shards'])}, {split['bytes'] / 2**20:.1f} MiB")
        for title, count in {**split.get("classes", {}), **split.get("attributes", {})}.items():
            print_text(f"  {title:<20} {count:>8,}  {'#' * round(40 * count / max(1, split['examples']))}")
        for title, (least, most) in split.get("ranges", {}).items():
            print_text(f"  {title:<20} {least:.4f} to {most:.4f}")
    understood = summary["understood"] and Understood.model_validate(summary["understood"])
    if understood:
        print_text("")
        for line in understood.lines():
            print_text(f"understood: {line}")
        for warning in understood.warnings:
            print_text(f"warning: {warning}")
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in summary["counts"]["dropped"].items()) or "none"
    print_text(f"\nread {summary['counts']['read']:,}, dropped: {dropped}")
    print_text(
        "options: " + ", ".join(f"{key}={_words(value)}" for key, value in summary["options"].items() if value is not None)
    )
    print_text(f"look at {summary['preview']}")


def _shards(count: int) -> str:
    return f"{count} shard" if count == 1 else f"{count} shards"


def _words(value: Any) -> str:
    """The value of an option as it is typed: a list with commas."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def print_page(written: "WrittenPage", as_json: bool) -> None:
    """Print where the page of a dataset was written, and its warnings and notes."""
    if as_json:
        print_json(
            {"folder": written.folder, "digest": written.digest, "page": written.page, "bytes": written.size}
            | {"warnings": [finding.words for finding in written.findings if finding.level == "warning"]}
            | {"notes": [finding.words for finding in written.findings if finding.level == "note"]}
        )
        return
    for finding in written.findings:
        print_text(f"{finding.level}: {finding.words}")
    print_text(f"look at {written.page}")


def _feature(item: tuple[str, dict[str, Any]]) -> str:
    name, feature = item
    if feature["kind"] == "image":
        return f"{name} uint8 {'x'.join(map(str, feature['shape']))} stored as {feature['encoding']}"
    return f"{name} {feature['dtype']} ({len(feature.get('class_names') or feature['names'])} {_COUNTED[feature['kind']]})"


_COUNTED = {"label": "classes", "attributes": "attributes", "vector": "numbers"}


def print_datasets(as_json: bool) -> None:
    """Print the datasets that can be prepared, with the options of each."""
    if as_json:
        print_json(
            {
                info.name: {
                    "about": info.about,
                    "splits": info.splits,
                    "shape": info.shape or None,
                    "options": {**info.settings, **dict.fromkeys(info.choices)},
                }
                for info in DATASETS.values()
            }
        )
        return
    for info in DATASETS.values():
        print_text(f"{info.name:<14} {info.about}")
        if info.settings:
            print_text(f"{'':<14} {', '.join(f'{name}={value}' for name, value in info.settings.items())}")
        if info.choices:
            print_text(f"{'':<14} also {', '.join(map(flag, info.choices))}")
    print_text("\nprepare one with: gan-pipeline prepare NAME -o FOLDER   (mnist needs no download with --source sample)")
