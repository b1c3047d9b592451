"""The backbones a Design may name: feature sizes, input, and size. Facts only; torch is not needed.

The torchvision rows are its classification models with their ``IMAGENET1K_V1`` weights; accuracy
is top-1 on ImageNet-1k in percent, as torchvision's documentation gives it.
"""

from __future__ import annotations

from dataclasses import dataclass

from qdesigner.catalog.preprocess import Preprocess

EMBEDDED = "embedded"

_IMAGENET = Preprocess(
    channels=3, resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)


@dataclass(frozen=True, slots=True)
class Backbone:
    """One backbone: ``features`` numbers per image, from images prepared by ``preprocess``.

    ``head`` is the part of torchvision's model that ``instead``, a torch expression, replaces so
    that the features come out: ``model.<head> = <instead>`` is what both the program and an
    exported script do. "" for the embedded backbone, which has no head.
    """

    name: str
    label: str
    features: int
    parameters: int
    preprocess: Preprocess
    head: str = ""
    accuracy: float | None = None
    note: str = ""
    instead: str = "nn.Identity()"


BACKBONES: dict[str, Backbone] = {
    row.name: row
    for row in (
        Backbone(
            EMBEDDED, "Embedded (digits 0–4)", 64, 9_424,
            Preprocess(channels=1, resize=8, crop=8, mean=(0.305,), std=(0.378,)),
            note="A small CNN that comes with qdesigner, pre-trained on handwritten digits 0 to 4",
        ),
        Backbone("resnet18", "ResNet-18", 512, 11_176_512, _IMAGENET, "fc", 69.758),
        Backbone("resnet34", "ResNet-34", 512, 21_284_672, _IMAGENET, "fc", 73.314),
        Backbone("resnet50", "ResNet-50", 2048, 23_508_032, _IMAGENET, "fc", 76.130),
        Backbone("mobilenet_v2", "MobileNetV2", 1280, 2_223_872, _IMAGENET, "classifier", 71.878),
        Backbone(
            "mobilenet_v3_small", "MobileNetV3-Small", 576, 927_008, _IMAGENET, "classifier", 67.668
        ),
        Backbone(
            "squeezenet1_1", "SqueezeNet 1.1", 512, 722_496, _IMAGENET, "classifier", 58.178,
            instead="nn.AdaptiveAvgPool2d(1)",
        ),
        Backbone(
            "efficientnet_b0", "EfficientNet-B0", 1280, 4_007_548,
            _IMAGENET.but(interpolation="bicubic"), "classifier", 77.692,
        ),
        Backbone("vit_b_16", "ViT-B/16", 768, 85_798_656, _IMAGENET, "heads", 81.072),
        Backbone(
            "convnext_tiny", "ConvNeXt-Tiny", 768, 27_820_128, _IMAGENET.but(resize=236),
            "classifier[2]", 82.520,
        ),
    )
}  # fmt: skip
