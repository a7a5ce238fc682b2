"""Archives made to hurt: each bad entry is refused by name, and the others are still taken."""

import stat
import struct
import tracemalloc
import zipfile

import pytest

from autograder.errors import AutograderError
from autograder.submissions.intake import archives
from autograder.submissions.intake.archives import read_archive
from autograder.submissions.intake.collecting import Settings, collect
from autograder.submissions.intake.entries import Entry, Refusal, Store

from .conftest import info, notebook, zipped

MIB = 2**20
GOOD = {"ada.ipynb": notebook("ada")}


@pytest.fixture
def read(tmp_path):
    """Return a function that reads an archive's bytes: contents, and reasons, by name."""
    store = Store(tmp_path / "store", notebook_mb=2)
    store.folder.mkdir()

    def run(content, max_total=2**40):
        store.max_total = max_total
        path = tmp_path / "a.zip"
        path.write_bytes(content)
        found = list(read_archive(path, "a.zip", store))
        entries = {one.name: one.path.read_bytes() for one in found if isinstance(one, Entry)}
        return entries, {one.name: one.reason for one in found if isinstance(one, Refusal)}

    run.store = store
    return run


def patched(content, name, offset, form, value, *, local=False):
    """Change a field of an entry's record in the directory, or before its data."""
    signature, length = (b"PK\x03\x04", 30) if local else (b"PK\x01\x02", 46)
    changed = bytearray(content)
    at = changed.find(signature)
    while changed[at + length : at + length + len(name)] != name:
        at = changed.find(signature, at + 1)
        assert at >= 0
    struct.pack_into(form, changed, at + offset, value)
    return bytes(changed)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../up.ipynb", "leads elsewhere"),
        ("a/../../up.ipynb", "leads elsewhere"),
        ("./here.ipynb", "leads elsewhere"),
        ("a//b.ipynb", "leads elsewhere"),
        ("/etc/root.ipynb", "absolute path"),
        ("C:/Windows/x.ipynb", "absolute path"),
        ("c:x.ipynb", "absolute path"),
        ("..\\up.ipynb", "backslash"),
        ("a\x1b[31mred.ipynb", "control characters"),
        ("a\nb.ipynb", "control characters"),
        ("x" * 256 + ".ipynb", "more than 255 bytes"),
        ("é" * 128 + ".ipynb", "more than 255 bytes"),
        ("/".join("x" * 20 for _ in range(60)) + ".ipynb", "characters"),
    ],
)
def test_names_that_lead_elsewhere_or_cannot_be_shown(read, name, reason):
    entries, refused = read(zipped({name: notebook("bad"), **GOOD}))
    assert entries == GOOD
    assert reason in refused[name]


def test_a_name_that_goes_on_after_a_nul(read):
    content = zipped({"good.ipynb.exe.ipynb": notebook("bad"), **GOOD})
    content = content.replace(b"good.ipynb.exe", b"good.ipynb\0exe")
    entries, refused = read(content)
    assert entries == GOOD
    assert "control characters" in refused["good.ipynb\0exe.ipynb"]


def test_a_name_in_utf8_that_does_not_say_so(read):
    content = zipped({"Jos__.ipynb": notebook("josé")}).replace(b"Jos__", "José".encode())
    assert read(content) == ({"José.ipynb": notebook("josé")}, {})


def test_a_name_that_says_it_is_utf8_and_is_not(read):
    """The directory cannot be read past it: the archive is refused, with the reason."""
    content = zipped({"José.ipynb": b"x", **GOOD}).replace("é".encode(), b"\xff\xfe")
    entries, refused = read(content)
    assert entries == {}
    assert "'utf-8' codec can't decode" in refused[""]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [(stat.S_IFLNK, "is a link"), (stat.S_IFCHR, "a device"), (stat.S_IFIFO, "a device")],
)
def test_links_and_devices(read, mode, reason):
    files = [(info("eve.ipynb", mode), b"/etc/passwd"), *GOOD.items()]
    entries, refused = read(zipped(files))
    assert entries == GOOD
    assert reason in refused["eve.ipynb"]


def test_a_bomb_stops_at_the_limit(read):
    """42 MiB in 42 KiB: neither the disk nor the memory sees more than the limit."""
    content = zipped({"bomb.ipynb": bytes(42 * MIB), **GOOD})
    assert len(content) < 50_000
    tracemalloc.start()
    entries, refused = read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert entries == GOOD
    assert refused == {"bomb.ipynb": "has more than the 2 MiB that are allowed"}
    assert peak < 4 * MIB
    assert sum(path.stat().st_size for path in read.store.folder.iterdir()) < 1000


def test_a_large_file_that_is_no_bomb(read):
    stored = info("large.ipynb", method=zipfile.ZIP_STORED)
    entries, refused = read(zipped([(stored, bytes(3 * MIB)), *GOOD.items()]))
    assert entries == GOOD
    assert refused == {"large.ipynb": "has more than the 2 MiB that are allowed"}


def test_a_bomb_whose_header_lies(read):
    """It claims 100 bytes: no more than these are unpacked, and the checksum tells."""
    content = zipped({"bomb.ipynb": bytes(8 * MIB), **GOOD})
    for local, offset in ((False, 24), (True, 22)):
        content = patched(content, b"bomb.ipynb", offset, "<I", 100, local=local)
    entries, refused = read(content)
    assert entries == GOOD
    assert "damaged" in refused["bomb.ipynb"]
    assert read.store.total < 1000


