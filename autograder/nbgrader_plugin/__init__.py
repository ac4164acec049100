"""All that touches nbgrader's private side: what `nbgrader_config.py` plugs in, and what reads the gradebook."""
