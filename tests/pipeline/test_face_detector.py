"""The detector: the package's faces, whatever else is in the list, at any size of image and smallest face."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gan_pipeline.transforms.face_detector import Face, FaceDetector, face_detector
from gan_pipeline.transforms.mtcnn_boxes import PNET_SIDE, Overlap, best_first, pyramid_scales, separate

ASTRONAUT = Path(__file__).parents[1] / "data" / "faces" / "astronaut.png"
PARTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")

Photograph = NDArray[np.uint8]


@cache
def astronaut() -> Image.Image:
    return Image.open(ASTRONAUT).convert("RGB")


def resized(width: int, height: int) -> Photograph:
    return np.asarray(astronaut().resize((width, height), Image.Resampling.BICUBIC))


def pasted(width: int, height: int, *places: tuple[int, int, int]) -> Photograph:
    """The portrait on a grey canvas, once for each (left, top, side)."""
    canvas = Image.new("RGB", (width, height), (90, 110, 120))
    for left, top, side in places:
        canvas.paste(astronaut().resize((side, side), Image.Resampling.BICUBIC), (left, top))
    return np.asarray(canvas)


@cache
def portraits() -> dict[str, Photograph]:
    """One face each, but `two` and `cut off`; some of the sizes are shared."""
    whole = np.asarray(astronaut())
    return {
        "whole": whole,
        "mirrored": np.ascontiguousarray(whole[:, ::-1]),
        "as CelebA's": resized(178, 218),
        "as CelebA's, mirrored": np.ascontiguousarray(resized(178, 218)[:, ::-1]),
        "small": resized(96, 96),
        "wide": resized(300, 180),
        "dark": np.asarray(astronaut().resize((178, 218)).point(lambda value: value // 3)),
        "face only": whole[40:240, 130:310],
        "cut off": whole[80:300, 200:420],
        "two": pasted(400, 218, (10, 10, 190), (205, 60, 150)),
        "in a corner": pasted(320, 240, (200, 120, 120)),
        "odd": resized(211, 197),
        "large": resized(1500, 1200),
    }


@cache
def faceless() -> dict[str, Photograph]:
    noise = np.random.default_rng(0).integers(0, 256, (218, 178, 3), np.uint8)
    return {
        "black": np.zeros((218, 178, 3), np.uint8),
        "white": np.full((218, 178, 3), 255, np.uint8),
        "noise": noise,
        "one pixel": noise[:1, :1],
        "no pixels": noise[:0, :5],
        "a line": noise[:, :1],
        "eleven": noise[:11, :11],
        "twelve": noise[:12, :12],
        "nineteen": noise[:19, :40],
        "below one level": noise[:20, :20],
        "one level": noise[:24, :24],
    }


@cache
def package_faces() -> dict[str, list[dict[str, Any]]]:
    """The faces that `MTCNN().detect_faces(image)` finds in each portrait, one by one."""
    from mtcnn import MTCNN

    detector = MTCNN()
    return {name: detector.detect_faces(image) for name, image in portraits().items()}


@cache
def faces_alone() -> dict[str, tuple[Face, ...]]:
    return {name: face_detector().detect([image])[0] for name, image in (portraits() | faceless()).items()}


@pytest.mark.parametrize("name", portraits())
def test_the_faces_are_the_package_s(name: str) -> None:
    faces, expected = faces_alone()[name], package_faces()[name]
    assert len(faces) == len(expected) == (2 if name == "two" else 1)
    for face, other in zip(faces, expected, strict=True):
        np.testing.assert_allclose(face.box, other["box"], atol=1)
        np.testing.assert_allclose(face.landmarks, [other["keypoints"][part] for part in PARTS], atol=1)
        assert face.confidence == pytest.approx(other["confidence"], abs=1e-4)


@pytest.mark.parametrize("name", faceless())
def test_no_face_is_an_empty_tuple(name: str) -> None:
    assert faces_alone()[name] == ()


def test_a_list_gives_what_each_image_gives_alone() -> None:
    images = portraits() | faceless()
    for seed in range(3):
        names = np.random.default_rng(seed).permutation(list(images)).tolist()
        found = face_detector().detect([images[name] for name in names])
        assert dict(zip(names, found, strict=True)) == {name: faces_alone()[name] for name in names}


def test_more_images_than_a_round_takes_come_back_in_order() -> None:
    names = ["as CelebA's", "as CelebA's, mirrored", "dark", "small"] * 20
    found = face_detector().detect([portraits()[name] for name in names])
    assert found == [faces_alone()[name] for name in names]


@pytest.mark.parametrize("broken", faceless())
def test_a_picture_of_nothing_does_its_neighbours_no_harm(broken: str) -> None:
    image = portraits()["as CelebA's"]
    found = face_detector().detect([faceless()[broken], image, faceless()[broken]])
    assert found == [(), faces_alone()["as CelebA's"], ()]


def test_no_images_give_no_answers() -> None:
    assert face_detector().detect([]) == []


def test_the_most_confident_face_is_the_first() -> None:
    two = faces_alone()["two"]
    assert two[0].confidence >= two[1].confidence
    crowd = pasted(700, 500, (0, 0, 200), (250, 30, 90), (400, 100, 300), (20, 300, 60), (150, 250, 160))
    confidences = [face.confidence for face in face_detector().detect([crowd])[0]]
    assert len(confidences) >= 4
    assert confidences == sorted(confidences, reverse=True)


@pytest.mark.parametrize("name", portraits())
def test_boxes_are_whole_pixels_inside_the_image(name: str) -> None:
    height, width, _ = portraits()[name].shape
    for face in faces_alone()[name]:
        x, y, box_width, box_height = face.box
        assert all(type(number) is int for number in (*face.box, *sum(face.landmarks, ())))
        assert 0 <= x < x + box_width <= width
        assert 0 <= y < y + box_height <= height
        assert face.confidence == round(face.confidence, 5) > 0.8


def test_landmarks_lie_where_they_should() -> None:
    (left_eye, right_eye, nose, mouth_left, mouth_right) = faces_alone()["whole"][0].landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert mouth_left[0] < mouth_right[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


@pytest.mark.parametrize("min_face_size", [20, 30, 40, 60])
def test_a_face_of_60_pixels_is_found_from_every_smallest_face_up_to_it(min_face_size: int) -> None:
    image = pasted(320, 240, (20, 0, 280))
    (face,) = face_detector(min_face_size).detect([image])[0]
    (reference,) = face_detector().detect([image])[0]
    assert 56 <= max(reference.box[2:]) <= 68
    np.testing.assert_allclose(face.box, reference.box, atol=8)


def test_a_smaller_face_than_wanted_is_not_looked_for() -> None:
    assert face_detector(60).detect([portraits()["small"]]) == [()]
    assert len(face_detector(20).detect([portraits()["small"]])[0]) == 1


@pytest.mark.parametrize(
    "image",
    [np.zeros((20, 20), np.uint8), np.zeros((20, 20, 4), np.uint8), np.zeros((20, 20, 3), np.float32)],
    ids=["grey", "transparent", "float"],
)
def test_what_is_no_image_is_refused(image: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="uint8"):
        face_detector().detect([portraits()["small"], image])


def test_a_smallest_face_below_the_network_s_window_is_refused() -> None:
    with pytest.raises(ValueError, match="11"):
        FaceDetector(11)


def test_there_is_one_detector_for_each_smallest_face() -> None:
    assert face_detector() is face_detector(20)
    assert face_detector() is not face_detector(40)


def test_the_weights_do_not_come_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for letter in "pro":
        (tmp_path / f"{letter}net.lz4").write_bytes(b"not weights")
    monkeypatch.chdir(tmp_path)
    assert FaceDetector().detect([portraits()["small"]]) == [faces_alone()["small"]]


def test_tensorflow_is_imported_only_for_a_detector() -> None:
    code = "import sys, gan_pipeline.transforms.face_detector; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@given(height=st.integers(0, 3000), width=st.integers(0, 3000))
def test_the_pyramid_is_the_package_s_at_its_smallest_face(height: int, width: int) -> None:
    scales = pyramid_scales(height, width, 20)
    if min(height, width) < PNET_SIDE:
        assert scales == []
    else:
        from mtcnn.utils.images import build_scale_pyramid

        np.testing.assert_allclose(scales, build_scale_pyramid(width, height, 20, 0.709), rtol=1e-12)


@given(side=st.integers(1, 3000), min_face_size=st.integers(12, 400))
def test_no_level_is_smaller_than_the_network_s_window(side: int, min_face_size: int) -> None:
    scales = pyramid_scales(side, 2 * side, min_face_size)
    assert all(int(side * scale) >= PNET_SIDE for scale in scales)
    # A face as large as the image, give or take half a level, is looked for.
    assert bool(scales) or side < 1.25 * min_face_size


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 600),
    limit=st.sampled_from([0.1, 0.5, 0.7]),
    overlap=st.sampled_from(Overlap),
)
def test_boxes_are_separated_as_by_the_package(seed: int, count: int, limit: float, overlap: Overlap) -> None:
    from mtcnn.utils.bboxes import smart_nms_from_bboxes

    random = np.random.default_rng(seed)
    corners = random.uniform(0, 100, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(1, 60, (count, 2))], axis=1)
    scores = random.choice([0.7, 0.9, 0.99, 1.0], count).astype(np.float32)
    method = {Overlap.UNION: "union", Overlap.SMALLER: "min"}[overlap]
    rows = np.concatenate([np.zeros((count, 1)), boxes, scores[:, None]], axis=1)
    expected = smart_nms_from_bboxes(rows, limit, method=method)[:, 1:5]
    ranked = boxes[best_first(scores)]
    np.testing.assert_array_equal(ranked[separate(ranked, limit, overlap)], expected)


def test_groups_leave_each_other_alone() -> None:
    boxes = np.array([[0.0, 0, 10, 10]] * 4)
    kept = separate(boxes, 0.5, Overlap.UNION, np.array([0, 1, 0, 1]))
    assert kept.tolist() == [0, 1]
