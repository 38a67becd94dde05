"""Data frames to Plotly figures, shared by the dashboard and the notebooks."""
