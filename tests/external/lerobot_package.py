"""Runs inside lerobot's own environment: makes the package importable on machines without CUDA."""

from __future__ import annotations

import torch


def provide_vision_ops() -> None:
    """CPU machines get a torchvision whose compiled operators do not load; names are enough."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        try:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:  # they are there
            return
    provide_vision_ops.library = library


def torchcodec_version() -> str | None:
    """Version of lerobot's default decoder; None where it finds no FFmpeg libraries."""
    try:
        import torchcodec
    except (ImportError, OSError, RuntimeError):
        return None
    return torchcodec.__version__
