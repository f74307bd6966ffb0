#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make digits_transformer.onnx: a two-layer transformer encoder over 16 patches of a digit."""
import torch
from torch import nn

import common

WIDTH, HEADS, PATCHES = 48, 4, 16


class Layer(nn.Module):
    """Pre-norm encoder layer: self-attention, then a GELU network."""

    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.merge = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.grow = nn.Linear(WIDTH, 2 * WIDTH)
        self.shrink = nn.Linear(2 * WIDTH, WIDTH)
        self.drop = nn.Dropout(0.1)

    @staticmethod
    def split(x):
        return x.reshape(-1, PATCHES, HEADS, WIDTH // HEADS).transpose(1, 2)

    def forward(self, x):
        y = self.norm1(x)
        q, k, v = self.split(self.query(y)), self.split(self.key(y)), self.split(self.value(y))
        weights = torch.softmax(q @ k.transpose(2, 3) * (WIDTH // HEADS) ** -0.5, 3)
        y = (weights @ v).transpose(1, 2).reshape(-1, PATCHES, WIDTH)
        x = x + self.drop(self.merge(y))
        y = nn.functional.gelu(self.grow(self.norm2(x)))
        return x + self.drop(self.shrink(y))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, WIDTH, 2, 2)
        self.position = nn.Parameter(0.1 * torch.randn(1, PATCHES, WIDTH))
        self.layers = nn.Sequential(Layer(), Layer())
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, x):
        x = self.patches(x).reshape(-1, WIDTH, PATCHES).transpose(1, 2) + self.position
        x = self.norm(self.layers(x))
        return self.head(x.mean(1))


def main():
    common.setup(3)
    x, y, x_test, y_test = common.digits()
    common.save("digits_transformer", "calib", image=x[::21][:64, None])
    common.save("digits_transformer", "eval", image=x_test[:, None], labels=y_test)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    net = Net()

    def epoch():
        for a, b in common.shuffled(x, y, 64):
            yield common.jitter_digits(a)[:, None], b

    common.fit(net, epoch, 120, 2e-3, nn.CrossEntropyLoss(label_smoothing=0.05))
    common.export(net, "digits_transformer", torch.zeros(2, 1, 8, 8), "image", "scores",
                  [{0: "N"}] * 2, 16,
                  "8x8 digit classifier, a transformer over 2x2 patches, "
                  "trained on scikit-learn's digits")


if __name__ == "__main__":
    main()
    import check
    check.check("digits_transformer")
