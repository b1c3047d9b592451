"""Where images come from: the embedded digits and folders of real files."""
