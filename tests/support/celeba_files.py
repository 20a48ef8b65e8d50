"""CelebA in small: photographs of its size, and its tables as its authors' .txt and as Kaggle's .csv."""

from collections.abc import Iterable, Mapping, Sequence

from tests.support.image_files import photograph

NAMES = tuple(f"{number:06d}.jpg" for number in range(1, 9))
PHOTOGRAPHS = {name: photograph(number, 218, 178) for number, name in enumerate(NAMES)}

ATTRIBUTES = ("Bald", "Smiling", "Young")
POINTS = tuple(f"{point}_{axis}" for point in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for axis in "xy")
PARTS = (0, 0, 0, 0, 0, 1, 1, 2)

Rows = Mapping[str, Sequence[int]]

SMILES: Rows = {name: [1 if number % (place + 2) == 0 else -1 for place in range(3)] for number, name in enumerate(NAMES)}
LANDMARKS: Rows = {name: [69 + number, 109, 106, 113, 77, 142, 73, 152, 108, 154] for number, name in enumerate(NAMES)}
PARTITION: Rows = {name: [part] for name, part in zip(NAMES, PARTS, strict=True)}


def text_table(rows: Rows, columns: Iterable[str] = (), count: int | None = None) -> bytes:
    """As the authors have it: a count and a header unless there is one column alone; columns aligned by blanks."""
    head = f"{len(rows) if count is None else count}\n{' '.join(columns)} \n" if columns else ""
    return (head + "".join(f"{name} {' '.join(f'{value:2}' for value in row)}\n" for name, row in rows.items())).encode()


def csv_table(rows: Rows, columns: Iterable[str]) -> bytes:
    """As Kaggle has it."""
    lines = [",".join(("image_id", *columns)), *(",".join((name, *map(str, row))) for name, row in rows.items())]
    return ("\n".join(lines) + "\n").encode()


TEXT_TABLES = {
    "list_attr_celeba.txt": text_table(SMILES, ATTRIBUTES),
    "list_eval_partition.txt": text_table(PARTITION),
    "list_landmarks_align_celeba.txt": text_table(LANDMARKS, POINTS),
}
CSV_TABLES = {
    "list_attr_celeba.csv": csv_table(SMILES, ATTRIBUTES),
    "list_eval_partition.csv": csv_table(PARTITION, ["partition"]),
    "list_landmarks_align_celeba.csv": csv_table(LANDMARKS, POINTS),
}
