"""How reports are shown. To add one: write a file here and add a line to `RENDERERS`."""

from provision.renderers import json_report, terminal
from provision.renderers.base import Renderer

RENDERERS: tuple[Renderer, ...] = (
    terminal.RENDERER,
    json_report.RENDERER,
)
