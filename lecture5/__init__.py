"""Lecture 5, components of deep learning: the notebooks, and what they share.

What a notebook imports:

theory    the formulas that the figures draw over the experiments
figures   one look for every figure, and an alt text made from the numbers plotted
checks    a measured number beside its theory, asserted on the page
polls     multiple-choice questions that need no network and no JavaScript

What is run on the notebooks:

contents  the table of notebooks in notebook 00, written from what each says of itself
execute   runs the notebooks and reads off what they show
slides    makes slides of a notebook, in one file that needs no network
"""
