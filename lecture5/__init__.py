"""Lecture 5, components of deep learning: the notebooks, and what they share.

theory    the formulas that the figures draw over the experiments
figures   one look for every figure, and alt text made from the numbers plotted
checks    the measured number beside its theory, asserted on the page
polls     multiple-choice questions that need no network and no JavaScript
"""
