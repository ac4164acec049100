"""`random_label_report(fit, X, y, X_test, y_test, rng)`: the same model on true and on random labels. A bonus exercise."""

import numpy as np

from exercises.bank import Exercise
from exercises.digits import digits
from exercises.observation import probe


def _random_label_report(fit, X, y, X_test, y_test, rng):
    def error(W, images, labels):
        wrong = 0
        for image, label in zip(images, labels, strict=True):
            wrong += int(np.argmax(image @ W) != label)
        return wrong / len(labels)

    labels = rng.permutation(y)
    W_true, epochs_true = fit(X, y)
    W_random, epochs_random = fit(X, labels)
    return {
        "labels": labels,
        "epochs_true": epochs_true,
        "epochs_random": epochs_random,
        "train_error_true": error(W_true, X, y),
        "train_error_random": error(W_random, X, labels),
        "test_error_true": error(W_true, X_test, y_test),
        "test_error_random": error(W_random, X_test, y_test),
    }


# Other right ways -----------------------------------------------------------------------------------------------------


def _two_rounds(fit, X, y, X_test, y_test, rng):
    shuffled = np.array(y)
    rng.shuffle(shuffled)
    report = {"labels": shuffled}
    for name, labels in (("true", np.asarray(y)), ("random", shuffled)):
        W, report[f"epochs_{name}"] = fit(X, labels)
        report[f"train_error_{name}"] = np.mean((X @ W).argmax(axis=1) != labels)
        report[f"test_error_{name}"] = np.mean((X_test @ W).argmax(axis=1) != y_test)
    return report


def _order_of_random_numbers(fit, X, y, X_test, y_test, rng):
    labels = y[np.argsort(rng.random(len(y)))]
    random_fit, true_fit = fit(X, labels), fit(X, y)

    def share_wrong(weights, images, wanted):
        return 1 - float(np.count_nonzero(np.argmax(weights.T @ images.T, axis=0) == wanted)) / len(wanted)

    return {
        "labels": labels,
        "epochs_true": true_fit[1],
        "epochs_random": random_fit[1],
        "train_error_true": share_wrong(true_fit[0], X, y),
        "train_error_random": share_wrong(random_fit[0], X, labels),
        "test_error_true": share_wrong(true_fit[0], X_test, y_test),
        "test_error_random": share_wrong(random_fit[0], X_test, y_test),
    }


