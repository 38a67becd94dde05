"""The workbench of the engine in memory."""

from __future__ import annotations

from typing import Any

from waqtor.contracts import workbench
from waqtor.contracts.ids import new_ulid
from waqtor.contracts.views import Trace
from waqtor.contracts.wire import iso
from waqtor.errors import NotFound


class FakeTries:
    """Tries of a bot that never answers, and a folder with one file."""

    async def tried(self, texts, source=None) -> list[workbench.TriedMessage]:
        return [workbench.TriedMessage(text=text, language="en", decision="silent") for text in texts]

    async def explained(self, text: str, before=None) -> workbench.Explanation:
        trace = Trace(trace_id=new_ulid(), text=text, language="en", decision="silent", reason="nothing matches")
        return workbench.Explanation(trace=trace, before=trace if before else None)

    async def cases(self, source=None) -> workbench.CasesReport:
        return workbench.CasesReport(total=2, failed=0, revision="r1")


class FakeFiles:
    async def listed(self) -> list[workbench.RuleFileInfo]:
        return [workbench.RuleFileInfo(name="custom.yaml", revision="f1")]

    async def get(self, name: str) -> workbench.RuleFileView:
        if name != "custom.yaml":
            raise NotFound("There is no such file.")
        return workbench.RuleFileView(name=name, text="version: 1\n", revision="f1")

    async def checked(self, name: str, text: str) -> workbench.RuleFileView:
        return workbench.RuleFileView(name=name, text=text, revision="f2")

    async def commits(self, name: str, limit: int = 50) -> list[workbench.RuleCommit]:
        return [workbench.RuleCommit(commit="abc", author="S", created=iso(0), subject="Begin")]

    async def changes(self, name: str, ref: str = "") -> str:
        return "+version: 1\n"


class FakeReplays:
    def __init__(self) -> None:
        self.held: list[workbench.ReplayView] = []

    def listed(self) -> list[workbench.ReplayView]:
        return self.held

    def get(self, replay_id: str) -> workbench.ReplayView:
        for view in self.held:
            if view.id == replay_id:
                return view
        raise NotFound("There is no such replay.")

    def changes(self, replay_id: str, **query: Any) -> list[workbench.ReplayChange]:
        self.get(replay_id)
        side = workbench.ReplaySide(decision="silent")
        rows = [
            workbench.ReplayChange(
                number=n, message_id=f"m{n}", at=iso(0), text="hi", language="en", kind="gained", before=side,
                after=workbench.ReplaySide(decision="answer", rule_id="hours", confidence=0.9, reply="At nine."),
            )
            for n in range(query["after"] + 1, 4)
        ]  # fmt: skip
        return rows[: query["limit"]]
