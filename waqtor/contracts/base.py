"""The base of all contract models: frozen, and strict for whoever writes them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen value that forbids unknown fields (writers are strict; readers take plain dicts)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, ser_json_inf_nan="null")
