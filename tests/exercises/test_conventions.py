"""docs/conventions.md: each `number` in its last column is what the bank's references, torch and numpy give today.

A row of the page and the entry of ROWS with its name belong together: the entry computes the numbers in their order.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from exercises import find

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conventions.md").read_text("utf-8")
INF, NAN = math.inf, math.nan


def ours(name: str) -> Callable[..., Any]:
    return find(name).reference


def wrong(name: str, misconception: str) -> Callable[..., Any]:
    """Another convention, as the bank's misconception of it."""
    return find(name).misconceptions[misconception].answer


# Runs -----------------------------------------------------------------------------------------------------------------


def path(step: Callable[..., Any], gradients: Iterable[float], rates: Any = 0.1, w: float = 0.0, **hyper: Any):
    """The weights after each step; `rates` is one learning rate, or one for each step."""
    gradients = list(gradients)
    rates = rates if isinstance(rates, (list, tuple)) else [rates] * len(gradients)
    w, state, seen = np.array(w), None, []
    for g, lr in zip(gradients, rates, strict=True):
        w, state = step(w, np.array(g), state, lr=lr, **hyper)
        seen.append(float(w))
    return seen


def torch_path(optimizer: type, gradients: Iterable[float], w: float = 0.0, **settings: Any):
    p = torch.nn.Parameter(torch.tensor(w, dtype=torch.float64))
    made, seen = optimizer([p], **settings), []
    for g in gradients:
        p.grad = torch.tensor(float(g), dtype=torch.float64)
        made.step()
        seen.append(p.item())
    return seen


def velocity(gradients: Iterable[float], rates: list[float], momentum: float, w: float = 0.0):
    """Sutskever's form: the rate stands inside of the velocity."""
    v = 0.0
    for g, lr in zip(gradients, rates, strict=True):
        v = momentum * v - lr * g
        w += v
    return w


def textbook_nesterov(gradients: Iterable[float], lr: float, momentum: float):
    """w itself, where torch keeps w + momentum·v; for gradients that do not depend on w."""
    w, v, seen = 0.0, 0.0, []
    for g in gradients:
        v = momentum * v - lr * g
        w += v
        seen.append(w)
    return seen


ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
MOMENTUM = {"momentum": 0.9}


def adam(gradients: Iterable[float], w: float = 0.0, answer: str = "", **hyper: Any) -> float:
    """The last weight of Adam with η = 0.1; `answer`: a misconception's name."""
    step = wrong("adam_step", answer) if answer else ours("adam_step")
    return path(step, gradients, w=w, **{**ADAM, **hyper})[-1]


def adamw(gradients: Iterable[float], answer: str = "", w: float = 1.0, decay: float = 0.2) -> float:
    return adam(gradients, w=w, answer=answer, weight_decay=decay, decoupled=True)


def bce_loss(z: float, y: float) -> tuple[float, float]:
    """torch's BCELoss of the sigmoid in float32: the loss, and its gradient with respect to z."""
    logit = torch.tensor(z, requires_grad=True)
    loss = torch.nn.BCELoss()(torch.sigmoid(logit), torch.tensor(y))
    loss.backward()
    return loss.item(), logit.grad.item()


def epochs_until_stop(values: list[float], patience: int) -> int:
    stopper = ours("EarlyStopping")(patience)
    return next(number for number, value in enumerate(values, 1) if stopper.step(value))


