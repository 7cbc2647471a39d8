"""Programs on hosts, led step by step; here the hosts are processes of this machine."""

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from provision.errors import HostUnreachable
from provision.model.actions import DockerOperation, Ref, Step
from provision.model.probes import Answer
from provision.model.session import Pipe
from provision.verify import crew as crew_module
from provision.verify.crew import Crew, program

needs_perl = pytest.mark.skipif(shutil.which("perl") is None, reason="this machine has no perl")


@dataclass
class Scripted:
    """A pipe whose host says these lines whenever it is written to."""

    answers: list[list[str]]
    heard: list[str] = field(default_factory=list)
    closed: bool = False
    _lines: list[str] = field(default_factory=list)

    def send(self, text: str) -> None:
        """Answer with the next lines."""
        if self.closed:
            raise HostUnreachable("gone")
        self.heard.append(text)
        if len(self.heard) > 1:  # the first is the program itself
            self._lines += self.answers.pop(0) if self.answers else []

    def readline(self, timeout: float) -> str | None:  # noqa: ARG002 - the protocol's
        """The next of them; then silence, or the end."""
        if not self._lines:
            if self.answers:
                raise EOFError("ended")
            return None  # silence
        return self._lines.pop(0)

    def complaint(self) -> str:
        """Nothing on stderr."""
        return ""

    def close(self) -> None:
        """Hang up."""
        self.closed = True


@dataclass
class Host:
    """A session that can only be talked with."""

    pipe: Scripted | None
    host: str = "h"

    def open(self, words: Sequence[str], *, sudo: bool = True) -> Pipe:
        """The scripted pipe."""
        assert words[0] == "sh"
        assert sudo
        if self.pipe is None:
            raise HostUnreachable("no way")
        return self.pipe

    def ask(self, script: str, *, timeout: float = 30.0, sudo: bool = True) -> Answer:
        """Not here."""
        raise NotImplementedError

    def do(
        self,
        step: Step,
        values: Mapping[Ref, str],
        *,
        progress: Callable[[str], None] | None = None,
    ) -> Answer:
        """Not here."""
        raise NotImplementedError

    def docker(self, operation: DockerOperation, arguments: Mapping[str, Any]) -> Any:
        """Not here."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to end."""


def test_a_step_ends_for_each_host_with_its_word() -> None:
    """Lines before the word are what was said."""
    hosts = {"a": Host(Scripted([["x 1", "READY"]])), "b": Host(Scripted([["READY"]]))}
    with Crew() as crew:
        crew.start(hosts, "underlay", deadline=5)

        said = crew.step({"a": ("ready",), "b": ("ready",)}, "READY", timeout=1)

    assert said == {"a": ("x 1",), "b": ()}
    assert all(h.pipe is not None and h.pipe.closed for h in hosts.values())


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (Host(None), "no way"),
        (Host(Scripted([["LOST perl is not installed"]])), "perl is not installed"),
        (Host(Scripted([["x"]])), "it did not answer in time"),
        (Host(Scripted([["x"], ["y"]])), "ended"),
    ],
)
def test_a_lost_host_has_a_reason_and_costs_the_others_nothing(host: Host, why: str) -> None:
    """The step goes on without it, and so do later ones."""
    well = Host(Scripted([["READY"], ["DONE"]]))
    with Crew() as crew:
        crew.start({"well": well, "ill": host}, "underlay", deadline=5)
        ready = crew.step({"well": ("ready",), "ill": ("ready",)}, "READY", timeout=0)
        done = crew.step({"well": ("go",), "ill": ("go",)}, "DONE", timeout=0)

    assert crew.lost["ill"] == why
    assert (ready, done) == ({"well": ()}, {"well": ()})


@needs_perl
@pytest.mark.parametrize("name", ["underlay", "prober"])
def test_programs_compile(name: str) -> None:
    """Perl finds no fault in them, not even a warning."""
    done = subprocess.run(
        ["perl", "-c"], input=program(name), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.strip()) == (0, "- syntax OK")


@needs_perl
@pytest.mark.parametrize("name", ["underlay", "prober"])
def test_programs_need_perl_base_only(name: str) -> None:
    """Bare hosts have no other modules: what is used is of perl-base."""
    used = {
        line.split()[1].strip(";") for line in program(name).splitlines() if line.startswith("use ")
    }

    assert used <= {"strict", "warnings", "Socket", "Fcntl", "Errno", "POSIX"}


@needs_perl
def test_the_loader_leaves_the_rest_of_the_pipe_to_the_program() -> None:
    """What follows the program's text in the pipe is its first line; its end ends it."""
    text = 'my $n = sysread STDIN, my $line, 99; print "got $line"; exit 7'
    words = ["sh", "-c", crew_module._SHELL, crew_module._LOADER, str(len(text))]
    began = time.monotonic()

    done = subprocess.run(
        words, input=f"{text}hello\n", capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.returncode) == ("got hello\n", 7)
    assert time.monotonic() - began < 5


@needs_perl
def test_a_program_that_dies_says_why() -> None:
    """In one line, as a reason."""
    text = 'die "no luck\\n"'
    words = ["sh", "-c", crew_module._SHELL, crew_module._LOADER, str(len(text))]

    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)

    assert done.stdout == "LOST no luck \n"
