"""HTML pages of one file: templates filled in, and pictures as data URIs."""
