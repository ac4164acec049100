"""Hints for mistakes that are the same mistake in every step function."""

from __future__ import annotations

UPHILL = """
    Your step has the right size and the wrong direction: it walks uphill. The gradient points to where the loss grows
    fastest, and you want it to shrink, so the step must be taken against the gradient. The lecture slide about the
    learning rate has a plus sign here, and that is a slip of the slide. Try it on the loss w²/2, whose gradient is w
    itself: from w = 1 a good step brings you closer to 0, and yours takes you away from it. A loss that explodes from
    the very first steps, at any learning rate, is often just this sign. Look at the line where the new w is made.
"""

W_IN_PLACE = """
    Your numbers are right, but after the call the caller's w has changed too. An operator such as minus-equals writes
    into the array that is already there, and this array belongs to the caller; np.asarray does not copy it. In this
    notebook a step is a pure function: it looks at the old w and returns a new one. Then the caller can keep the old w,
    compare the two, or take the step back if the loss went up. A test that looks only at the returned numbers never
    notices, so such mistakes live long. Write the last line as an ordinary expression that makes a new array, and print
    the w that you passed in before and after the call.
"""

G_CHANGED = """
    Your new w is right, but the gradient that you were given is not the same after the call. Somewhere you write into
    its array, with an operator such as times-equals or plus-equals, or with an out= argument. The gradient belongs to
    the caller, who may still want its norm for a plot, clip it, or give it to a second optimizer to compare. Many
    public test suites look only at the returned weights and miss this. Make a new array for whatever you compute from g
    and give it a name of its own. Then print g before and after a call: the two must be the same, digit for digit.
"""

STATE_IN_PLACE = """
    Your numbers are right as long as every state is used once. But you write into the old state instead of making a new
    one. Whoever kept the old state, to go back to it, finds that it has moved on. Imagine a line search: from one point
    you try a step, do not like it, and try another step from the same w and the same state. With your function the
    second try starts from the memory of the first. A constant gradient hides this, so test with different ones: keep a
    state, use it twice with two gradients, then use it a third time with the first gradient again. The first and the
    third result must agree. Compute the new memory as a new array and put it into a new container.
"""

FLOAT32_LOST = """
    The values are right, but float32 goes in and float64 comes out. Somewhere on the way an array of float64 joined in,
    for instance from np.zeros without a dtype, or from a conversion at the start, and numpy keeps the wider of two
    array types. For a network this doubles the memory of the weights without a warning, and the next layer may refuse
    to multiply float64 weights with float32 inputs. The rule of the notebook is that w_new has the dtype of w. Plain
    Python numbers do no harm, they take the type of the array beside them. Print the dtype of each array in your
    function for a float32 input, and find the one which is wider.
"""

ONE_MEMORY_FOR_ALL = """
    With one parameter your numbers are right. With two parameters that are stepped in turn they are wrong, because both
    use the same memory: you keep something outside the state, in a global variable, an attribute of the function or a
    default argument. A network has many parameters, a weight matrix and a bias for each layer, and each of them needs a
    past of its own. That is why the state is handed to you and returned by you: all that the next step of this
    parameter must know belongs into it, the number of steps too. Test with two parameters in turn, then with each
    alone. Both ways must give the same numbers.
"""
