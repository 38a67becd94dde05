"""Measurements behind ``waqtor bench``: each prints one JSON object, the peer measured in the same run."""
