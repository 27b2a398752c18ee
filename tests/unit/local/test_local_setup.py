"""Set-up: what it does again, what it leaves alone, and how it says no."""

import fcntl
from pathlib import Path

import pytest

from local import setup


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would be run; none is."""
    made: list[list[str]] = []
    monkeypatch.setattr(setup, "_run", lambda arguments, cwd=None: made.append(arguments))
    monkeypatch.setattr(setup.Setup, "_venv_works", lambda self: True)
    return made


@pytest.fixture
def checkout(tmp_path: Path) -> setup.Setup:
    made = setup.Setup(tmp_path / "a checkout")
    made.venv.mkdir(parents=True)
    made.requirements.mkdir()
    for name in ("uv.txt", "local.txt", "dev.txt"):
        (made.requirements / name).write_text(f"{name}==1")
    made.assets.mkdir(parents=True)
    (made.assets / "node_modules").mkdir()
    made.built.mkdir(parents=True)
    for name in ("build.mjs", "package.json", "package-lock.json"):
        (made.assets / name).write_text("{}")
    return made


class TestMake:
    def test_it_installs_only_what_is_locked_with_hashes(self, checkout: setup.Setup, calls):
        checkout.make("run")

        installs = [call for call in calls if "install" in call or "sync" in call]
        assert len(installs) == 2
        assert all("--require-hashes" in call for call in installs)
        assert str(checkout.requirements / "local.txt") in installs[1]

    def test_only_what_runs_is_compiled_before(self, checkout: setup.Setup, calls):
        checkout.make("dev")

        synced = {Path(call[-1]).name: call for call in calls if "sync" in call}
        compiled = {name: "--compile-bytecode" in call for name, call in synced.items()}
        assert compiled == {"local.txt": True, "dev.txt": False}

    def test_it_never_uses_a_console_script(self, checkout: setup.Setup, calls):
        checkout.make("dev")

        assert calls
        assert {call[0] for call in calls} == {str(checkout.python)}

    def test_done_again_it_does_nothing(self, checkout: setup.Setup, calls):
        checkout.make("dev")
        calls.clear()

        checkout.make("dev")

        assert calls == []

    def test_what_was_set_up_for_tests_is_not_taken_back_to_run(self, checkout: setup.Setup, calls):
        checkout.make("dev")
        calls.clear()

        checkout.make("run")

        assert calls == []

    @pytest.mark.parametrize("name", ["uv.txt", "local.txt"])
    def test_a_changed_lock_is_installed(self, checkout: setup.Setup, calls, name: str):
        checkout.make("run")
        calls.clear()

        (checkout.requirements / name).write_text("newer==2")
        checkout.make("run")

        assert any("sync" in call for call in calls)

    def test_a_changed_page_is_bundled_without_fetching_packages(
        self, checkout: setup.Setup, calls
    ):
        checkout.make("run")
        calls.clear()

        (checkout.assets.parent / "page.html").write_text('{{ icon("pencil") }}')
        checkout.make("run")

        assert [call[-1] for call in calls] == [str(checkout.assets / "build.mjs")]

    def test_a_changed_web_lock_is_fetched_and_bundled(self, checkout: setup.Setup, calls):
        checkout.make("run")
        calls.clear()

        (checkout.assets / "package-lock.json").write_text("{ }")
        checkout.make("run")

        assert ["ci" in call for call in calls] == [True, False]


class TestClean:
    def test_it_removes_the_data_and_keeps_the_tools(self, checkout: setup.Setup):
        (checkout.root / ".local" / "data").mkdir(parents=True)

        checkout.clean()

        assert not (checkout.root / ".local").exists()
        assert checkout.venv.exists()

    @pytest.mark.parametrize("home", [".local", ".local/demo"])
    def test_it_refuses_while_the_house_runs(self, checkout: setup.Setup, home: str):
        folder = checkout.root / home
        folder.mkdir(parents=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

            with pytest.raises(SystemExit, match="in use"):
                checkout.clean()

        assert folder.exists()


class TestMain:
    @pytest.mark.parametrize("argv", [[], ["everything"], ["run", "dev"]])
    def test_it_says_how_it_is_used(self, argv: list[str]):
        with pytest.raises(SystemExit, match="usage"):
            setup.main(argv)
