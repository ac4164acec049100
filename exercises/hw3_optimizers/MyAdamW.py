"""`MyAdamW`: the capstone, an optimizer that fits into torch (`torch.optim.Optimizer`) and trains a network."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.digits import digits
from exercises.observation import probe


class _MyAdamW(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr = group["lr"]
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["t"] = 0
                    state["m"] = torch.zeros_like(p)
                    state["v"] = torch.zeros_like(p)
                state["t"] += 1
                t, m, v = state["t"], state["m"], state["v"]
                g = p.grad
                m.mul_(beta1).add_((1 - beta1) * g)
                v.mul_(beta2).add_((1 - beta2) * g * g)
                m_hat = m / (1 - beta1**t)
                v_hat = v / (1 - beta2**t)
                p.mul_(1 - lr * group["weight_decay"])
                p.sub_(lr * m_hat / (v_hat.sqrt() + group["eps"]))
        return loss


# Other right ways ----------------------------------------------------------------------------------------------------


class _in_torchs_order(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def step(self, closure=None):
        loss = closure() if closure is not None else None
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self.update(p, self.state[p], **group)
        return loss

    def update(self, p, state, lr, betas, eps, weight_decay, **others):
        state.setdefault("step", torch.tensor(0.0))
        state.setdefault("exp_avg", torch.zeros_like(p))
        state.setdefault("exp_avg_sq", torch.zeros_like(p))
        state["step"] += 1
        p.mul_(1 - lr * weight_decay)
        state["exp_avg"].lerp_(p.grad, 1 - betas[0])
        state["exp_avg_sq"].mul_(betas[1]).addcmul_(p.grad, p.grad, value=1 - betas[1])
        t = state["step"].item()
        denominator = (state["exp_avg_sq"].sqrt() / math.sqrt(1 - betas[1] ** t)).add_(eps)
        p.addcdiv_(state["exp_avg"], denominator, value=-lr / (1 - betas[0] ** t))


class _new_tensors_through_data(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))  # noqa: C408

    def step(self, closure=None):
        loss = None
        if closure is not None:
            loss = closure()
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                old = self.state[p]
                g = p.grad.detach()
                # sums whose weights add up to `weight_1` and `weight_2`: no correction is needed
                m, weight_1 = b1 * old.get("m", 0.0) + (1 - b1) * g, b1 * old.get("weight_1", 0.0) + (1 - b1)
                v, weight_2 = b2 * old.get("v", 0.0) + (1 - b2) * g**2, b2 * old.get("weight_2", 0.0) + (1 - b2)
                self.state[p] = {"m": m, "v": v, "weight_1": weight_1, "weight_2": weight_2}
                move = (m / weight_1) / (torch.sqrt(v / weight_2) + group["eps"])
                p.data = p.data - group["lr"] * (group["weight_decay"] * p.data + move)
        return loss


# torch's own ---------------------------------------------------------------------------------------------------------


class _torch_adamw(torch.optim.AdamW):
    pass


class _torch_adamw_foreach(torch.optim.AdamW):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=True)


MyAdamW = Exercise(
    reference=_MyAdamW,
    accepted={
        "in torch's order, with lerp_ and addcdiv_": _in_torchs_order,
        "new tensors through p.data, running weights": _new_tensors_through_data,
    },
    witnesses={"torch.optim.AdamW": _torch_adamw, "torch.optim.AdamW, foreach": _torch_adamw_foreach},
    banned=(
        "torch.optim.AdamW",
        "torch.optim.Adam",
        "torch.optim.NAdam",
        "torch.optim.RAdam",
        "torch.optim.Adamax",
        "torch.optim.SparseAdam",
        "torch.optim.SGD",
        "torch.optim.RMSprop",
        "torch.optim.Adagrad",
        "torch.optim.adam",
        "torch.optim.adamw",
        "torch.optim._functional",
        "torch.optim._multi_tensor",
        "torch._fused_adam_",
        "torch._fused_adamw_",
    ),
    bonus=True,
)


# Checks: each sends a probe to where the class lives; its parameters and gradients belong to one process --------------


def _drive(answer, weights, gradients, groups, hyper=None, edits=None, saved_at=None):
    """Feed given gradients; the weights after each step.

    weights: one array per parameter; gradients[k][i]: the gradient of parameter i at step k, or None.
    groups: one dict per group, "params" being numbers of parameters. hyper: the constructor's other arguments.
    edits: step -> {group: new lr}.
    saved_at: at this step everything goes on with a new optimizer that has loaded the old one's state_dict.
    """
    import copy

    import torch

    parameters = [torch.nn.Parameter(torch.tensor(w)) for w in weights]

    def build(parameters):
        return answer(
            [{**group, "params": [parameters[i] for i in group["params"]]} for group in groups], **(hyper or {})
        )

    optimizer = build(parameters)
    path, gradients_kept, returned = [], [], []
    for number, row in enumerate(gradients):
        if number == saved_at:
            saved = copy.deepcopy(optimizer.state_dict())
            parameters = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
            optimizer = build(parameters)
            optimizer.load_state_dict(saved)
        for group, lr in (edits or {}).get(number, {}).items():
            optimizer.param_groups[group]["lr"] = lr
        for p, g in zip(parameters, row, strict=True):
            p.grad = None if g is None else torch.tensor(g)
        before = [None if p.grad is None else p.grad.numpy().tobytes() for p in parameters]
        returned.append(optimizer.step())
        after = [None if p.grad is None else p.grad.numpy().tobytes() for p in parameters]
        gradients_kept.append(before == after)
        path.append([p.detach().numpy().copy() for p in parameters])
    return {"path": path, "gradients kept": gradients_kept, "returned": returned}


def _closure_and_zero_grad(answer, weights, target):
    """Four steps with a closure that clears the gradients, computes the loss and its gradients, and returns it."""
    import torch

    target = torch.tensor(target)
    w = torch.nn.Parameter(torch.tensor(weights))
    optimizer = answer([w], lr=0.1, weight_decay=0.0)
    calls = []

    def closure():
        optimizer.zero_grad()
        calls.append(w.grad is None or bool((w.grad == 0).all()))
        loss = ((w - target) ** 2).sum()
        loss.backward()
        return loss

    losses = [float(optimizer.step(closure)) for _ in range(4)]
    return {
        "losses": losses,
        "cleared at each call": calls,
        "same parameter": optimizer.param_groups[0]["params"][0] is w and w.is_leaf and w.requires_grad,
        "gradient": w.grad.numpy().copy(),
        "weights": w.detach().numpy().copy(),
    }


def _train(answer, images, labels, weights, steps, lr):
    """A small network on digits: weights with decay, biases without, the learning rate halved midway."""
    import torch

    inputs, labels = torch.tensor(images), torch.tensor(labels)
    network = torch.nn.Sequential(torch.nn.Linear(64, 12), torch.nn.Tanh(), torch.nn.Linear(12, 10)).double()
    with torch.no_grad():
        for p, w in zip(network.parameters(), weights, strict=True):
            p.copy_(torch.tensor(w))
    matrices = [p for p in network.parameters() if p.ndim == 2]
    biases = [p for p in network.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": biases, "weight_decay": 0.0, "lr": 2 * lr}]
    optimizer = answer(groups, lr=lr)
    losses = []
    for number in range(steps):
        if number == steps // 2:
            for group in optimizer.param_groups:
                group["lr"] *= 0.5
        rows = slice(16 * (number % 3), 16 * (number % 3) + 16)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(inputs[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "sums": [float(p.abs().sum()) for p in network.parameters()]}


def _one_group(f, rng, **hyper):
    weights = [rng.normal(size=(2, 2)), rng.normal(size=3)]
    gradients = [[s * rng.normal(size=(2, 2)), s * rng.normal(size=3)] for s in (1.0, 10.0, 1e-3, 1.0)]
    return probe(_drive, f, weights=weights, gradients=gradients, groups=[{"params": [0, 1]}], hyper=hyper)["path"]


@MyAdamW.check(
    "four steps without decay, from given gradients",
    points=0.25,
    hint="Compare with torch.optim.AdamW after each step, not only at the end.",
)
def _without_decay(f, rng):
    return [
        _one_group(f, rng, lr=0.1, eps=1e-2, weight_decay=0.0),
        _one_group(f, rng, lr=0.1, betas=(0.5, 0.7), weight_decay=0.0),
    ]


@MyAdamW.check(
    "four steps with decay",
    points=0.25,
    hint="The decay touches the weights directly, before Adam's step, and the averages never see it.",
)
def _with_decay(f, rng):
    return _one_group(f, rng, lr=0.1, weight_decay=0.5)


@MyAdamW.check(
    "the default values",
    points=0.25,
    hint="Look at the signature in the statement: five arguments, four of them with a default.",
)
def _defaults(f, rng):
    weights = [10 * rng.normal(size=3)]
    gradients = [[rng.normal(size=3)] for _ in range(3)]
    path = probe(_drive, f, weights=weights, gradients=gradients, groups=[{"params": [0]}])["path"]
    return [np.asarray(w[0]) - weights[0] for w in path]


@MyAdamW.check(
    "two groups with their own values, a learning rate changed midway",
    points=0.25,
    hint="Read lr, betas, eps and weight_decay from the group, in every step.",
)
def _two_groups(f, rng):
    weights = [rng.normal(size=2), rng.normal(size=3), rng.normal(size=(2, 1))]
    gradients = [[rng.normal(size=w.shape) for w in weights] for _ in range(6)]
    first, second, later = (float(v) for v in rng.uniform(0.02, 0.2, size=3))
    groups = [
        {"params": [0, 1]},
        {"params": [2], "lr": 5 * second, "weight_decay": 0.3, "betas": (0.6, 0.8), "eps": 1e-3},
    ]
    hyper = {"lr": first, "weight_decay": 0.0}
    edits = {2: {0: 0.1 * later}, 4: {0: later, 1: 3 * later}}
    return probe(_drive, f, weights=weights, gradients=gradients, groups=groups, hyper=hyper, edits=edits)["path"]


@MyAdamW.check(
    "a parameter without a gradient is left alone and has its own count of steps",
    points=0.25,
    hint="Keep everything that belongs to one parameter in self.state of this parameter, its number of steps too.",
)
def _late_and_absent(f, rng):
    weights = [rng.normal(size=2), rng.normal(size=2), rng.normal(size=2)]
    gradients = [[rng.normal(size=2), rng.normal(size=2) if k in (2, 3, 5) else None, None] for k in range(6)]
    hyper = {"lr": 0.1, "weight_decay": 0.2}
    return probe(_drive, f, weights=weights, gradients=gradients, groups=[{"params": [0, 1, 2]}], hyper=hyper)["path"]


@MyAdamW.check(
    "gradients untouched, zero_grad works, the closure is called and its loss returned",
    points=0.25,
    hint="step() changes parameters and its own state, and nothing else; with a closure it returns the loss.",
)
def _manners(f, rng):
    weights = [rng.normal(size=(2, 2)), rng.normal(size=2)]
    gradients = [[rng.normal(size=w.shape) for w in weights] for _ in range(3)]
    hyper = {"lr": 0.1, "weight_decay": 0.4}
    seen = probe(_drive, f, weights=weights, gradients=gradients, groups=[{"params": [0, 1]}], hyper=hyper)
    del seen["path"]
    return [seen, probe(_closure_and_zero_grad, f, weights=rng.normal(size=3) + 2.0, target=rng.normal(size=3))]


@MyAdamW.check(
    "saved with state_dict, loaded into a new optimizer, and on as if nothing had happened",
    points=0.25,
    hint="state_dict saves what is in self.state and self.param_groups, and nothing else.",
)
def _saved(f, rng):
    weights = [rng.normal(size=2), rng.normal(size=(2, 2))]
    gradients = [[rng.normal(size=w.shape) for w in weights] for _ in range(5)]
    hyper = {"lr": 0.1, "weight_decay": 0.0}
    groups, edits = [{"params": [0]}, {"params": [1], "lr": 0.02}], {1: {0: 0.05}}
    seen = probe(_drive, f, weights=weights, gradients=gradients, groups=groups, hyper=hyper, edits=edits, saved_at=3)
    return seen["path"][2:]


@MyAdamW.check(
    "a small network learns digits exactly as with torch's AdamW",
    points=0.25,
    rtol=1e-7,
    hint="Train the same network with torch.optim.AdamW and compare the losses step by step.",
)
def _on_digits(f, rng):
    images, labels = digits()
    rows = rng.choice(len(images), size=48, replace=False)
    shapes = [(12, 64), (12,), (10, 12), (10,)]
    weights = [rng.normal(size=shape) / math.sqrt(shape[-1]) for shape in shapes]
    lr = float(rng.uniform(0.01, 0.03))
    return probe(_train, f, images=images[rows], labels=labels[rows], weights=weights, steps=9, lr=lr)


# Wrong answers, as students write them --------------------------------------------------------------------------------


MyAdamW.mistake(
    "decay added to the gradient",
    edits=[
        ("g = p.grad\n", 'g = p.grad + group["weight_decay"] * p\n'),
        ('                p.mul_(1 - lr * group["weight_decay"])\n', ""),
    ],
    core=True,
    hint="""
        You add the decay to the gradient, so it goes through both averages and is divided by the root of v. This is
        Adam with L2 regularization, and it is what the W in AdamW was invented to change. A weight whose gradients are
        large is divided by a large root, and so it is hardly decayed at all; if the gradient of the loss is zero, the
        decay alone fills m and v, and the step is about lr whatever the decay is. In AdamW the decay is decoupled: the
        averages see the gradient of the loss only, and the weights are shrunk directly, by the factor in the statement.
    """,
    source="MISCONCEPTIONS 67, reversed",
)

MyAdamW.mistake(
    "decay written into p.grad",
    edits=[
        ("g = p.grad\n", 'g = p.grad.add_(group["weight_decay"] * p)\n'),
        ('                p.mul_(1 - lr * group["weight_decay"])\n', ""),
    ],
    hint="""
        Two things happen in one line of yours. You add the decay to the gradient, which is Adam with L2 and not AdamW.
        And you write the sum into `p.grad` itself, because methods whose names end in an underscore change their
        tensor. The gradient belongs to the caller: they may want to plot it, to clip it, or to add more to it by
        another backward pass before the next step, and now the decay is in it. An optimizer reads gradients and writes
        parameters. For AdamW the averages take the gradient just as it is, and the weights are shrunk in a line of
        their own.
    """,
    source="MISCONCEPTIONS 73",
)

MyAdamW.mistake(
    "decay without the learning rate",
    edits=[('1 - lr * group["weight_decay"]', '1 - group["weight_decay"]')],
    core=True,
    hint="""
        You shrink the weights by the factor 1 - weight_decay in every step. In the convention of torch the decay is
        multiplied by the learning rate first. With lr = 0.1 and weight_decay = 0.5 the weights should lose 5 % in a
        step, and yours lose half of themselves. With torch's usual values you would decay a thousand times too fast,
        and a schedule that lowers the learning rate would not lower the decay with it. (The paper on AdamW and some
        libraries do it your way; the statement pins torch's form.) Look at the factor in the line that shrinks p.
    """,
    source="MISCONCEPTIONS 69",
)

MyAdamW.mistake(
    "decay after the step",
    edits=[
        ('                p.mul_(1 - lr * group["weight_decay"])\n', ""),
        (
            '                p.sub_(lr * m_hat / (v_hat.sqrt() + group["eps"]))\n',
            '                p.sub_(lr * m_hat / (v_hat.sqrt() + group["eps"]))\n'
            '                p.mul_(1 - lr * group["weight_decay"])\n',
        ),
    ],
    hint="""
        You take Adam's step first and shrink the weights afterwards, so the fresh step is shrunk along with the old
        weights. In the statement, as in torch, the old weights are shrunk first, and then the step is taken in full.
        The difference is small, the product of lr, weight_decay and the step, and no training would suffer from it;
        either order can be defended. But if two programs should give the same numbers, one order has to be chosen, and
        the statement pins it. When you compare with torch, look at the first step already: a difference in the third
        digit is not rounding.
    """,
    source="MISCONCEPTIONS 70",
)

MyAdamW.mistake(
    "no bias correction",
    edits=[("m_hat = m / (1 - beta1**t)", "m_hat = m"), ("v_hat = v / (1 - beta2**t)", "v_hat = v")],
    core=True,
    hint="""
        You use m and v as they are. Both start at zero and are averages with a long memory, so in the first steps they
        are far too small: after the first one m holds a tenth of the gradient and v a thousandth of its square. The
        root of v is then about 32 times too small, m only 10 times, and your first step is about 3.16 times as long as
        it should be. Adam divides each average by the sum of the weights it has used so far, 1 - β to the power t,
        where t counts the steps and is 1 in the first. Make new variables for the corrected values, and keep m and v
        themselves.
    """,
    source="MISCONCEPTIONS 48",
)

MyAdamW.mistake(
    "corrected values kept as state",
    edits=[
        ("m_hat = m / (1 - beta1**t)", "m_hat = m.div_(1 - beta1**t)"),
        ("v_hat = v / (1 - beta2**t)", "v_hat = v.div_(1 - beta2**t)"),
    ],
    core=True,
    hint="""
        You correct m and v in place: after the division the buffers themselves hold the corrected values, and the next
        step goes on from there and corrects them once more. Your first step is right, the second is not, and soon the
        averages are far too large. The correction is only for reading. The buffers must stay plain averages, which
        began at zero; the factor knows how many steps they have seen, and it works only for those. So give the
        corrected values names of their own, and mind the underscore: a method that ends in one writes into its tensor.
    """,
    source="MISCONCEPTIONS 54",
)

MyAdamW.mistake(
    "eps under the root",
    edits=[('v_hat.sqrt() + group["eps"]', '(v_hat + group["eps"]).sqrt()')],
    core=True,
    hint="""
        You add eps under the root. The statement, as torch and the paper, adds it after the root. With the default 1e-8
        it looks like a detail, but the root of 1e-8 is 1e-4: for gradients smaller than that, your steps are much too
        short, where with eps outside they keep their full length down to 1e-8. With larger gradients no test sees the
        difference, so test with a large eps, or with tiny gradients. Some libraries have put eps inside, and their
        results could not be repeated elsewhere. Look at the parentheses in your denominator.
    """,
    source="MISCONCEPTIONS 55",
)

MyAdamW.mistake(
    "one learning rate for all",
    edits=[('lr = group["lr"]', 'lr = self.defaults["lr"]')],
    core=True,
    hint="""
        You use the learning rate that was given when the optimizer was made. But each group of parameters has a
        learning rate of its own, and it can change during training: a scheduler does nothing else but write a new
        number into the group's dictionary. Your optimizer does not notice either of them; a schedule would run without
        any effect and without an error. The defaults are only used to fill in what a group does not say, and the base
        class does this for you when the groups are made. Whatever you need in a step, read it from the group, in that
        step.
    """,
    source="COURSE A3, capstone",
)

MyAdamW.mistake(
    "betas are fixed",
    edits=[('beta1, beta2 = group["betas"]', "beta1, beta2 = 0.9, 0.999")],
    core=True,
    hint="""
        Your two betas are always 0.9 and 0.999, whatever was asked for. These are the usual values, so everything works
        until somebody passes others. People do: for transformers 0.95 or 0.98 is a usual second value, and the first
        one is sometimes set to 0. The constructor puts the pair into the defaults, and from there it gets into the
        dictionary of every group, next to lr, eps and weight_decay. Read it from there in each step, like the other
        values. Then one group may even have other betas than another.
    """,
    source="own",
)

MyAdamW.mistake(
    "only the first group moves",
    edits=[("for group in self.param_groups:", "for group in self.param_groups[:1]:")],
    core=True,
    hint="""
        Only the parameters of the first group are updated. For most small programs there is just one group, so you see
        no difference. Groups are made when parts of a network should be treated differently: no decay for the biases, a
        smaller rate for layers that were trained before. With your step all other groups would keep their first values
        for ever, and the loss would still fall a little, which makes this mistake hard to see. `param_groups` is a list
        of dictionaries, and every one of them has a list of parameters: that makes two loops, one inside the other.
    """,
    source="own",
)

MyAdamW.mistake(
    "returns inside the loop",
    edits=[
        (
            '(v_hat.sqrt() + group["eps"]))\n        return loss',
            '(v_hat.sqrt() + group["eps"]))\n                return loss',
        )
    ],
    core=True,
    hint="""
        Your return stands inside the loops, so the function ends after the first parameter, and the others are never
        reached. In Python the indentation alone decides what belongs to a loop, and one level too much is easy to
        overlook, since nothing else changes. With a single parameter the program is right. A sign of this mistake is a
        part of the network that stays exactly at its first values while the rest learns. Look at the column in which
        your last line begins, and at the column of the line that starts the first loop.
    """,
    source="own",
)

MyAdamW.mistake(
    "buffers made anew in every step",
    edits=[("state = self.state[p]", "state = {}")],
    core=True,
    hint="""
        Your buffers are new in each step, so m and v never remember anything. Every step is like the first one: the
        corrected average is the gradient itself, and what comes out is the sign of the gradient times lr. That does
        train a little, which hides the mistake. The base class gives you a place to keep things between steps:
        `self.state`, a dictionary with an entry for each parameter, which is empty the first time. Put your buffers
        into it then, and find them there the next time. A local variable is gone when the function returns.
    """,
    source="MISCONCEPTIONS 78",
)

MyAdamW.mistake(
    "parameters never move",
    edits=[
        ('p.mul_(1 - lr * group["weight_decay"])', 'p = p * (1 - lr * group["weight_decay"])'),
        ('p.sub_(lr * m_hat / (v_hat.sqrt() + group["eps"]))', 'p = p - lr * m_hat / (v_hat.sqrt() + group["eps"])'),
    ],
    core=True,
    hint="""
        Your formula is right, but nothing moves. A line of the form “p = ...” makes a new tensor and gives it the name
        p inside of your function. The tensor that the network holds is another object and stays as it was; when the
        function returns, the new one is thrown away. An optimizer has to write into the tensor that it was given. In
        torch the methods whose names end in an underscore do this, such as `add_`, `mul_` and `copy_`, and they have to
        be called where no gradient is recorded, as in the frame you were given.
    """,
    source="MISCONCEPTIONS 74",
)

MyAdamW.mistake(
    "a missing gradient is not expected",
    edits=[("                if p.grad is None:\n                    continue\n", "")],
    hint="""
        Your step assumes that every parameter has a gradient. But `p.grad` is None until something has flowed back to
        this parameter: a layer that was not used in this batch, a part of the network that is frozen, a bias that was
        switched off. Since `zero_grad` sets the gradients to None by default, this is a common state. Then your
        arithmetic stops with an error. A parameter without a gradient has nothing to learn in this step: it should stay
        as it is, without decay, and its buffers and its count of steps should stay as well.
    """,
    source="MISCONCEPTIONS 109",
)

MyAdamW.mistake(
    "a missing gradient counts as zero",
    edits=[
        ("                if p.grad is None:\n                    continue\n", ""),
        ("g = p.grad\n", "g = torch.zeros_like(p) if p.grad is None else p.grad\n"),
    ],
    hint="""
        You treat a parameter without a gradient as if its gradient were zero. Then it goes on moving: its momentum from
        earlier steps carries it on, the decay shrinks it, and its count of steps goes up, although the loss said
        nothing about it. A frozen layer would slowly shrink to zero in this way. None and zero are two different
        messages. Zero says “the loss does not change in this direction”; None says “this parameter took no part”. In
        the second case the optimizer should not touch the parameter, nor what it remembers about it.
    """,
    source="own",
)

MyAdamW.mistake(
    "the count goes up for each parameter",
    edits=[
        ("super().__init__(params, defaults)", "super().__init__(params, defaults)\n        self.t = 0"),
        ('                state["t"] += 1\n', "                self.t += 1\n"),
        ('t, m, v = state["t"], ', "t, m, v = self.t, "),
    ],
    core=True,
    hint="""
        You keep one counter for the whole optimizer and increase it for each parameter. With two parameters it goes up
        by two in every step, so the second parameter believes in its first step that it is in the second one, and its
        correction is wrong: its first step is too short, about 0.74 of lr. With a single parameter everything looks
        right, so test with two. In torch each parameter has its own count, kept in `self.state` together with its
        buffers. Then a parameter that joins later starts from 1, as it should, because its buffers start from zero.
    """,
    source="MISCONCEPTIONS 53",
)

MyAdamW.mistake(
    "one count for all parameters",
    edits=[
        ("super().__init__(params, defaults)", "super().__init__(params, defaults)\n        self.t = 0"),
        ("        for group in self.param_groups:\n", "        self.t += 1\n        for group in self.param_groups:\n"),
        ('                state["t"] += 1\n', ""),
        ('t, m, v = state["t"], ', "t, m, v = self.t, "),
    ],
    hint="""
        You count the calls of step in one number for the whole optimizer. As long as every parameter has a gradient in
        every step this is right. But a parameter can join later, for instance when a layer is unfrozen: its buffers
        start from zero then, and your counter says that many steps have gone by, so nothing is corrected and its first
        steps are too long. Also the counter is not in `state_dict`, so it starts again at zero when training is
        continued from a file. Keep the count in the same place as m and v, one for each parameter.
    """,
    source="own",
)

MyAdamW.mistake(
    "buffers outside of self.state",
    edits=[
        ("super().__init__(params, defaults)", "super().__init__(params, defaults)\n        self.memory = {}"),
        ("state = self.state[p]", "state = self.memory.setdefault(p, {})"),
    ],
    hint="""
        You keep the buffers in a dictionary of your own. In one run that works. But people save an optimizer together
        with its network and go on the next day: `state_dict` collects what is in `self.state` and in the groups, and
        `load_state_dict` puts it back. It knows nothing of your dictionary. So after loading, m, v and the count start
        at zero again, and the first steps after each pause have the wrong length; the loss jumps up, and nobody knows
        why. The base class has a dictionary for exactly this purpose, with an entry for each parameter.
    """,
    source="COURSE A3, capstone",
)

MyAdamW.mistake(
    "closure is never called",
    edits=[
        (
            "        if closure is not None:\n            with torch.enable_grad():\n                loss = closure()\n",
            "",
        )
    ],
    core=True,
    hint="""
        Your step accepts a closure and does not use it. A closure is a function without arguments that clears the
        gradients, computes the loss, calls backward and returns the loss. Some training loops hand it to `step` and
        rely on it: without the call there are no gradients, so nothing moves, and no error appears. Optimizers that
        need the loss several times in one step cannot work without it, and so the interface has it for all of them. If
        there is one, call it first, with gradients switched on, and return at the end what it gave you.
    """,
    source="COURSE A3, capstone",
)

MyAdamW.mistake(
    "closure without gradients",
    edits=[
        ("            with torch.enable_grad():\n                loss = closure()\n", "            loss = closure()\n")
    ],
    core=True,
    hint="""
        You call the closure while gradients are switched off. Updates of parameters must not be recorded, so `step`
        runs under `no_grad`; but the closure computes the loss and calls backward, and for this recording has to be on.
        Under `no_grad` the loss has no history, and backward stops with “element 0 of tensors does not require grad”.
        So inside your step there are two kinds of work: the closure needs gradients, the update must not have any.
        torch has a context that switches recording on again for a few lines, the opposite of no_grad.
    """,
    source="torch.optim's own examples",
)

MyAdamW.mistake(
    "gradients cleared in step",
    edits=[('(v_hat.sqrt() + group["eps"]))\n', '(v_hat.sqrt() + group["eps"]))\n                p.grad.zero_()\n')],
    core=True,
    hint="""
        After the update you set the gradients to zero. It seems helpful, because one can forget `zero_grad`, but it is
        not the optimizer's business inside of step. The caller may want to look at the gradients afterwards, to plot
        their size for example, and would only see zeros. torch keeps the two things apart on purpose: backward adds to
        the gradients, `step` reads them, and `zero_grad` clears them when the caller says so. The base class has
        `zero_grad` already, so there is nothing to write for it. Let your step read the gradients and nothing more.
    """,
    source="own",
)

MyAdamW.mistake(
    "no decay by default",
    edits=[("weight_decay=0.01", "weight_decay=0.0")],
    hint="""
        Without an argument for it, your optimizer uses no weight decay. That is the default of Adam. AdamW in torch
        decays by default, with weight_decay = 0.01, and the signature in the statement says the same. Default values
        are a part of what a function promises: most people never pass this argument, so the default is what they train
        with. It is also a common reason why two frameworks give different results for “the same” optimizer. Compare
        your first line with the signature in the statement, value by value; the formulas below it are fine.
    """,
    source="own",
)
