"""Data frames to Plotly figures, shared by the dashboard and the notebooks."""

from __future__ import annotations

from waqtor.plots.accuracy import accuracy_by_language, confusion_map, reliability, risk_coverage, threshold_sweep
from waqtor.plots.figures import confidences, heat_map, languages, top_rules, traffic
from waqtor.plots.learning import suggestions
from waqtor.plots.metrics import metric_lines
from waqtor.plots.outcomes import answer_rate, decisions
from waqtor.plots.webhooks import attempts_by_event, attempts_by_hour

__all__ = [
    "accuracy_by_language",
    "answer_rate",
    "attempts_by_event",
    "attempts_by_hour",
    "confidences",
    "confusion_map",
    "decisions",
    "heat_map",
    "languages",
    "metric_lines",
    "reliability",
    "risk_coverage",
    "suggestions",
    "threshold_sweep",
    "top_rules",
    "traffic",
]
