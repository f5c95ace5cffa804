"""Sealed folders: what is missing, changed or too many is one line, and nothing is kept."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from gexpipe.archive.folder import describe, pack, seal, unpacked, verify
from gexpipe.archive.imported import import_archive
from gexpipe.errors import UserError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "results/genes").mkdir(parents=True)
    (folder / "results/genes/genes.tsv").write_text("gene_id\nG1\n")
    (folder / "results/quality.tsv").write_text("cell\nK562\n")
    describe(folder, "prepared", cells=["K562"], offers=[], made_with={})
    seal(folder)
    return folder


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_every_form_arrives_whole(archive: Path, tmp_path: Path, form: str) -> None:
    place = import_archive(pack(archive, form), tmp_path / "project")
    assert place == tmp_path / "project/prepared"
    assert verify(place, place) == 3
    assert import_archive(archive, tmp_path / "project") == place  # the same one again
    assert sorted(p.name for p in (tmp_path / "project").iterdir()) == ["prepared"]


def test_what_is_wrong_with_an_archive_is_one_line_and_nothing_is_kept(
    archive: Path, tmp_path: Path
) -> None:
    genes = archive / "results/genes/genes.tsv"
    project = tmp_path / "project"
    genes.write_text("gene_id\nG2\n")
    with pytest.raises(UserError, match=r"data: results/genes/genes.tsv is damaged or changed"):
        import_archive(archive, project)
    genes.unlink()
    (archive / "note.txt").write_text("x")
    with pytest.raises(UserError, match=r"genes.tsv is missing \(and 1 more files\)"):
        import_archive(archive, project)
    genes.write_text("gene_id\nG1\n")
    with pytest.raises(UserError, match=r"note\.txt is not in SHA256SUMS"):
        import_archive(archive, project)
    assert not list(project.glob("*")) and not list(project.glob(".*"))


def test_a_cut_archive_is_named(archive: Path, tmp_path: Path) -> None:
    for form in ("zip", "tar"):
        whole = pack(archive, form)
        whole.write_bytes(whole.read_bytes()[:700])
        with pytest.raises(UserError, match=r"data\.(zip|tar): .*cut off"):
            import_archive(whole, tmp_path / "project")
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="no SHA256SUMS: not an archive"):
        import_archive(tmp_path / "other", tmp_path / "project")


def test_a_file_outside_its_folder_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../outside.txt", "x")
    with (
        pytest.raises(UserError, match="would lie outside its folder"),
        unpacked(tmp_path / "bad.zip", tmp_path / "out"),
    ):
        pass
    assert not (tmp_path / "outside.txt").exists()


@pytest.mark.parametrize(
    ("names", "kind", "said"),
    [
        (["../outside.txt"], tarfile.REGTYPE, "would lie outside its folder"),
        (["in/link"], tarfile.SYMTYPE, "'in/link', which is no file"),
        (["in/file", "in/file"], tarfile.REGTYPE, "holds 'in/file' twice"),
    ],
)
def test_a_tar_with_more_than_files_of_its_own_is_refused(
    tmp_path: Path, names: list[str], kind: bytes, said: str
) -> None:
    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    with pytest.raises(UserError, match=said), unpacked(tmp_path / "bad.tar", tmp_path / "out"):
        pass
    assert not (tmp_path / "outside.txt").exists() and not (tmp_path / "out").exists()


def test_another_archive_is_not_overwritten(archive: Path, tmp_path: Path) -> None:
    import_archive(archive, tmp_path / "project")
    (archive / "results/quality.tsv").write_text("cell\nH1\n")
    seal(archive)
    with pytest.raises(UserError, match="another archive is there"):
        import_archive(archive, tmp_path / "project")


def test_plain_arrays_are_no_project(archive: Path, tmp_path: Path) -> None:
    describe(archive, "plain", form="hdf5")
    seal(archive)
    with pytest.raises(UserError, match="plain hdf5 arrays, for other programs"):
        import_archive(archive, tmp_path / "project")
