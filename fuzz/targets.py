"""All targets by name; `python -m fuzz.targets` prints the names."""

from fuzz import datasets, documents, runs, sources
from fuzz.harness import Target

TARGETS: dict[str, Target] = {
    target.name: target for module in (documents, datasets, runs, sources) for target in module.TARGETS
}

if __name__ == "__main__":
    print(*TARGETS)