def epochs_until_plateau(values: list[float], patience: int) -> int:
    """When torch's ReduceLROnPlateau cuts the rate."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=patience)
    for number, value in enumerate(values, 1):
        plateau.step(value)
        if optimizer.param_groups[0]["lr"] < 1.0:
            return number
    raise AssertionError("never")


def best_epoch(stopper: Any, values: list[float]) -> int:
    for value in values:
        stopper.step(value)
    return stopper.best_epoch


def mean_corner(draw: Callable[..., np.ndarray]) -> float:
    """The mean of W[0, 0] over many orthogonal matrices of shape (3, 3)."""
    rng = np.random.default_rng(0)
    return float(np.mean([draw((3, 3), 1.0, rng)[0, 0] for _ in range(3000)]))


def sizes(answer: Callable[..., Any], **named: Any) -> list[int]:
    return [len(batch) for batch in answer(10, 4, np.random.default_rng(0), **named)]


def seen_once(answer: Callable[..., Any]) -> float:
    """The share of 1000 examples that one epoch looks at."""
    return len({int(i) for batch in answer(1000, 10, np.random.default_rng(0)) for i in batch}) / 1000


def top(answer: Callable[..., Any]) -> float:
    diagonal = np.array([2.0, 4.0, -9.0])
    return answer(lambda v: diagonal * v, 3, rng=np.random.default_rng(0))[0]


def random_labels(answer: Callable[..., Any]) -> float:
    """The training error on random labels, of a model that has learnt them by heart."""
    y = np.arange(50) % 10

    def fit(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, int]:
        return np.eye(10)[labels], 1  # the images are the unit vectors: each has its own weights

    return answer(fit, np.eye(50), y, np.eye(50), y, np.random.default_rng(0))["train_error_random"]


def rates_tried(answer: Callable[..., Any]) -> list[float]:
    return sorted(answer(lambda lr: abs(math.log2(lr)), 1.0)[1])


def search(answer: Callable[..., Any]) -> tuple[float, int]:
    """Best rate and number of runs where the optimum is 8."""
    best, tried = answer(lambda lr: (math.log2(lr) - 3) ** 2, 1.0)
    return best, len(tried)


def linear_spread() -> float:
    """n·Var of the uniform weights of torch's nn.Linear."""
    torch.manual_seed(0)
    return 400 * torch.nn.Linear(400, 400).weight.var().item()


def share_beyond(answer: Callable[..., Any], limit: float) -> float:
    return float(np.mean(np.abs(answer((100_000,), 1.0, "normal", np.random.default_rng(0))) > limit))


PAIR = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
M1, M2 = np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([2.0, 1.0])
S = np.array([2.0, 1.0])
GRADS = [np.array([3.0, 4.0]), np.array([12.0])]
ONES = np.ones((4, 1))
LOGITS = np.array([[1.0, 2.0, 3.0]])
EYE = np.eye(2)
TWO = np.zeros((2, 2))
FLAT = np.zeros((2, 3))


# The page, row by row -------------------------------------------------------------------------------------------------

