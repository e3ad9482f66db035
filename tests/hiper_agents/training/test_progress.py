"""What a training run says of itself where there is no screen."""

from io import StringIO

from rich.console import Console

from hiper_agents.training.progress import ProgressBar


def run(patience: float, is_screen: bool) -> str:
    file = StringIO()
    with ProgressBar(Console(file=file, force_terminal=is_screen, width=80), patience) as bar:
        bar.start("play", 3)
        for _ in range(3):
            bar.advance()
        bar.report({"step": "1 of 2", "success": 0.5})
        bar.start("learn", 2)
        bar.advance()
    return file.getvalue()


def test_a_file_gets_a_line_now_and_then() -> None:
    lines = ["play: 1 of 3", "play: 2 of 3", "play: 3 of 3", "step 1 of 2  success 0.500", "learn: 1 of 2"]
    assert run(0.0, False).splitlines() == lines
    assert run(60.0, False).splitlines() == ["step 1 of 2  success 0.500"]


def test_a_screen_has_a_bar_instead() -> None:
    assert "play: 1 of 3" not in run(0.0, True)
