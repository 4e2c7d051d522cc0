"""Files found by names of another machine, and never one of another split."""

import pytest

from raypp.media.annotations.discovery import find_labelled
from raypp.media.annotations.locator import FilesByName, Locator, join_locator, split_of
from raypp.media.listing import Listed, Listing


def _found(name: str, *files: str) -> str | None:
    listed = Locator("/d", FilesByName([Listed(f"/d/{file}", 1, None) for file in files])).find(name, "/d/annotations")
    return listed.url.removeprefix("/d/") if listed else None


@pytest.mark.parametrize("name", [
    "images/a 1.jpg", "../images/a 1.jpg", "./images/a 1.jpg", "/home/bob/images/a 1.jpg", "C:\\data\\images\\a 1.jpg",
    "images/a%201.jpg", "a 1.jpg", "12345678-a 1.jpg", "/d/images/a 1.jpg",
])  # fmt: skip
def test_the_ways_of_naming_a_file(name: str) -> None:
    assert _found(name, "images/a 1.jpg", "images/b.jpg") == "images/a 1.jpg"


def test_a_file_of_another_split_is_not_taken() -> None:
    assert _found("/x/val/a.jpg", "images/train/a.jpg") is None
    assert _found("/x/valid/a.jpg", "images/val/a.jpg") == "images/val/a.jpg"


def test_one_of_several_files_of_a_name_is_not_guessed() -> None:
    assert _found("a.jpg", "x/a.jpg", "y/a.jpg") is None
    assert _found("y/a.jpg", "x/a.jpg", "y/a.jpg") == "y/a.jpg"


def test_paths_are_joined_and_splits_read_from_the_last_folder_that_names_one() -> None:
    assert join_locator("s3://b/d", "../e/./f") == "s3://b/e/f"
    assert split_of("train/x/Validation/y") == "val"
    assert split_of("trainer/valley") is None


def test_files_behind_urls_are_found_by_their_plain_names() -> None:
    file = Listed("s3://b/d/images/a%231.jpg", 1, None)
    assert Locator("s3://b/d", FilesByName([file])).find("images/a#1.jpg") == file


def test_labels_behind_a_url_with_a_query_are_told() -> None:
    listed = [Listed(f"s3://b/d/{name}?scheme=http", 1, None) for name in ("a.jpg", "a.txt", "b.mp4")]
    labelled = find_labelled(Listing.of(listed), "s3://b/d?scheme=http")
    assert labelled.unread == {"s3://b/d/a.jpg?scheme=http"}
    assert "AWS_ENDPOINT_URL_S3" in labelled.problems[0]
    assert not find_labelled(Listing.of(listed[2:]), "s3://b/d?scheme=http").problems
