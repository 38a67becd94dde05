"""Data frames to Plotly figures, shared by the dashboard and the notebooks."""

from __future__ import annotations

from waqtor.plots.figures import confidences, heat_map, languages, top_rules, traffic

__all__ = ["confidences", "heat_map", "languages", "top_rules", "traffic"]
