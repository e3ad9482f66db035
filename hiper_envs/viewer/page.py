"""The page: templates, styles and scripts put together into one file that needs nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from hiper_envs.milestones import Agreement, measure_record
from hiper_envs.viewer.packing import Source, encode_for_script, pack_source
from hiper_envs.whole_file import write_whole

TEMPLATE_FOLDER = Path(__file__).parent / "templates"
STYLES = ("page.css", "episodes.css")
SCRIPTS = ("packed.js", "episode.js", "episodes.js")


@dataclass(frozen=True)
class Summary:
    """What the viewer's table says about a source; None where there is nothing to say it of."""

    source: Source
    num_crashes: int
    success: float | None
    score: float | None
    turns: float | None
    segments: float | None
    ill_formed: float | None
    cut_off: float | None
    agreement: Agreement


def write_viewer(sources: Sequence[Source], path: str | Path) -> Path:
    """Write the page of `render_viewer` to a file, with its folders, and return the file's path.

    Raises:
        OSError: It cannot be written; an older page stays as it was.
    """
    return write_whole(path, render_viewer(sources))


def render_viewer(sources: Sequence[Source]) -> str:
    """Return a page that lists, searches and shows episodes, and sets two agents' side by side.

    Args:
        sources: Episodes of any agents in any worlds.

    Returns:
        HTML that loads nothing; the same bytes for the same episodes.
    """
    summaries = [summarise_source(source) for source in sources]
    return render_page(
        "viewer.html",
        sources,
        summaries=summaries,
        worlds=list(dict.fromkeys(source.world for source in sources)),
        has_cut_offs=any(summary.cut_off for summary in summaries),
        has_milestones=any(episode.milestones for source in sources for episode in source.episodes),
    )


def render_page(
    template: str,
    sources: Sequence[Source],
    *,
    folder: Path | None = None,
    css: str = "",
    filters: Mapping[str, Any] | None = None,
    **values: Any,
) -> str:
    """Return a page around the episodes.

    Args:
        template: A template that extends `page.html` and includes `episodes.html`.
        sources: The episodes for `episodes.html`.
        folder: Where the template lies, if not with the viewer's own.
        css: Further styles.
        filters: Further filters for the template.
        values: What else the template needs.
    """
    folders = [TEMPLATE_FOLDER] if folder is None else [folder, TEMPLATE_FOLDER]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(filters or {})
    return environment.get_template(template).render(
        data=encode_for_script({"runs": [pack_source(source) for source in sources]}),
        css="\n".join([*map(_read_template, STYLES), css]),
        js="\n".join(map(_read_template, SCRIPTS)),
        **values,
    )


def summarise_source(source: Source) -> Summary:
    """Return the means of a source's episodes, without those that failed around the agent."""
    episodes = [episode for episode in source.episodes if not episode.failed_around]
    num_turns = sum(episode.num_turns for episode in episodes)
    return Summary(
        source=source,
        num_crashes=sum(episode.error is not None for episode in episodes),
        success=_share(100.0 * sum(episode.success for episode in episodes), len(episodes)),
        score=_share(100.0 * sum(episode.score for episode in episodes), len(episodes)),
        turns=_share(num_turns, len(episodes)),
        segments=_share(sum(len(episode.segments) for episode in episodes), len(episodes)),
        ill_formed=_share(100.0 * sum(turn.is_ill_formed for one in episodes for turn in one.turns), num_turns),
        cut_off=_share(100.0 * sum(turn.is_cut_off for one in episodes for turn in one.turns), num_turns),
        agreement=sum(map(measure_record, episodes), Agreement(0, 0, 0)),
    )


def _share(total: float, count: int) -> float | None:
    return total / count if count else None


def _read_template(name: str) -> str:
    return (TEMPLATE_FOLDER / name).read_text(encoding="utf-8")