ROWS: dict[str, Callable[[], Any]] = {
    # Assignment 1
    "log": lambda: [ours("logsumexp")(np.zeros(2)), np.log2(2), np.log10(2)],
    "underflow": lambda: [
        ours("steps_to_underflow")(0.5, np.float32),
        wrong("steps_to_underflow", "smallest normal number")(0.5, np.float32),
        ours("steps_to_underflow")(0.5),
    ],
    "`axis`": lambda: [ours("logsumexp")(TWO), scipy.special.logsumexp(TWO)],
    "`keepdims`": lambda: [
        np.shape(ours("logsumexp")(np.zeros((3, 4)))),
        np.shape(ours("logsumexp")(np.zeros((3, 4)), keepdims=True)),
    ],
    "a slice of nothing but −inf": lambda: [
        ours("logsumexp")(np.full(3, -INF)),
        wrong("logsumexp", "infinite maximum")(np.full(3, -INF)),
    ],
    "no numbers at all": lambda: [
        ours("online_logsumexp")([]),
        wrong("online_logsumexp", "0 for an empty stream")([]),
        torch.logsumexp(torch.zeros(0), 0).item(),
    ],
    "nan": lambda: [
        ours("logsumexp")(np.array([NAN, INF])),
        ours("bce_with_logits")(np.array([0.0, NAN]), np.ones(2)),
        np.nanmean(ours("bce_with_logits")(np.array([0.0, NAN]), np.ones(2), reduction="none")),
    ],
    "softplus and log σ": lambda: [
        ours("log_sigmoid")(np.array(-21.0)) + 21.0,
        -torch.nn.functional.softplus(torch.tensor(21.0, dtype=torch.float64)).item() + 21.0,
    ],
    "`log1mexp`": lambda: [
        ours("log1mexp")(np.array(-1.0)),
        np.log(1 - np.exp(1.0)),
    ],
    "spread of a Gaussian": lambda: [
        ours("gmm_log_prob")(np.array([3.0]), np.zeros(1), np.zeros(1), np.log([2.0])),
        wrong("gmm_log_prob", "log σ read as log σ²")(np.array([3.0]), np.zeros(1), np.zeros(1), np.log([2.0])),
    ],
    "labels of two classes": lambda: [
        ours("bce_with_logits")(np.array(2.0), np.array(0.0)),
        wrong("bce_with_logits", "formula for labels -1 and +1")(np.array(2.0), np.array(0.0)),
        wrong("bce_with_logits", "formula for labels -1 and +1")(np.array(2.0), np.array(-1.0)),
    ],
    "BCE of a probability": lambda: [
        ours("bce_with_logits")(np.array(20.0, np.float32), np.array(0.0)),
        bce_loss(20.0, 0.0)[0],
        wrong("bce_with_logits", "probability clipped to 1e-7")(np.array(20.0), np.array(0.0)),
        ours("bce_with_logits_grad")(np.array(20.0, np.float32), np.array(0.0)),
        bce_loss(20.0, 0.0)[1],
    ],
    "`reduction`": lambda: [
        ours("bce_with_logits")(FLAT, FLAT),
        ours("bce_with_logits")(FLAT, FLAT, reduction="sum"),
        wrong("bce_with_logits", "divided by the number of rows")(FLAT, FLAT),
    ],
    "gradient of the loss": lambda: [
        ours("bce_with_logits_grad")(np.zeros(2), np.array([1.0, 0.0])),
        wrong("bce_with_logits_grad", "gradient of the sum")(np.zeros(2), np.array([1.0, 0.0])),
    ],
    "ignored rows": lambda: [
        ours("cross_entropy")(TWO, np.array([0, -100])),
        torch.nn.functional.cross_entropy(torch.tensor(TWO), torch.tensor([0, -100])).item(),
        wrong("cross_entropy", "divided by all N rows")(TWO, np.array([0, -100])),
    ],
    "every row ignored": lambda: [
        ours("cross_entropy")(TWO, np.array([-100, -100])),
        torch.nn.functional.cross_entropy(torch.tensor(TWO), torch.tensor([-100, -100])).item(),
        wrong("cross_entropy", "nothing left gives 0")(TWO, np.array([-100, -100])),
    ],
    "label smoothing": lambda: [
        ours("cross_entropy")(LOGITS, np.array([2]), label_smoothing=0.3),
        torch.nn.functional.cross_entropy(torch.tensor(LOGITS), torch.tensor([2]), label_smoothing=0.3).item(),
        wrong("cross_entropy", "smoothing over the other classes")(LOGITS, np.array([2]), label_smoothing=0.3),
        wrong("cross_entropy", "target keeps its full weight")(LOGITS, np.array([2]), label_smoothing=0.3),
    ],
    # Assignment 2
    "order of a product": lambda: [
        ours("product_singular_values")([M1, M2]),
        wrong("product_singular_values", "the first matrix applied last")([M1, M2]),
    ],
    "scale of singular values": lambda: [
        ours("product_singular_values")([np.eye(4)])[0],
        wrong("product_singular_values", "scaled by the square root of the width")([np.eye(4)])[0],
    ],
    "zero singular values": lambda: [
        ours("product_singular_values")([np.diag([3.0, 0.0])]),
        wrong("product_singular_values", "zero singular values are dropped")([np.diag([3.0, 0.0])]),
    ],
    "law of singular values": lambda: [
        ours("quarter_circle_pdf")(np.array(0.0)),
        scipy.stats.semicircular(scale=2).pdf(0.0),
        ours("quarter_circle_pdf")(np.array(1.5)),
        wrong("quarter_circle_pdf", "Marchenko-Pastur")(np.array(1.5)),
    ],
    "σ of that law": lambda: [
        ours("quarter_circle_pdf")(np.array(0.0), 4.0),
        wrong("quarter_circle_pdf", "sigma taken for the variance")(np.array(0.0), 4.0),
    ],
    "logs of a spectrum": lambda: [
        ours("log_spectrum_qr")([2 * EYE] * 10)[0],
        wrong("log_spectrum_qr", "log10")([2 * EYE] * 10)[0],
        wrong("log_spectrum_qr", "mean in place of the sum")([2 * EYE] * 10)[0],
    ],
    "signs of a QR": lambda: [
        np.linalg.qr(np.array([[1.0, 2.0], [3.0, 4.0]]))[1][0, 0],
        ours("log_spectrum_qr")([np.array([[1.0, 2.0], [3.0, 4.0]])])[0],
    ],
    "Lyapunov exponents": lambda: [
        ours("lyapunov_exponents")(1, 1.0),
        wrong("lyapunov_exponents", "the formula for complex matrices")(1, 1.0),
        ours("lyapunov_exponents")(2)[0],
        ours("lyapunov_exponents")(2, 1.0)[0],
    ],
    "effective rank": lambda: [
        ours("effective_rank")(S),
        ours("effective_rank")(S, "entropy"),
        np.exp(scipy.stats.entropy(S)),
        wrong("effective_rank", "stable rank")(S),
    ],
    "orthogonal and uniform": lambda: [
        mean_corner(ours("orthogonal_init")),
        mean_corner(wrong("orthogonal_init", "no sign correction")),
    ],
    "shape of a weight": lambda: [
        ours("init_std")((100, 400)),
        ours("init_std")((400, 100)),
        ours("init_std")((32, 16, 3, 3)),
        wrong("init_std", "receptive field ignored")((32, 16, 3, 3)),
    ],
    "He": lambda: [ours("init_std")((50, 50)), wrong("init_std", "He as on the slide")((50, 50))],
    "std or variance": lambda: [
        ours("init_std")((50, 50)),
        wrong("init_std", "variance in place of standard deviation")((50, 50)),
    ],
    "Xavier": lambda: [
        ours("init_std")((300, 100), "xavier"),
        ours("init_std")((300, 100), "lecun"),
        wrong("init_std", "the sum of the fans for their mean")((300, 100), "he", "fan_avg"),
        ours("init_std")((300, 100), "he", "fan_avg"),
    ],
    "torch's default": lambda: [
        400 * ours("init_std")((400, 400)) ** 2,
        400 * ours("init_std")((400, 400), "lecun") ** 2,
        linear_spread(),
    ],
    "uniform weights": lambda: [
        np.abs(ours("init_weights")((100_000,), 1.0, "uniform", np.random.default_rng(0))).max(),
        wrong("init_weights", "uniform from -std to std")((100_000,), 1.0, "uniform", np.random.default_rng(0)).std(),
    ],
    "normal weights": lambda: [
        share_beyond(ours("init_weights"), 2.0),
        share_beyond(wrong("init_weights", "truncated at two standard deviations"), 2.0),
    ],
    "mean squares by theory": lambda: [
        ours("predicted_log10_q")(50, 512, 2 / 512, "relu"),
        wrong("predicted_log10_q", "halved in every layer")(50, 512, 2 / 512, "relu"),
        ours("predicted_log10_q")(50, 512, 1 / 1024, "relu"),
    ],
    "mean squares, measured": lambda: [
        ours("forward_second_moments")(np.array([[1.0, -3.0]]), [EYE], "relu"),
        wrong("forward_second_moments", "measured after the activation")(np.array([[1.0, -3.0]]), [EYE], "relu"),
        np.var([1.0, -3.0]),
    ],
    "end of the floats": lambda: [
        ours("depth_to_overflow")(0.5),
        wrong("depth_to_overflow", "smallest normal number")(0.5),
        ours("depth_to_overflow")(2.0),
        wrong("depth_to_overflow", "the last finite depth")(2.0),
    ],
    "length of a random vector": lambda: [
        ours("chi_mean_std")(100),
        wrong("chi_mean_std", "the standard deviation of the square")(100)[1],
        wrong("chi_mean_std", "variance in place of standard deviation")(100)[1],
    ],
    "cosines": lambda: [
        ours("pairwise_cosines")(PAIR),
        np.corrcoef(PAIR)[0, 1],
        wrong("pairwise_cosines", "cosine distance")(PAIR),
        wrong("pairwise_cosines", "angles")(PAIR),
    ],
    # Assignment 3, part 1
    "sign of the step": lambda: [
        ours("sgd_step")(np.array(1.0), np.array(1.0), 0.1, 1),
        wrong("sgd_step", "uphill")(np.array(1.0), np.array(1.0), 0.1, 1),
    ],
    "the count t": lambda: [
        -adam([1.0]),
        -adam([1.0], answer="power t+1"),
        adam([1.0], answer="t starts at 0"),
    ],
    "“momentum”": lambda: [
        path(ours("sgd_momentum_step"), [1, 1, 1], **MOMENTUM)[-1],
        torch_path(torch.optim.SGD, [1, 1, 1], lr=0.1, momentum=0.9)[-1],
        velocity([1, 1, 1], [0.1] * 3, 0.9),
        path(wrong("sgd_momentum_step", "average of the gradients"), [1, 1, 1], **MOMENTUM)[-1],
    ],
    "momentum and a new rate": lambda: [
        path(ours("sgd_momentum_step"), [1, 1, 1], [0.1, 0.1, 0.01], **MOMENTUM)[-1],
        velocity([1, 1, 1], [0.1, 0.1, 0.01], 0.9),
    ],
    "EMA momentum's start": lambda: [
        path(ours("ema_momentum_step"), [1], beta=0.9),
        path(wrong("ema_momentum_step", "no bias correction"), [1], beta=0.9),
    ],
    "dampening": lambda: [
        path(ours("sgd_momentum_step"), [1, 1], dampening=0.5, **MOMENTUM),
        path(wrong("sgd_momentum_step", "dampening at the first step"), [1, 1], dampening=0.5, **MOMENTUM),
    ],
    "Nesterov": lambda: [
        path(ours("sgd_momentum_step"), [1, 1], nesterov=True, **MOMENTUM),
        textbook_nesterov([1, 1], 0.1, 0.9),
    ],
    "ε in Adagrad, RMSprop, Adam": lambda: [
        -adam([1e-6]),
        -adam([1e-6], answer="eps inside the root"),
        adam([0.0]),
        adam([0.0], answer="no eps"),
    ],
    "Adam's ε̂": lambda: [-adam([1e-8]), -adam([1e-8], answer="eps not scaled along")],
    "RMSprop's start": lambda: [
        -path(ours("rmsprop_step"), [2], gamma=0.9, eps=1e-8)[0],
        -path(wrong("rmsprop_step", "v starts at 1"), [2], gamma=0.9, eps=1e-8)[0],
        -path(wrong("rmsprop_step", "v starts at the first square"), [2], gamma=0.9, eps=1e-8)[0],
        -path(wrong("rmsprop_step", "bias corrected"), [2], gamma=0.9, eps=1e-8)[0],
    ],
    "RMSprop's v": lambda: [
        path(ours("rmsprop_step"), [1] * 10, gamma=0.9, eps=1e-8)[-1],
        torch_path(torch.optim.RMSprop, [1] * 10, lr=0.1, alpha=0.9, centered=True)[-1],
    ],
    "Adam's `weight_decay`": lambda: [
        adam([0.0], w=1.0, weight_decay=0.2),
        adam([0.0], w=1.0, weight_decay=0.02),
        adamw([0.0]),
    ],
    "AdamW's factor": lambda: [adamw([0.0]), adamw([0.0], "decoupled decay without lr")],
    "AdamW's order": lambda: [
        adamw([1.0], w=2.0, decay=0.5),
        adamw([1.0], "decay after the step", w=2.0, decay=0.5),
    ],
    "penalty and decay": lambda: [adamw([0.0], decay=2 * 0.2), adamw([0.0], decay=0.2)],
    "AMSGrad's maximum": lambda: [
        adam([4, 1, 1, 1], beta1=0.5, beta2=0.75, amsgrad=True),
        torch_path(torch.optim.Adam, [4, 1, 1, 1], lr=0.1, betas=(0.5, 0.75), amsgrad=True)[-1],
        adam([4, 1, 1, 1], answer="amsgrad: largest corrected v", beta1=0.5, beta2=0.75, amsgrad=True),
        adam([4, 1, 1, 1], beta1=0.5, beta2=0.75),
    ],
    # Assignment 3, part 2
    "one norm for all": lambda: [
        np.concatenate(ours("clip_grad_norm")(GRADS, 1.3)[0]),
        np.concatenate(wrong("clip_grad_norm", "one norm per array")(GRADS, 1.3)[0]),
        np.concatenate(wrong("clip_grad_norm", "entries clipped one by one")(GRADS, 1.3)[0]),
    ],
    "clipping's ε": lambda: [
        np.linalg.norm(ours("clip_grad_norm")(GRADS[:1], 1.0)[0]),
        np.linalg.norm(ours("clip_grad_norm")(GRADS[:1], 1.0, eps=0.0)[0]),
    ],
    "the norm returned": lambda: [
        ours("clip_grad_norm")(GRADS, 1.3)[1],
        wrong("clip_grad_norm", "returns the norm after clipping")(GRADS, 1.3)[1],
    ],
    "last batch": lambda: [
        sizes(ours("minibatches")),
        sizes(ours("minibatches"), drop_last=True),
        sizes(wrong("minibatches", "split into equal parts")),
    ],
    "an epoch": lambda: [seen_once(ours("minibatches")), seen_once(wrong("minibatches", "drawn with replacement"))],
    "grid of rates": lambda: [
        rates_tried(ours("extend_grid_search")),
        rates_tried(wrong("extend_grid_search", "rates at equal distances")),
    ],
    "best rate at the edge": lambda: [
        search(ours("extend_grid_search")),
        search(wrong("extend_grid_search", "grid is never extended")),
    ],
    "equal losses": lambda: [
        ours("extend_grid_search")(lambda lr: float(lr not in (1, 2)), 1.0)[0],
        wrong("extend_grid_search", "of equal losses the larger rate")(lambda lr: float(lr not in (1, 2)), 1.0)[0],
        ours("extend_grid_search")(lambda lr: NAN, 1.0, max_extend=1)[0],
        wrong("extend_grid_search", "goes up when everything diverges")(lambda lr: NAN, 1.0, max_extend=1)[0],
    ],
    "rate of convergence": lambda: [
        ours("optimal_quadratic_params")(100, 1, "gd")[2],
        wrong("optimal_quadratic_params", "rate of the loss")(100, 1, "gd")[2],
        wrong("optimal_quadratic_params", "gradient descent with 1/L")(100, 1, "gd")[2],
    ],
    "heavy ball's lr": lambda: [
        ours("optimal_quadratic_params")(100, 1, "heavy_ball")[0],
        wrong("optimal_quadratic_params", "heavy ball in the EMA convention")(100, 1, "heavy_ball")[0],
    ],
    "Nesterov's constants": lambda: [
        ours("optimal_quadratic_params")(100, 1, "nesterov")[2],
        wrong("optimal_quadratic_params", "Nesterov with 1/L")(100, 1, "nesterov")[2],
    ],
    "sign of a step": lambda: [
        ours("swats_gamma")(np.array(-0.002), np.array(0.5)),
        wrong("swats_gamma", "sign forgotten")(np.array(-0.002), np.array(0.5)),
        ours("swats_gamma")(np.zeros(1), np.ones(1)),
        wrong("swats_gamma", "0 at a right angle")(np.zeros(1), np.ones(1)),
    ],
    "smoothest path": lambda: [
        ours("minimum_jerk")(0.25, 1.0, 0.0, 1.0),
        wrong("minimum_jerk", "cubic")(0.25, 1.0, 0.0, 1.0),
        wrong("minimum_jerk", "degree 7")(0.25, 1.0, 0.0, 1.0),
    ],
    # Assignment 4
    "L2 penalty": lambda: [
        *ours("l2_penalty")(np.array([3.0, 4.0]), 0.1),
        *wrong("l2_penalty", "one half in front")(np.array([3.0, 4.0]), 0.1),
    ],
    "strength of a threshold": lambda: [
        ours("soft_threshold")(np.array(3.0), 1.0),
        wrong("soft_threshold", "lam is halved")(np.array(3.0), 1.0),
        wrong("soft_threshold", "hard threshold")(np.array(3.0), 1.0),
    ],
    "lasso": lambda: [
        ours("lasso_ista")(ONES, 2 * ONES[:, 0], 0.5),
        wrong("lasso_ista", "one half forgotten")(ONES, 2 * ONES[:, 0], 0.5),
        wrong("lasso_ista", "gradient not divided by n")(ONES, 2 * ONES[:, 0], 0.5),
    ],
    "filter of early stopping": lambda: [
        ours("gd_filter")(np.array(1.0), 0.1, 10),
        wrong("gd_filter", "what is missing, not what is learnt")(np.array(1.0), 0.1, 10),
        wrong("gd_filter", "gradient flow")(np.array(1.0), 0.1, 10),
        wrong("gd_filter", "ridge filter")(np.array(1.0), 0.1, 10),
    ],
    "p of dropout": lambda: [
        np.mean(ours("dropout")(np.ones(100_000), 0.2, True, np.random.default_rng(0))[1] == 0),
        ours("dropout")(np.ones(100), 0.2, True, np.random.default_rng(0))[1].max(),
        np.mean(
            wrong("dropout", "p is the probability to keep")(np.ones(100_000), 0.2, True, np.random.default_rng(0))[1]
            == 0
        ),
        wrong("dropout", "p is the probability to keep")(np.ones(100), 0.2, True, np.random.default_rng(0))[1].max(),
    ],
    "where dropout rescales": lambda: [
        ours("dropout")(np.ones(1), 0.2, False, np.random.default_rng(0))[0],
        torch.nn.functional.dropout(torch.ones(1), 0.2, training=False).item(),
        wrong("dropout", "scaled at evaluation")(np.ones(1), 0.2, False, np.random.default_rng(0))[0],
    ],
    "variance of the mask": lambda: [
        ours("dropout_ridge")(2 * EYE, np.full(2, 2.0), 0.2)[0],
        wrong("dropout_ridge", "p(1 - p)")(2 * EYE, np.full(2, 2.0), 0.2)[0],
        wrong("dropout_ridge", "keep and drop swapped")(2 * EYE, np.full(2, 2.0), 0.2)[0],
    ],
    "patience": lambda: [
        epochs_until_stop([1.0, 2.0, 2.0, 2.0, 2.0], 2),
        epochs_until_plateau([1.0, 2.0, 2.0, 2.0, 2.0], 2),
    ],
    "an improvement": lambda: [
        best_epoch(ours("EarlyStopping")(9, 0.5), [10.0, 9.75, 9.25]),
        best_epoch(wrong("EarlyStopping", "min_delta as a share")(9, 0.5), [10.0, 9.75, 9.25]),
        best_epoch(ours("EarlyStopping")(9), [1.0, 1.0]),
        best_epoch(wrong("EarlyStopping", "ties count as improvements")(9), [1.0, 1.0]),
    ],
    "number of an epoch": lambda: [
        best_epoch(ours("EarlyStopping")(9), [1.0, 0.5, 0.75]),
        best_epoch(wrong("EarlyStopping", "epochs counted from 1")(9), [1.0, 0.5, 0.75]),
    ],
    "training error on random labels": lambda: [
        random_labels(ours("random_label_report")),
        random_labels(wrong("random_label_report", "training error against the true labels")),
    ],
    "top eigenvalue": lambda: [
        top(ours("top_hessian_eigenvalue")),
        top(wrong("top_hessian_eigenvalue", "largest, not largest in size")),
        top(wrong("top_hessian_eigenvalue", "length in place of the signed value")),
    ],
    "filter normalisation": lambda: [
        np.linalg.norm(ours("filter_normalize")(np.array([[3e-10, 4e-10]]), np.array([[6.0, 8.0]]))),
        np.linalg.norm(
            wrong("filter_normalize", "1e-10 added to the length")(np.array([[3e-10, 4e-10]]), np.array([[6.0, 8.0]]))
        ),
        ours("filter_normalize")(np.ones(2), np.ones(2)),
    ],
    "k-th largest": lambda: [
        list(ours("kth_largest_stream")([7, 7, 3], 2)),
        list(wrong("kth_largest_stream", "equal numbers count once")([7, 7, 3], 2)),
    ],
    "a mistake of the perceptron": lambda: [
        ours("perceptron")(np.ones((1, 1)), np.ones(1), 5)[1],
        wrong("perceptron", "zero is not a mistake")(np.ones((1, 1)), np.ones(1), 5)[1],
    ],
    "gradient noise": lambda: [
        ours("gradient_noise")(8.0, 2),
        wrong("gradient_noise", "variance, not its root")(8.0, 2),
        ours("gradient_noise")(8.0, 2, 4, replace=False),
        wrong("gradient_noise", "N in place of N - 1")(8.0, 2, 4, replace=False),
    ],
}


