from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from waqtor.contracts.workbench import SaveRuleFile
from waqtor.errors import Conflict, Forbidden, InvalidInput, NotFound, RevisionConflict, RuleFileError
from waqtor.smartbot.service import BotService

NAME = "shop.yaml"


def git(folder: Path, *args: str) -> str:
    line = ["git", "-C", str(folder), "-c", "user.name=Sara", "-c", "user.email=s@e.x", *args]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


async def test_a_file_is_shown_with_its_rules_places(bot: BotService, rules_dir: Path) -> None:
    (listed,) = await bot.files.listed()
    view = await bot.files.get(NAME)
    assert (listed.name, listed.revision, listed.rules) == (NAME, view.revision, len(view.rules))
    lines = view.text.splitlines()
    for span in view.rules:
        assert lines[span.line - 1].strip() == f"- id: {span.id}"
        assert lines[span.end_line - 1].strip()
        assert not lines[span.end_line - 1].strip().startswith("#")
    with pytest.raises(NotFound):
        await bot.files.get("none.yaml")


async def test_issues_stand_at_their_line_while_editing(bot: BotService, rules_dir: Path) -> None:
    text = (rules_dir / NAME).read_text(encoding="utf-8")
    broken = text.rstrip("\n") + "\n  - id: Bad Id\n    examples: {en: [x]}\n"
    view = await bot.files.checked(NAME, broken)
    line = len(text.rstrip("\n").splitlines()) + 1
    assert [(i.line, i.warning) for i in view.issues if not i.warning] == [(line, False)]
    assert (await bot.files.checked(NAME, "rules: [")).issues
    assert (rules_dir / NAME).read_text(encoding="utf-8") == text


async def test_a_save_writes_exactly_what_was_typed_and_serves(bot: BotService, rules_dir: Path) -> None:
    before = await bot.files.get(NAME)
    text = before.text.replace("rules:\n", "rules:\n  # kept\n", 1)
    text += "  - id: gifts\n    examples: {en: ['do you wrap gifts']}\n    replies: {en: [{text: 'We do.'}]}\n"
    saved = await bot.files.save(SaveRuleFile(name=NAME, text=text, revision=before.revision))
    assert (rules_dir / NAME).read_text(encoding="utf-8") == text == saved.text
    assert saved.live == bot.revision != before.live
    assert (await bot.test("do you wrap gifts")).rule_id == "gifts"
    with pytest.raises(RevisionConflict):
        await bot.files.save(SaveRuleFile(name=NAME, text=before.text, revision=before.revision))


async def test_a_broken_text_changes_nothing(bot: BotService, rules_dir: Path) -> None:
    before = await bot.files.get(NAME)
    with pytest.raises(RuleFileError) as caught:
        await bot.files.save(SaveRuleFile(name=NAME, text=before.text + "  - id: x\n    nonsense: 1\n"))
    assert caught.value.details["issues"][0]["line"] > 1
    with pytest.raises(InvalidInput):
        await bot.files.save(SaveRuleFile(name="shop.tests.yaml", text="version: 1\ntests: 7\n"))
    assert [p.name for p in rules_dir.iterdir()] == [NAME]
    assert (await bot.files.get(NAME)).revision == before.revision


async def test_a_new_file_and_read_only_rules(bot: BotService, make_settings, rules_dir: Path) -> None:
    with pytest.raises(RevisionConflict):
        await bot.files.save(SaveRuleFile(name="new.yaml", text="version: 1\nrules: []\n", revision="abc"))
    saved = await bot.files.save(SaveRuleFile(name="new.yaml", text="version: 1\r\nrules: []", revision=""))
    assert saved.text == "version: 1\nrules: []\n"
    closed = BotService(make_settings(rules_writable=False))
    with pytest.raises(Forbidden):
        await closed.files.save(SaveRuleFile(name="new.yaml", text="version: 1\nrules: []\n"))
    await closed.stop()


async def test_a_link_out_of_the_folder_is_not_followed(bot: BotService, rules_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (rules_dir / "sub").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidInput):
        await bot.files.save(SaveRuleFile(name="sub/x.yaml", text="version: 1\nrules: []\n"))
    assert not list((tmp_path / "outside").iterdir())


async def test_history_comes_from_git(bot: BotService, rules_dir: Path, monkeypatch) -> None:
    with pytest.raises(Conflict):
        await bot.files.commits(NAME)
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Sara")
        monkeypatch.setenv(f"{name}_EMAIL", "s@e.x")
    git(rules_dir, "init", "-q")
    git(rules_dir, "add", ".")
    git(rules_dir, "commit", "-qm", "Begin")
    view = await bot.files.get(NAME)
    text = view.text + "  - id: gifts\n    examples: {en: ['do you wrap gifts']}\n    replies: {en: [{text: 'Yes.'}]}\n"
    saved = await bot.files.save(
        SaveRuleFile(name=NAME, text=text, revision=view.revision, commit=True, message="Answer about gifts")
    )
    last, first = await bot.files.commits(NAME)
    assert (last.commit, last.subject, last.author) == (saved.commit, "Answer about gifts", "Sara")
    assert first.subject == "Begin"
    assert "+  - id: gifts" in await bot.files.changes(NAME, last.commit)
    assert await bot.files.changes(NAME) == ""
    (rules_dir / NAME).write_text(text + "# more\n", encoding="utf-8")
    assert "+# more" in await bot.files.changes(NAME)
    with pytest.raises(Conflict):
        await bot.files.save(SaveRuleFile(name=NAME, text=text + "# other\n", commit=True))
    with pytest.raises(InvalidInput):
        await bot.files.changes(NAME, "nowhere")
