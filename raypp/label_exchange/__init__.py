"""Labels of an archive in the documents of labelling tools, and back as a new label version."""
