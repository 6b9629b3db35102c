#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a small neural network from image files, the way training jobs read: shuffled, by a pool of loader processes.

    train.py FOLDER [--epochs N] [--workers N] [--json]

FOLDER holds one folder a label with PNG files of 28 x 28 pixels. Nothing is kept between epochs: every epoch opens, reads and decodes
every file again. What the training loop spends waiting for its next batch is measured: it is what a GPU would spend idle.
Needs numpy and Pillow.
"""
import argparse
import collections
import io
import itertools
import json
import multiprocessing
import os
import random
import sys
import time

import numpy
from PIL import Image

BATCH = 64
HIDDEN = 128


def list_samples(folder):
    """(path, label) of every image, in one order whatever the file system says."""
    labels = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    samples = []
    for number, label in enumerate(labels):
        for entry in sorted(os.scandir(os.path.join(folder, label)), key=lambda e: e.name):
            samples.append((entry.path, number))
    return samples, labels


def load_batch(batch):
    """Reads and decodes the files of one batch. Runs in a loader process."""
    images = numpy.empty((len(batch), 28 * 28), dtype=numpy.float32)
    labels = numpy.empty(len(batch), dtype=numpy.int64)
    for i, (path, label) in enumerate(batch):
        with open(path, "rb") as file:
            data = file.read()
        images[i] = numpy.asarray(Image.open(io.BytesIO(data)), dtype=numpy.float32).reshape(-1) / 255.0
        labels[i] = label
    return images, labels


class Network:
    """Two layers, ReLU, softmax; plain stochastic gradient descent with momentum."""

    def __init__(self, classes, seed):
        rng = numpy.random.default_rng(seed)
        self.weights = [rng.normal(0, (2 / 784) ** 0.5, (784, HIDDEN)).astype(numpy.float32),
                        rng.normal(0, (2 / HIDDEN) ** 0.5, (HIDDEN, classes)).astype(numpy.float32)]
        self.biases = [numpy.zeros(HIDDEN, numpy.float32), numpy.zeros(classes, numpy.float32)]
        self.momentum = [numpy.zeros_like(p) for p in self.weights + self.biases]

    def forward(self, images):
        hidden = numpy.maximum(images @ self.weights[0] + self.biases[0], 0)
        logits = hidden @ self.weights[1] + self.biases[1]
        exponents = numpy.exp(logits - logits.max(axis=1, keepdims=True))
        return hidden, exponents / exponents.sum(axis=1, keepdims=True)

    def step(self, images, labels, rate):
        hidden, probabilities = self.forward(images)
        error = probabilities.copy()
        error[numpy.arange(len(labels)), labels] -= 1
        error /= len(labels)
        back = (error @ self.weights[1].T) * (hidden > 0)
        gradients = [images.T @ back, hidden.T @ error, back.sum(axis=0), error.sum(axis=0)]
        for parameter, momentum, gradient in zip(self.weights + self.biases, self.momentum, gradients):
            momentum *= 0.9
            momentum -= rate * gradient
            parameter += momentum

    def accuracy(self, batches):
        right = total = 0
        for images, labels in batches:
            right += int((self.forward(images)[1].argmax(axis=1) == labels).sum())
            total += len(labels)
        return right / max(total, 1)


def batches_of(samples):
    return [samples[i:i + BATCH] for i in range(0, len(samples), BATCH)]


def loaded_ahead(pool, batches, ahead):
    """Images, labels and the seconds the loop waited for them. `ahead` batches are under way at a time, as with a DataLoader whose
    prefetch_factor is 2."""
    waiting = collections.deque()
    remaining = iter(batches)
    for batch in itertools.islice(remaining, ahead):
        waiting.append(pool.apply_async(load_batch, (batch,)))
    while waiting:
        asked = time.monotonic()
        images, labels = waiting.popleft().get(timeout=120)
        wait = time.monotonic() - asked
        for batch in itertools.islice(remaining, 1):
            waiting.append(pool.apply_async(load_batch, (batch,)))
        yield images, labels, wait


def train(folder, epochs, workers, seed):
    samples, labels = list_samples(folder)
    if not samples:
        sys.exit(f"error: no images under {folder}")
    random.Random(seed).shuffle(samples)
    held_out, training = samples[:len(samples) // 10], samples[len(samples) // 10:]
    network = Network(len(labels), seed)
    report = {"files": len(samples), "labels": len(labels), "epochs": []}
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        for epoch in range(epochs):
            random.Random(seed + epoch).shuffle(training)
            started, waited = time.monotonic(), 0.0
            for images, targets, wait in loaded_ahead(pool, batches_of(training), 2 * workers):
                waited += wait
                network.step(images, targets, rate=0.05)
            took = time.monotonic() - started
            accuracy = network.accuracy(pool.map(load_batch, batches_of(held_out)))
            report["epochs"].append({"seconds": round(took, 3), "files_per_second": round(len(training) / took, 1),
                                     "waiting_share": round(waited / took, 4), "accuracy": round(accuracy, 4)})
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    options = parser.parse_args()
    report = train(options.folder, options.epochs, options.workers, options.seed)
    if options.json:
        print(json.dumps(report))
        return
    print(f"{report['files']} files, {report['labels']} labels")
    for number, epoch in enumerate(report["epochs"], 1):
        print(f"epoch {number}: {epoch['seconds']:6.2f} s  {epoch['files_per_second']:8.1f} files/s  "
              f"waiting {epoch['waiting_share'] * 100:5.1f} %  accuracy {epoch['accuracy'] * 100:5.1f} %")


if __name__ == "__main__":
    main()
