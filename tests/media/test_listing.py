"""Listings answer as looking through all files one by one would, in the order of URLs."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from raypp.media.listing import Listed, Listing, walk

_PARTS = st.sampled_from(["a", "A", "a-b", "a.b", "b", "images"])
_PATHS = st.lists(_PARTS, min_size=1, max_size=4).map("/".join)
_FILES = st.lists(
    st.builds(Listed, _PATHS.map(lambda path: f"/d/{path}"), st.integers(0, 9), st.none() | st.integers(0, 9)),
    unique_by=lambda file: file.url,
)


@given(_FILES)
def test_a_listing_holds_its_files_in_the_order_of_urls(files: list[Listed]) -> None:
    listing = Listing.of(files)
    assert list(listing) == sorted(files)
    assert [listing[place] for place in range(len(listing))] == sorted(files)
    assert listing[1:] == sorted(files)[1:]


@given(_FILES, _PATHS, _PATHS)
def test_files_below_a_folder_are_those_whose_url_says_so(files: list[Listed], first: str, second: str) -> None:
    listing, folders = Listing.of(files), (f"/d/{first}", f"/d/{second}")
    below = [file for file in sorted(files) if file.url.startswith(folders[0] + "/")]
    assert list(listing.below(folders[0])) == below
    assert listing.holds(folders[0]) == bool(below)
    spelt = [file for file in sorted(files) if file.url.lower().startswith(folders[0].lower() + "/")]
    assert [listing[place] for place in listing.places_below_spelt_otherwise(folders[0])] == spelt
    assert [listing[place] for place in listing.places_below(folders[0])] == below
    outside = tuple(folder + "/" for folder in folders)
    assert list(listing.without(folders)) == [file for file in sorted(files) if not file.url.startswith(outside)]


@given(_FILES)
def test_files_are_chosen_by_suffix(files: list[Listed]) -> None:
    chosen = [file for file in sorted(files) if file.url.endswith(".b")]
    assert list(Listing.of(files).with_suffix([".b"])) == chosen


def test_a_walk_lists_what_there_is_once_and_links_by_the_name_that_sorts_first(tmp_path: Path) -> None:
    for name in ("cam/1.mp4", "cam.txt", "cam-2/x/2.mp4", "cam-2/x.mp4", "cam-2/.hidden/3.mp4", ".4.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "cam-link").symlink_to(tmp_path / "cam")
    (tmp_path / "cam" / "up").symlink_to(tmp_path)
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere")
    (tmp_path / os.fsdecode(b"\xff.mp4")).write_bytes(b"")
    unusable: list[tuple[str, str]] = []
    listing = walk(str(tmp_path), lambda path, reason: unusable.append((os.fsencode(path).decode("latin1"), reason)))
    listed = [(file.url.removeprefix(f"{tmp_path}/"), file.size) for file in listing]
    assert listed == [("cam-2/x.mp4", 11), ("cam-2/x/2.mp4", 13), ("cam.txt", 7), ("cam/1.mp4", 9)]
    assert listing[0].mtime_ns == (tmp_path / "cam-2/x.mp4").stat().st_mtime_ns
    assert unusable == [
        (f"{tmp_path}/gone.mp4", "No such file or directory; check the link or permissions"),
        (f"{tmp_path}/\xff.mp4", "its name is no UTF-8; rename it"),
    ]
