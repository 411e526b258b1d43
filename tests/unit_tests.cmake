# One line a test, grouped by layer.