random_label_report = Exercise(
    reference=_random_label_report,
    accepted={
        "two rounds of one loop": _two_rounds,
        "order of random numbers": _order_of_random_numbers,
    },
    banned=("sklearn", "torch.optim", "torch.nn"),
    bonus=True,
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


NUMBERS = (
    "epochs_true", "epochs_random", "train_error_true", "train_error_random", "test_error_true", "test_error_random",
)  # fmt: skip


def _fit(X, labels, max_epochs=5000):
    """The notebook's `fit`: softmax regression by full-batch gradient descent, until no label is wrong."""
    import numpy as np

    targets = np.eye(10)[labels]
    W = np.zeros((X.shape[1], 10))
    for epoch in range(max_epochs):
        scores = X @ W
        if np.all(np.argmax(scores, axis=1) == labels):
            return W, epoch
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        W = W - 5.0 * X.T @ (p - targets) / len(X)
    return W, max_epochs


def _experiment(answer, X, y, X_test, y_test, runs):
    """For each run (seed, max_epochs): the report with the notebook's fit, in this process. And what is left of the inputs."""
    import numpy as np

    given = X, y, X_test, y_test
    before = [array.copy() for array in given]
    reports = []
    for seed, max_epochs in runs:

        def fit(X, labels, max_epochs=max_epochs):
            labels = np.asarray(labels)
            targets = np.eye(10)[labels]
            W = np.zeros((X.shape[1], 10))
            for epoch in range(max_epochs):
                scores = X @ W
                if np.all(np.argmax(scores, axis=1) == labels):
                    return W, epoch
                p = np.exp(scores - scores.max(axis=1, keepdims=True))
                p /= p.sum(axis=1, keepdims=True)
                W = W - 5.0 * X.T @ (p - targets) / len(X)
            return W, max_epochs

        report = answer(fit, *given, np.random.default_rng(seed))
        reports.append({key: np.asarray(value) for key, value in report.items()})
    return [reports, [bool(np.array_equal(now, then)) for now, then in zip(given, before, strict=True)]]


def _subset(rng):
    """50 digits to learn, fewer than the 64 pixels of each, so that any labels can be fitted, and 200 to test."""
    X, y = digits()
    chosen = rng.permutation(len(X))[:250]
    return X[chosen[:50]], y[chosen[:50]], X[chosen[50:]], y[chosen[50:]]


def _reports(f, rng, runs):
    X, y, X_test, y_test = _subset(rng)
    seed = int(rng.integers(2**30))
    inputs = {"X": X, "y": y, "X_test": X_test, "y_test": y_test}
    reports, untouched = probe(_experiment, f, **inputs, runs=[(seed + extra, epochs) for extra, epochs in runs])
    return tuple(inputs.values()), reports, untouched


@random_label_report.check(
    "the labels are the old ones in a random order that comes from rng",
    points=0.5,
    hint="Shuffle the labels alone, with rng, into a new array; X and y stay as they were.",
)
def _random_labels(f, rng):
    """The labels are the old ones in a random order.

    A random order keeps about one label in ten; more than 30 of 50 has probability below 1e-14, and two orders that agree
    in more than 45 places below 1e-30.
    """
    (_, y, _, _), reports, untouched = _reports(f, rng, runs=[(0, 1), (0, 1), (1, 1)])  # the labels need no training
    labels = [np.asarray(report["labels"]).astype(np.int64) for report in reports]
    return {
        "counts of each class": np.bincount(labels[0], minlength=10) - np.bincount(y, minlength=10),
        "mostly other labels": [bool(np.mean(one == y) < 0.6) for one in labels],
        "same seed, same labels": bool(np.array_equal(labels[0], labels[1])),
        "other seed, other labels": bool(np.mean(labels[0] == labels[2]) < 0.9),
        "inputs as they were": untouched,
    }


@random_label_report.check(
    "every number is the one that the grader computes from your labels",
    points=1.0,
    hint="For each error ask: which weights, which images, which labels, and divided by what?",
)
def _recomputed(f, rng):
    """Each reported number minus the one that the grader computes from the reported labels.

    One training to the end, and six of a single epoch: cheap, and no wrong number can be right by luck in all of them.
    """
    runs = [(0, 5000), *((extra, 1) for extra in range(1, 7))]
    (X, y, X_test, y_test), reports, _ = _reports(f, rng, runs)
    off = []
    for report, (_, max_epochs) in zip(reports, runs, strict=True):
        for name, used in (("true", y), ("random", np.asarray(report["labels"]).astype(np.int64))):
            W, epochs = _fit(X, used, max_epochs)
            off += [
                float(report[f"epochs_{name}"]) - epochs,
                float(report[f"train_error_{name}"]) - np.mean(np.argmax(X @ W, axis=1) != used),
                float(report[f"test_error_{name}"]) - np.mean(np.argmax(X_test @ W, axis=1) != y_test),
            ]
    return np.array(off)


@random_label_report.check(
    "what the numbers say: both are memorised, one generalises",
    points=0.5,
    hint="Both training errors should be 0, and one of the test errors near that of guessing.",
)
def _conclusion(f, rng):
    """What the numbers say, as orderings.

    Over 300 random subsets the test error is 0.20 ± 0.045 with true labels and 0.90 ± 0.041 with random ones, and the log of
    the ratio of epochs is 1.93 ± 0.36. The bounds are 7, 8 and 6 of these standard deviations away: false alarms <= 1e-9.
    """
    _, (report,), _ = _reports(f, rng, runs=[(0, 5000)])
    value = {name: float(report[name]) for name in NUMBERS}
    return {
        "no training error with true labels": value["train_error_true"] == 0,
        "no training error with random labels": value["train_error_random"] == 0,
        "random labels take longer": value["epochs_random"] > 0.8 * value["epochs_true"] > 0,
        "useless on new images": 0.55 < value["test_error_random"] <= 1,
        "useful with true labels": 0 < value["test_error_true"] < 0.55,
    }


# Wrong answers, as students write them --------------------------------------------------------------------------------


random_label_report.mistake(
    "images and labels shuffled together",
    edits=[
        (
            "labels = rng.permutation(y)",
            "order = rng.permutation(len(y))\n    X, labels = X[order], y[order]\n    y = labels",
        )
    ],
    core=True,
    hint="""
        You put the images and their labels into a new order, both in the same one. So each image still has its own
        label, nothing is random, and both models learn the same thing: the errors on new images agree, and so does the
        number of epochs. The experiment needs labels that have nothing to do with the images. For that the connection
        must be cut: shuffle the labels and leave the images where they are. Your test error is the clue. With labels
        that mean nothing, nobody can do better than guessing on new images, about nine wrong of ten.
    """,
    source="MISCONCEPTIONS 123",
)

random_label_report.mistake(
    "training error against the true labels",
    edits=[("error(W_random, X, labels)", "error(W_random, X, y)")],
    core=True,
    hint="""
        You compare the predictions of the second model with the true labels of the training images. But it never saw
        them: it was trained on the random ones. The training error asks how well a model fits what it was given, so it
        must be measured with the labels that it was trained on. With them the error is 0, and this is the surprise of
        the experiment: the model has learnt by heart labels that mean nothing at all. With the true labels the error is
        about 0.9, which only says that the random labels were random.
    """,
    source="own",
)

random_label_report.mistake(
    "test error against shuffled labels",
    edits=[("error(W_random, X_test, y_test)", "error(W_random, X_test, rng.permutation(y_test))")],
    hint="""
        For the model with random labels you shuffle the test labels as well. The number hardly changes, since guessing
        is guessing, but it is not the question. The test set is the world: real images with their real labels, the same
        for both models, so that the two test errors can be compared. Only the training labels are random. If you change
        the test in addition, you can no longer tell which of the two changes made the error large. One change at a time
        is the rule of a good experiment. Use y_test as it is.
    """,
    source="own",
)

random_label_report.mistake(
    "test error on the training images",
    edits=[
        ("error(W_random, X_test, y_test)", "error(W_random, X, labels)"),
        ("error(W_true, X_test, y_test)", "error(W_true, X, y)"),
    ],
    core=True,
    hint="""
        Your test errors are computed from the training images, so both of them are 0, and the conclusion would be that
        random labels generalise perfectly. A model that has learnt fifty images by heart can answer for these fifty.
        The test error asks about images that it has never seen: that is X_test with y_test, and nothing of it may be
        used for training. Whenever a test error is exactly 0, be suspicious, and look at which arrays went into it.
    """,
    source="own",
)

random_label_report.mistake(
    "accuracies in place of errors",
    edits=[("!= label", "== label")],
    core=True,
    hint="""
        You report the share of right answers, and the names of the entries say error: the share of wrong ones. Your
        training errors come out as 1, and for a model that was trained until it made no mistake this cannot be. The two
        add up to one, so nothing has to be computed anew. In practice such a mix-up is more dangerous than it looks:
        someone who compares two reports takes the worse model. Read the name of each number aloud before you hand it
        in, and ask what value a perfect model would have.
    """,
    source="own",
)

random_label_report.mistake(
    "percent",
    edits=[("return wrong / len(labels)", "return 100 * wrong / len(labels)")],
    core=True,
    hint="""
        You report errors in percent. The statement asks for shares between 0 and 1: an error of one in four is 0.25 and
        not 25. Percent are fine in a sentence, but in a program they invite trouble, because the next function compares
        them with a share, or multiplies them by a number of images. Guessing among ten classes gives an error near 0.9;
        your number is near 90. Divide the number of wrong answers by the number of images, and stop there.
    """,
    source="own",
)

random_label_report.mistake(
    "number of wrong answers",
    edits=[("return wrong / len(labels)", "return wrong")],
    core=True,
    hint="""
        You report how many answers are wrong. The two sets have different sizes, fifty images for training and more for
        the test, so these counts cannot be compared: eighteen wrong of two hundred is better than ten wrong of fifty.
        The statement asks for the share of wrong answers, a number between 0 and 1. Divide by the number of images
        which you looked at, and use the right one for each set. A perfect model has 0, and guessing among ten classes
        gives about 0.9.
    """,
    source="own",
)

random_label_report.mistake(
    "y itself shuffled",
    edits=[("labels = rng.permutation(y)", "labels = y\n    rng.shuffle(labels)")],
    core=True,
    hint="""
        You shuffle y itself, in place. From then on the true labels are gone: your model with true labels is trained on
        the shuffled ones, and so the two models are the same. The array of the caller is spoilt as well, for the next
        experiment. rng.shuffle works on the array that it gets and returns nothing; a second name for the same array is
        no copy. Make the random labels as a new array, and leave y as it was. A method with a similar name does just
        that.
    """,
    source="own",
)

random_label_report.mistake(
    "labels drawn anew",
    edits=[("rng.permutation(y)", "rng.integers(0, 10, size=len(y))")],
    hint="""
        You draw a random digit for each image. That destroys the meaning of the labels, as it should, and Zhang and
        colleagues did it in this way. The statement asks for a random order of the labels that are there. The
        difference is small but useful: the number of images of each class stays the same, so the two training sets
        differ in one thing only, in which image has which label. If something changes then, this must be the reason.
        Use a random permutation of y.
    """,
    source="Zhang et al. 2017 draw them anew",
)

random_label_report.mistake(
    "a generator of its own",
    edits=[("rng.permutation(y)", "np.random.default_rng(0).permutation(y)")],
    hint="""
        You make your own generator with a fixed seed, so the random labels are always the same, whatever the caller
        hands in as rng. It makes your experiment repeatable, but only once: nobody can run it again with other random
        labels, to see whether the result was luck. With rng both are possible: the same seed gives the same labels, and
        another seed gives others. The contract at the top of the notebook says that randomness comes only through this
        argument. Draw from it directly.
    """,
    source="common contract",
)

random_label_report.mistake(
    "fresh labels for the training error",
    edits=[("error(W_random, X, labels)", "error(W_random, X, rng.permutation(y))")],
    core=True,
    hint="""
        You shuffle the labels a second time when you compute the training error. The model was trained on one random
        order and is now judged by another one, so of course it fails: the error is about 0.9. Random labels must be
        drawn once, before the training, and then treated as if they were the truth, in training and in the training
        error. The same mistake in a training loop, new labels at each epoch, gives a model that can never fit anything.
        Store the labels in a variable, and use this variable in both places.
    """,
    source="MISCONCEPTIONS 123",
)

random_label_report.mistake(
    "weights exchanged in the test",
    edits=[
        ("error(W_true, X_test, y_test)", "error(W_random, X_test, y_test) + 0.0"),
        ('"test_error_random": error(W_random', '"test_error_random": error(W_true'),
    ],
    core=True,
    hint="""
        The two test errors have changed places. You report that the model with true labels is no better than guessing
        on new images, and that the one with random labels is good. Before you believe a sensational result, look for a
        mix-up: which weights went into which number? Names that differ in one word at the end are easy to exchange when
        lines are copied. A loop over the two cases, with the name of the case in the key, makes the exchange
        impossible.
    """,
    source="own",
)
