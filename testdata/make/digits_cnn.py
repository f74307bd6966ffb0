#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make digits_cnn.onnx: a small convolutional classifier of 8x8 digits."""
import torch
from torch import nn

import common


def conv(cin, cout, kernel=3, stride=1, groups=1):
    return [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(cout)]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(*conv(1, 32), nn.ReLU6(), *conv(32, 56, stride=2), nn.ReLU6())
        self.separable = nn.Sequential(*conv(56, 56, groups=56), nn.ReLU6(), *conv(56, 56, 1))
        self.head = nn.Sequential(*conv(56, 96, 1), nn.ReLU6(),
                                  nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 10))

    def forward(self, x):
        x = self.stem(x)
        x = x + self.separable(x)
        return self.head(x)


def main():
    common.setup(1)
    x, y, x_test, y_test = common.digits()
    common.save("digits_cnn", "calib", image=x[::21][:64, None])
    common.save("digits_cnn", "eval", image=x_test[:, None], labels=y_test)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    net = Net()

    def epoch():
        for a, b in common.shuffled(x, y, 64):
            yield common.jitter_digits(a)[:, None], b

    common.fit(net, epoch, 60, 3e-3, nn.CrossEntropyLoss(label_smoothing=0.05))
    common.export(net, "digits_cnn", torch.zeros(2, 1, 8, 8), "image", "scores", [{0: "N"}] * 2, 13,
                  "8x8 digit classifier, trained on scikit-learn's digits")


if __name__ == "__main__":
    main()
    import check
    check.check("digits_cnn")
