"""The Streamlit dashboard. It talks to the sidecar through ``waqtor.client`` and knows nothing of the engine."""
