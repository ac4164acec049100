"""Warm-up: is everything installed, and does handing in work?"""