def on_the_page() -> dict[str, str]:
    """The first cell of each row -> its last cell."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("|")]
    return {row[0]: row[-1] for row in rows if row[0] != "what" and not set(row[0]) <= set("-|")}


def flat(value: Any) -> list[Any]:
    """The plain numbers (and Nones) in nested lists and arrays."""
    if value is None:
        return [None]
    if isinstance(value, (list, tuple, np.ndarray)) and np.ndim(np.array(value, dtype=object)) > 0:
        return [one for part in value for one in flat(part)]
    return [float(value)]


NUMBER = re.compile(r"-?(\d+(\.\d+)?(e-?\d+)?|inf)|nan|None")


def printed(cell: str) -> list[str]:
    """The numbers set as `code` in a cell, in order; names in `code` are none."""
    words = [word for span in re.findall(r"`([^`]*)`", cell) for word in span.strip("(,)").split(", ")]
    return [word for word in words if NUMBER.fullmatch(word)]


def says(text: str, value: Any) -> bool:
    """Is the text this value, rounded to the digits that it has?"""
    if value is None or text == "None":
        return value is None and text == "None"
    wanted = float(text)
    if not math.isfinite(wanted) or not math.isfinite(value):
        return str(wanted) == str(value)
    digits, _, exponent = text.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    return abs(wanted - value) <= 0.5 * unit * (1 + 1e-6)


@pytest.mark.parametrize("what", sorted(set(ROWS) | set(on_the_page())))
def test_the_numbers_of_a_row_are_right(what: str) -> None:
    assert what in ROWS, "nothing computes this row"
    assert what in on_the_page(), "the page has no such row"
    with np.errstate(all="ignore"):
        computed = flat(ROWS[what]())
    words = printed(on_the_page()[what])
    assert len(words) == len(computed), f"{len(words)} numbers on the page, {len(computed)} computed: {computed}"
    assert [text for text, value in zip(words, computed, strict=True) if not says(text, value)] == [], computed


def test_a_row_tells_the_conventions_apart() -> None:
    """A row whose numbers are all the same helps nobody."""
    assert [what for what, cell in on_the_page().items() if len(set(printed(cell))) < 2] == []


@pytest.mark.parametrize(
    ("text", "value", "right"),
    [("0.69", 0.6931, True), ("0.70", 0.6931, False), ("nan", NAN, True), ("-inf", -INF, True), ("-inf", INF, False),
     ("None", None, True), ("0", None, False), ("7.6e-10", 7.58e-10, True), ("7.5e-10", 7.58e-10, False), ("nan", 0.0, False)],
)  # fmt: skip
def test_rounding(text: str, value: Any, right: bool) -> None:
    assert says(text, value) == right


def test_defaults_are_torchs() -> None:
    """The paragraph under the optimizers' table."""

    def default(optimizer: type, name: str) -> Any:
        return inspect.signature(optimizer).parameters[name].default

    (paragraph,) = (block for block in PAGE.split("\n\n") if block.startswith("**Defaults differ too.**"))
    given = re.findall(r"`([^`]+)`", paragraph)
    assert [float(word) for word in given if re.match(r"[\d.]", word)] == [
        default(torch.optim.Adam, "eps"),
        default(torch.optim.Adagrad, "eps"),
        default(torch.optim.RMSprop, "alpha"),
        default(torch.optim.Adam, "weight_decay"),
        default(torch.optim.AdamW, "weight_decay"),
    ]
    assert default(torch.optim.RMSprop, "eps") == default(torch.optim.Adam, "eps")
