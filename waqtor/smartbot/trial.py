"""Rules tried aside from those that serve: built, asked, and measured quickly.

Heavy parts run in a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from waqtor.contracts.views import Trace
from waqtor.kernel.clock import Clock
from waqtor.settings import Settings
from waqtor.smartbot.compiler import RuleCompiler
from waqtor.smartbot.crossfit import Matcher, crossfit
from waqtor.smartbot.encoders import Encoder, Vectors
from waqtor.smartbot.guard import Guard, GuardLimits, MemoryControls, MemoryGuardState
from waqtor.smartbot.pipeline import Pipeline
from waqtor.smartbot.render import Shop
from waqtor.smartbot.requests import Request, encodable
from waqtor.smartbot.rules_io import Loaded
from waqtor.smartbot.ruleset import RuleSet, compile_rules

T = TypeVar("T")
FOLDS = 3
MOST = 1500


class Trial:
    """Tries rules.

    Args:
        settings: Thresholds, shop, where vectors are cached.
        encoder: That of the bot.
        serving: Gives the rules that serve now.
        clock: Wall time.
    """

    def __init__(
        self,
        settings: Settings,
        encoder: Encoder,
        serving: Callable[[], RuleSet],
        clock: Clock,
    ) -> None:
        self.serving = serving
        self.matcher = Matcher(encoder, settings.data_dir / "cache" / "eval")
        self.light = encoder.light
        self.encoder = encoder
        self._settings = settings
        self._clock = clock
        self._compiler = RuleCompiler(
            settings.rules_dir, encoder, settings.data_dir / "cache" / "trial", settings.bot_threshold
        )
        self._worker: ThreadPoolExecutor | None = None
        self._pipeline = Pipeline(
            Guard(GuardLimits(), MemoryGuardState(), MemoryControls()),
            encoder,
            self._vector,
            Shop(settings.shop_name, settings.timezone),
            settings.bot_margin,
        )

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work off the event loop, one piece at a time."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="trial")
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def close(self) -> None:
        """Release the thread."""
        if self._worker is not None:
            self._worker.shutdown(wait=False, cancel_futures=True)
            self._worker = None

    def rule_ids(self) -> frozenset[str]:
        """Ids of the rules that serve."""
        return frozenset(self.serving().rules)

    def build(self, loaded: Loaded) -> RuleSet:
        """Compile and fit rules; blocking."""
        return self._compiler.build(loaded)

    async def test(self, rules: RuleSet, text: str) -> Trace:
        """Return what ``rules`` would answer."""
        request = Request(encodable(text), session=self._settings.session, live=False)
        return await self._pipeline.run(request, rules, self._clock.now_us())

    async def _vector(self, text: str) -> Vectors:
        if self.encoder.light:
            row: Vectors = self.encoder.encode([text])[0]
            return row
        return await self.run(lambda: np.asarray(self.encoder.encode([text])[0], np.float32))

    def accuracies(self, loaded: Loaded) -> tuple[float | None, float | None]:
        """Return the cross-fitted accuracy of the rules' examples: of those that serve, and of the loaded; blocking."""
        return self._accuracy(self.serving()), self._accuracy(compile_rules(loaded, self._settings.bot_threshold))

    def _accuracy(self, rules: RuleSet) -> float | None:
        judged = crossfit(rules, self.matcher, folds=FOLDS, most=MOST)
        inside = np.array([kind == "in" for kind in judged.kind], bool)
        return round(float(judged.right[inside].mean()), 4) if inside.any() else None
