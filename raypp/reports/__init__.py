"""Reports of tool usage for those who run a site: printed, as files, as a picture, and as a page."""
