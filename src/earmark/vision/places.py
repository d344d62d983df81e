"""A small convolutional network over the places of a picture, for whoever needs no download."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def small_network(channels: Sequence[int], dropout: float, outputs: int) -> nn.Sequential:
    """Pictures (N, 3, height, width) about 0 to `outputs` numbers for each place (N, outputs, height', width').

    The first convolution is 5 wide and the others 3; all but the last of `channels` halve the picture. Each is followed
    by batch normalisation and ReLU; a 1x1 convolution comes after them all.
    """
    layers: list[nn.Module] = []
    inputs = 3
    for number, width in enumerate(channels):
        kernel, stride = 3 if number else 5, 1 if number == len(channels) - 1 else 2
        layers += [nn.Conv2d(inputs, width, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Conv2d(inputs, outputs, 1))
