"""Raw images into dataset folders: TFRecord shards behind a manifest."""
