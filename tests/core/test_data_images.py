"""Every kind of image that real folders hold becomes the same two modes, or a reason."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from qdesigner.catalog.backbones import BACKBONES
from qdesigner.catalog.preprocess import Preprocess, plain
from qdesigner.data import images
from qdesigner.data.images import UnusableImage, load_image, transform

ORANGE = (200, 100, 40)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_of_image_is_read_as_rgb_or_grey(
    tmp_path: Path, mode: str, channels: int
) -> None:
    colour = Image.new("RGB", (12, 9), ORANGE)
    image = Image.new("I;16", (12, 9), 30_000) if mode == "I;16" else colour.convert(mode)
    path = saved(tmp_path / ("a.jpg" if mode == "CMYK" else "a.png"), image)
    read = load_image(path, channels)
    assert read.mode == ("RGB" if channels == 3 else "L")
    assert read.size == (12, 9)


def test_colours_survive_palette_and_transparency(tmp_path: Path) -> None:
    colour = Image.new("RGB", (4, 4), ORANGE)
    see_through = colour.convert("RGBA")
    see_through.putalpha(128)
    palette = saved(tmp_path / "p.png", colour.quantize(4), transparency=bytes([10, 20, 30, 40]))
    for path in (saved(tmp_path / "rgba.png", see_through), palette):
        assert load_image(path, 3).getpixel((0, 0)) == pytest.approx(ORANGE, abs=4)


def test_sixteen_bit_values_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.array([[0, 16_384, 32_768, 65_535]], np.uint16)
    path = saved(tmp_path / "deep.png", Image.fromarray(ramp))
    assert list(load_image(path, 1).tobytes()) == [0, 64, 128, 255]
    path = saved(tmp_path / "deep.tif", Image.fromarray(ramp.astype(np.int32), mode="I"))
    assert list(load_image(path, 1).tobytes()) == [0, 64, 128, 255]


def test_floating_point_images_from_nought_to_one_keep_their_greys(tmp_path: Path) -> None:
    values = np.array([[0.0, 0.5, 1.0]], np.float32)
    path = saved(tmp_path / "float.tif", Image.fromarray(values))
    assert list(load_image(path, 1).tobytes()) == [0, 128, 255]


def test_a_photo_that_the_camera_marked_as_turned_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° to show
    path = saved(tmp_path / "turned.jpg", Image.new("RGB", (20, 10)), exif=exif)
    assert load_image(path, 3).size == (10, 20)


def test_the_first_of_many_frames_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("L", (3, 3), value) for value in (10, 250)]
    path = saved(tmp_path / "film.tif", frames[0], save_all=True, append_images=frames[1:])
    assert load_image(path, 1).getpixel((0, 0)) == 10


def png() -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html>404 not found</html>", "not an image"),
        (png()[:900], "the file is broken"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    ],
    ids=["empty", "web page", "truncated", "program in PostScript"],
)
def test_an_unusable_file_is_refused_with_its_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(UnusableImage, match=reason):
        load_image(path, 3)


def test_a_missing_file_a_folder_and_a_huge_image_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnusableImage, match="does not exist"):
        load_image(tmp_path / "none.png", 3)
    with pytest.raises(UnusableImage, match="not a file"):
        load_image(tmp_path, 3)
    path = saved(tmp_path / "wide.png", Image.new("L", (300, 40)))
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    with pytest.raises(UnusableImage, match="300 × 40 pixels"):
        load_image(path, 3)


@pytest.mark.parametrize("name", ["resnet18", "embedded", "convnext_tiny"])
def test_a_prepared_image_has_the_shape_its_backbone_wants(name: str) -> None:
    preprocess = BACKBONES[name].preprocess
    mode = "RGB" if preprocess.channels == 3 else "L"
    tensor = transform(preprocess)(Image.new(mode, (301, 260)))
    assert tuple(tensor.shape) == preprocess.shape
    assert tensor.dtype == torch.float32


def test_preparing_scales_to_0_1_and_normalises() -> None:
    tensor = transform(plain(1, 8))(Image.new("L", (8, 8), 255))
    assert torch.equal(tensor, torch.ones(1, 8, 8))
    shifted = Preprocess(3, 4, 4, (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))
    tensor = transform(shifted)(Image.new("RGB", (4, 4), (255, 0, 51)))
    assert tensor[:, 0, 0].tolist() == pytest.approx([1.0, -1.0, 0.2])


def test_preparing_equals_torchvisions_own_for_its_weights() -> None:
    from torchvision.models import get_model_weights

    noise = np.random.default_rng(1).integers(0, 255, (270, 400, 3), np.uint8)
    for name in ("resnet18", "efficientnet_b0", "convnext_tiny"):
        theirs = get_model_weights(name).IMAGENET1K_V1.transforms()
        ours = transform(BACKBONES[name].preprocess)
        picture = Image.fromarray(noise)
        assert torch.allclose(ours(picture), theirs(picture), atol=1e-6), name
