"""The container's files fit together, and give it no right that a box does not need."""

import ctypes
import json
import os
import re
import shlex
import shutil
import struct
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DEVCONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
PROFILE = json.loads((ROOT / ".devcontainer" / "seccomp.json").read_text())
# What bubblewrap and the box's own processes call to make namespaces and to mount in them.
NEEDED = {"clone", "clone3", "unshare", "mount", "umount2", "pivot_root", "seccomp", "prctl"}
NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def instructions(name):
    """The words of each instruction of a kind, with its lines joined."""
    whole = DOCKERFILE.replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in whole.splitlines() if line.startswith(f"{name} ")]


def copied():
    """The files and folders that go into the image."""
    return [
        word for words in instructions("COPY") for word in words[:-1] if not word.startswith("--")
    ]


def reaches_docker(name):
    """Say whether .dockerignore, whose last rule that fits decides, lets a file through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    fitting = [one for one in rules if fnmatch(name, one.lstrip("!").removeprefix("**/"))]
    return not fitting or fitting[-1].startswith("!")


def test_what_is_copied_is_there_and_nothing_else_reaches_the_image():
    assert copied() == ["requirements.lock", "pyproject.toml", "LICENSE", "autograder"]
    assert all((ROOT / name).exists() for name in copied())
    let_through = {path.name for path in ROOT.iterdir() if reaches_docker(path.name)}
    assert let_through == set(copied())


def test_python_and_packages_are_those_of_grading():
    ((image,),) = instructions("FROM")
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert image == f"python:{environment['dependencies'][0].split('=')[1]}-slim-bookworm"
    installs = [words for words in instructions("RUN") if "pip" in words]
    assert any(words[-2:] == ["-r", "requirements.lock"] for words in installs)
    assert any({"--no-deps", "--editable"} <= set(words) for words in installs)


def test_it_runs_as_an_ordinary_user():
    (user,) = instructions("USER")
    created = next(words for words in instructions("RUN") if "useradd" in words)
    assert created[created.index("--uid") + 1] == user[0] != "0"
    assert DEVCONTAINER["remoteUser"] in created
    last = max(DOCKERFILE.rfind("\nUSER"), 0)
    assert "apt-get" not in DOCKERFILE[last:]


def test_the_guide_and_the_devcontainer_give_the_same_rights():
    guide = (ROOT / "docs" / "container.md").read_text()
    options = re.compile(r"--(?:cap-drop|cap-add|security-opt|privileged)\S*")
    named = {word.rstrip("\\") for word in options.findall(guide.split("## What rights")[0])}
    given = {word.replace("${localWorkspaceFolder}/", "") for word in DEVCONTAINER["runArgs"]}
    assert named == given
    assert given == {
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--security-opt=seccomp=.devcontainer/seccomp.json",
        "--security-opt=systempaths=unconfined",
        "--security-opt=apparmor=unconfined",
    }


def test_the_devcontainer_names_what_is_there():
    folder = ROOT / ".devcontainer"
    assert (folder / DEVCONTAINER["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (folder / DEVCONTAINER["build"]["context"]).resolve() == ROOT
    assert instructions("WORKDIR") == [[DEVCONTAINER["workspaceFolder"]]]
    assert f"target={DEVCONTAINER['workspaceFolder']}," in DEVCONTAINER["workspaceMount"]
    assert [str(port) for port in DEVCONTAINER["forwardPorts"]] == instructions("EXPOSE")[0]


def refused():
    (rule,) = PROFILE["syscalls"]
    assert (PROFILE["defaultAction"], rule["action"]) == ("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO")
    return rule["names"]


def test_the_list_of_calls_refuses_much_and_nothing_that_a_box_needs():
    names = refused()
    assert names == sorted(set(names))
    assert not NEEDED & set(names)
    assert {"bpf", "ptrace", "keyctl", "init_module", "kexec_load", "io_uring_setup"} <= set(names)


@pytest.mark.box
@pytest.mark.skipif(not NUMBERS.is_file(), reason="the numbers of system calls are not installed")
@pytest.mark.parametrize(("also", "opens"), [((), True), (("unshare", "clone"), False)])
def test_under_that_list_and_without_capabilities_a_box_opens(also, opens):
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", NUMBERS.read_text()))
    known = [int(numbers[name]) for name in (*refused(), *also) if name in numbers]
    command = [shutil.which("bwrap"), "--unshare-user", "--unshare-pid", "--unshare-net"]
    command += ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"]
    assert (_end_of(command, _filter(known)) == 0) is opens


def _filter(numbers):
    """The program for seccomp(2) that refuses these calls."""
    lines = [(0x20, 0, 0, 0)]
    for number in numbers:
        lines += [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050001)]
    return [*lines, (0x06, 0, 0, 0x7FFF0000)]


def _end_of(command, program):
    """Run a command as the container would; return its exit code."""
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(code, len(code))
    described = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(held))
    libc = ctypes.CDLL(None)
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            libc.prctl(38, 1, 0, 0, 0)  # No new privileges, without which no filter can be set.
            if libc.prctl(22, 2, ctypes.create_string_buffer(described), 0, 0) == 0:
                os.execv(command[0], command)
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
