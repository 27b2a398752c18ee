"""What a person is told of a process that ended."""

from pathlib import Path

from local import process


class TestEnded:
    def test_it_names_the_signal_or_the_code(self):
        assert process.ended(-9) == "was ended by SIGKILL"
        assert process.ended(2) == "ended with code 2"


class TestLastLines:
    def test_a_structured_line_is_unfolded_with_its_traceback(self, tmp_path: Path):
        log = tmp_path / "leads.log"
        log.write_text(
            "plain words\n"
            '{"time": "t", "level": "error", "event": "background_crashed", "service": "leads",'
            ' "task": "closer", "exception": "Traceback\\n  ValueError: no"}\n'
        )

        said = process.last_lines(log)

        assert said == (
            "plain words\nerror background_crashed task=closer\nTraceback\n  ValueError: no"
        )

    def test_only_the_end_is_told(self, tmp_path: Path):
        log = tmp_path / "leads.log"
        log.write_text("\n".join(str(n) for n in range(100)))

        assert process.last_lines(log, count=2) == "98\n99"

    def test_a_log_that_is_not_there_is_said_so(self, tmp_path: Path):
        assert process.last_lines(tmp_path / "none.log") == "(no log)"
