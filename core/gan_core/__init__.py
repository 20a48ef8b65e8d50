"""The ground floor under gan_pipeline and gan_train: errors, storage, signals, progress, pictures and HTML pages."""