def test_a_bomb_in_a_bomb(read):
    inner = zipped({f"{number}.ipynb": bytes(4 * MIB) for number in range(8)})
    entries, refused = read(zipped({"inner.zip": inner, **GOOD}))
    assert entries == GOOD
    assert len(refused) == 8
    assert all("zip bomb" in reason for reason in refused.values())


def test_many_files_that_are_too_large_together(read):
    files = {f"{number}.ipynb": bytes(1000) for number in range(10)}
    entries, refused = read(zipped(files), max_total=4500)
    assert len(entries) == 4
    assert refused == {"4.ipynb": "and all after it: the files are too large"}


def test_too_many_entries(read, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 30)
    entries, refused = read(zipped({f"{number}": b"" for number in range(31)}))
    assert entries == {}
    assert refused == {"": "holds 31 files; 30 are allowed"}


def test_a_directory_that_is_too_large_is_not_read(read):
    content = zipped(GOOD)
    end = content.rfind(b"PK\x05\x06")
    size = 20 * MIB
    lying = content[:end] + bytes(size) + content[end:]
    lying = bytearray(lying)
    struct.pack_into("<I", lying, end + size + 12, size + 60)
    entries, refused = read(bytes(lying))
    assert entries == {}
    assert "its directory is too large" in refused[""]


def test_encrypted_and_oddly_compressed_entries(read):
    content = zipped({"secret.ipynb": notebook("x"), "odd.ipynb": notebook("y"), **GOOD})
    content = patched(content, b"secret.ipynb", 8, "<H", 1)
    content = patched(content, b"odd.ipynb", 10, "<H", 14)
    entries, refused = read(content)
    assert entries == GOOD
    assert refused["secret.ipynb"] == "is encrypted"
    assert "number 14" in refused["odd.ipynb"]


def test_a_checksum_that_does_not_fit(read):
    content = patched(zipped({"bad.ipynb": notebook("x"), **GOOD}), b"bad.ipynb", 16, "<I", 7)
    entries, refused = read(content)
    assert entries == GOOD
    assert "is damaged (Bad CRC-32" in refused["bad.ipynb"]


def test_a_name_that_differs_before_the_data(read):
    content = zipped({"other.ipynb": notebook("x"), **GOOD})
    content = content.replace(b"other.ipynb", b"twist.ipynb", 1)
    entries, refused = read(content)
    assert entries == GOOD
    assert "is damaged" in refused["other.ipynb"]


def test_entries_that_share_their_bytes(read):
    """The way a non-recursive bomb multiplies one kernel."""
    content = zipped({"one.ipynb": notebook("x"), "two.ipynb": notebook("x"), **GOOD})
    content = patched(content, b"two.ipynb", 42, "<I", 0)
    entries, refused = read(content)
    assert entries == GOOD
    assert set(refused) == {"one.ipynb", "two.ipynb"}
    assert all("shares its bytes" in reason for reason in refused.values())


def test_a_name_that_stands_twice(read):
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped([("ada.ipynb", notebook("ada")), ("ada.ipynb", notebook("eve"))])
    entries, refused = read(content)
    assert entries == GOOD
    assert "stands twice" in refused["ada.ipynb"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_an_archive_that_was_cut_off(read, share):
    content = zipped({**GOOD, "bob.ipynb": notebook("bob")})
    entries, refused = read(content[: int(len(content) * share)])
    assert entries == {}
    assert "is not a whole zip archive" in refused[""]


def test_every_changed_byte_is_survived(read):
    """Nothing but entries and refusals comes out, whatever byte is wrong."""
    content = zipped(GOOD)
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 255
        entries, _ = read(bytes(changed))
        assert set(entries.values()) <= set(GOOD.values())


def test_what_systems_add_is_not_a_submission(read):
    added = {"__MACOSX/._ada.ipynb": b"x", ".ipynb_checkpoints/a.ipynb": b"x", "notes.txt": b"x"}
    assert read(zipped({**added, **GOOD})) == (GOOD, {})
    assert read.store.ignored == 3


def test_bad_entries_do_not_keep_the_class_from_being_collected(collected, submitted):
    done = collected({"../eve.ipynb": notebook("eve"), **GOOD, "bob.ipynb": notebook("bob")})
    assert submitted() == {"ada": notebook("ada"), "bob": notebook("bob")}
    assert done["../eve.ipynb"].needs_person


@pytest.mark.parametrize(
    "student",
    ["-rf", "a+b", "a*", "[a]", "a\u202eb", "x" * 210, " "],
)
def test_student_ids_that_nbgrader_cannot_live_with(collected, submitted, student):
    name = f"{student}.ipynb"
    done = collected({name: notebook("eve"), **GOOD})
    assert submitted() == GOOD_STUDENTS
    assert "its student id" in done[name].reason


GOOD_STUDENTS = {"ada": notebook("ada")}


def test_the_limits_hold_for_all_paths_together(toy_copy, download):
    first = download({"ada.ipynb": notebook("a" * 500)}, "1.zip")
    second = download({"bob.ipynb": notebook("b" * 500)}, "2.zip")
    done = collect(toy_copy, (first, second), Settings(max_total=800))
    assert [one.student for one in done] == ["", "ada"]
    assert "too large" in done[0].reason


def test_an_archive_without_notebooks_is_said(collected):
    with pytest.raises(AutograderError, match=r"no notebooks in .*: 2 other files"):
        collected({"a.txt": b"", "b.pdf": b""})
