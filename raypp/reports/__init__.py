"""Reports of tool usage for those who run a site: printed, as files, as an image, and as a page."""
