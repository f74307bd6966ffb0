#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make denoise.onnx: a small DnCNN that takes noise (sigma 25 of 255) out of grey pictures.

A grey level k goes in and comes out as k/256. The noisy pictures are rounded
and clipped to 8 bits, as a camera would store them.
"""
import numpy as np
import torch
from torch import nn

import common

# file, shrink. Whole pictures are held out.
TRAIN = [("astronaut.png", 1), ("brick.png", 1), ("camera.png", 1), ("cell.png", 1),
         ("clock_motion.png", 1), ("grass.png", 1), ("gravel.png", 1),
         ("hubble_deep_field.jpg", 1), ("retina.jpg", 2), ("text.png", 1)]
HELD_OUT = [("chelsea.png", 1), ("coffee.png", 1), ("rocket.jpg", 1)]
SIGMA = 25


class Net(nn.Module):
    def __init__(self, width=24, inner=5):
        super().__init__()
        layers = [nn.Conv2d(1, width, 3, padding=1), nn.ReLU()]
        for _ in range(inner):
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False),
                       nn.BatchNorm2d(width), nn.ReLU()]
        self.noise = nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, noisy):
        return noisy - self.noise(noisy)


def crop(rng, pictures, size, least=0):
    """A random crop with some contrast, randomly turned."""
    while True:
        p = pictures[rng.randint(len(pictures))]
        y, x = (rng.randint(side - size + 1) for side in p.shape)
        c = p[y:y + size, x:x + size]
        if c.std() >= least:
            return np.rot90(c, rng.randint(4))


def pair(rng, clean):
    """Noisy and clean pictures (N, 1, H, W) in steps of 1/256."""
    clean = np.stack(clean)[:, None].astype(np.float32)
    noisy = np.clip(np.rint(clean + rng.normal(0, SIGMA, clean.shape)), 0, 255)
    return (noisy / 256).astype(np.float32), clean / 256


def main():
    rng = common.setup(4)
    train = [common.picture(f, "L", s) for f, s in TRAIN]
    test = [common.picture(f, "L", s) for f, s in HELD_OUT]

    noisy, _ = pair(rng, [crop(rng, train, 48, 8) for _ in range(24)])
    common.save("denoise", "calib", noisy=noisy)
    noisy, clean = pair(rng, [crop(rng, test[i % 3:i % 3 + 1], 96, 8) for i in range(8)])
    common.save("denoise", "eval", noisy=noisy, target=clean)

    net = Net()

    def epoch():
        for _ in range(50):
            noisy, clean = pair(rng, [crop(rng, train, 40, 3) for _ in range(32)])
            yield torch.from_numpy(noisy), torch.from_numpy(clean)

    def loss(got, wanted):
        return 255 ** 2 * nn.functional.mse_loss(got, wanted)

    common.fit(net, epoch, 40, 2e-3, loss, weight_decay=1e-4)
    common.export(net, "denoise", torch.zeros(1, 1, 32, 40), "noisy", "clean",
                  [{0: "N", 2: "H", 3: "W"}] * 2, 11,
                  "denoiser of grey pictures for sigma 25/255, trained on scikit-image's pictures")


if __name__ == "__main__":
    main()
    import check
    check.check("denoise")
