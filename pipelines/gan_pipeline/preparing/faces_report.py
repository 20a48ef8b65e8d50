"""Makes faces_report.html: statistics of the face detector, and the photographs it was least certain of."""

from collections.abc import Sequence
from dataclasses import dataclass

from gan_core.errors import UnusableInputError
from gan_core.html.pictures import jpeg_uri
from gan_core.html.rendering import render
from gan_pipeline.dataset.face_log import FaceLine, distances, histogram, outcomes
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.records import Image
from gan_pipeline.sources.files import FileSource

_LOWEST, _WITHOUT, _FARTHEST = 100, 50, 20
_PICTURE_HEIGHT = 160


@dataclass(frozen=True)
class FacePicture:
    """A photograph with the detected window and landmarks drawn into it, as a data URI, and the caption below it."""

    uri: str
    caption: str


def faces_report(options: Options, source: FileSource, faces: Sequence[FaceLine]) -> str:
    """The report as one HTML file without references to others.

    Args:
        options: what was prepared.
        source: reads the photographs.
        faces: the lines of faces.jsonl.
    """
    found = [(face.confidence, face) for face in faces if face.confidence is not None]
    compared = [(face.distance, face) for face in faces if face.distance is not None]
    lowest = sorted(found, key=lambda one: one[0])[:_LOWEST]
    farthest = sorted(compared, key=lambda one: -float(one[0].mean()))[:_FARTHEST]
    return render(
        "gan_pipeline.preparing",
        "faces_report.html.j2",
        options=options,
        photographs_read=len(faces),
        outcomes=outcomes(faces),
        confidences=histogram([confidence for confidence, _ in found]),
        lowest=_pictures(source, [face for _, face in lowest]),
        without=_pictures(source, [face for face in faces if not face.found][:_WITHOUT]),
        distances=distances([distance for distance, _ in compared]),
        compared=len(compared),
        farthest=_pictures(source, [face for _, face in farthest]),
    )


def _pictures(source: FileSource, faces: Sequence[FaceLine]) -> list[FacePicture]:
    pictures = []
    for face in faces:
        try:
            photograph = source.original(face.id)
        except UnusableInputError:
            continue
        words = face.id if face.confidence is None else f"{face.id}, {face.confidence:.4f}"
        pictures.append(FacePicture(_drawn(photograph, face), words))
    return pictures


def _drawn(photograph: Image, face: FaceLine) -> str:
    """A data URI of the photograph with window, landmarks (ours) and CelebA's points."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    picture = Pillow.fromarray(photograph)
    draw, width = ImageDraw.Draw(picture), max(1, picture.height // 120)
    if face.window:
        draw.rectangle(face.window, outline=(0, 220, 0), width=width)
    for points, colour in ((face.celeba_landmarks or (), (255, 200, 0)), (face.landmarks or (), (255, 0, 0))):
        for x, y in points:
            draw.ellipse((x - width, y - width, x + width, y + width), fill=colour)
    picture.thumbnail((_PICTURE_HEIGHT * 4, _PICTURE_HEIGHT))
    return jpeg_uri(picture)
