#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make textures.onnx: a MobileNet-like net that tells which photograph a 32x32 patch came from.

Trained on the left half of every photograph, tested on the right half.
A channel value k goes in as (k - 128) / 128, channels in the order R, G, B.
"""
import csv
import os

import numpy as np
import torch
from PIL import Image
from torch import nn

import common

# class: file, shrink
CLASSES = {
    "astronaut": ("astronaut.png", 1), "brick": ("brick.png", 1), "camera": ("camera.png", 1),
    "cat": ("chelsea.png", 1), "coffee": ("coffee.png", 1), "grass": ("grass.png", 1),
    "gravel": ("gravel.png", 1), "hubble": ("hubble_deep_field.jpg", 1),
    "retina": ("retina.jpg", 2), "rocket": ("rocket.jpg", 1)}
SIZE = 32


def conv(cin, cout, kernel=3, stride=1, groups=1):
    return [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(cout)]


class SqueezeExcite(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width // 4, 1),
                                  nn.ReLU(), nn.Conv2d(width // 4, width, 1), nn.Hardsigmoid())

    def forward(self, x):
        return x * self.gate(x)


class Block(nn.Module):
    """Inverted residual: expand, depthwise, squeeze-excite, project."""

    def __init__(self, cin, cout, stride=1, expand=4, excite=True, kernel=3):
        super().__init__()
        mid = cin * expand
        self.add = stride == 1 and cin == cout
        self.body = nn.Sequential(
            *conv(cin, mid, 1), nn.ReLU6(),
            *conv(mid, mid, kernel, stride, mid), nn.ReLU6(),
            *([SqueezeExcite(mid)] if excite else []),
            *conv(mid, cout, 1))

    def forward(self, x):
        return x + self.body(x) if self.add else self.body(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(*conv(3, 16), nn.ReLU6())
        self.early = nn.Sequential(Block(16, 24, 2, excite=False), Block(24, 24, excite=False),
                                   Block(24, 40, 2), Block(40, 40))
        self.late = nn.Sequential(Block(40, 64, 2, kernel=5), Block(64, 64))
        self.pool = nn.AvgPool2d(2, count_include_pad=False)
        self.head = nn.Sequential(*conv(64 + 40, 160, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1),
                                  nn.Flatten(), nn.Dropout(0.2), nn.Linear(160, len(CLASSES)))

    def forward(self, x):
        x = self.early(self.stem(x))
        x = torch.cat([self.late(x), self.pool(x)], 1)
        return self.head(x)


def crop(rng, picture, size):
    """A random square with some contrast, scaled to 32x32."""
    while True:
        y, x = (rng.randint(side - size + 1) for side in picture.shape[:2])
        c = picture[y:y + size, x:x + size]
        if c.mean(2).std() >= 4:
            return np.asarray(Image.fromarray(c).resize((SIZE, SIZE), Image.BILINEAR))


def to_input(crops):
    return ((np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32) - 128) / 128)


def augment(rng, c):
    """Flip, and change brightness, contrast and saturation a little."""
    if rng.randint(2):
        c = c[:, ::-1]
    c = c.astype(np.float32)
    grey = c.mean(2, keepdims=True)
    c = grey + (c - grey) * rng.uniform(0.5, 1.3)
    c = (c - 128) * rng.uniform(0.7, 1.3) + 128 + rng.uniform(-25, 25)
    return np.clip(np.rint(c), 0, 255)


def save_pictures(names, crops, labels):
    """Two held-out crops of each class as PNG, with lists of classes and labels."""
    folder = os.path.join(common.OUT, "textures_images")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "labels.txt"), "w") as f:
        f.writelines(n + "\n" for n in names)
    with open(os.path.join(folder, "labels.csv"), "w", newline="") as f:
        table = csv.writer(f, lineterminator="\n")
        table.writerow(["file", "label"])
        for k, name in enumerate(names):
            for i, c in enumerate([c for c, label in zip(crops, labels) if label == k][:2]):
                Image.fromarray(c).save(os.path.join(folder, f"{name}_{i}.png"), optimize=True)
                table.writerow([f"{name}_{i}.png", k])


def main():
    rng = common.setup(5)
    names = list(CLASSES)
    pictures = [common.picture(f, "RGB", s) for f, s in CLASSES.values()]
    left = [p[:, :p.shape[1] // 2] for p in pictures]
    right = [p[:, p.shape[1] // 2:] for p in pictures]

    labels = np.arange(200, dtype=np.int64) % len(names)
    calib = [crop(rng, left[k], 48) for k in labels[:64]]
    held_out = [crop(rng, right[k], 48) for k in labels]
    common.save("textures", "calib", image=to_input(calib))
    common.save("textures", "eval", image=to_input(held_out), labels=labels)
    save_pictures(names, held_out, labels)

    net = Net()

    def epoch():
        for _ in range(50):
            y = rng.randint(len(names), size=64)
            x = [augment(rng, crop(rng, left[k], rng.randint(36, 65))) for k in y]
            yield torch.from_numpy(to_input(x)), torch.from_numpy(y)

    common.fit(net, epoch, 40, 3e-3, nn.CrossEntropyLoss(label_smoothing=0.05))
    common.export(net, "textures", torch.zeros(2, 3, SIZE, SIZE), "image", "scores", [{0: "N"}] * 2, 15,
                  "tells which of ten photographs a 32x32 patch came from, "
                  "trained on scikit-image's pictures")

    # The held-out set of 200 is small: measure 4000 more patches of the right halves.
    more = np.arange(4000) % len(names)
    x = torch.from_numpy(to_input([crop(rng, right[k], 48) for k in more]))
    with torch.no_grad():
        found = torch.cat([net(part).argmax(1) for part in x.split(250)]).numpy()
    print(f"accuracy on 4000 other held-out patches: {(found == more).mean():.4f}")
    for k, name in enumerate(names):
        print(f"  {name}: {(found[more == k] == k).mean():.3f}")


if __name__ == "__main__":
    main()
    import check
    check.check("textures")
