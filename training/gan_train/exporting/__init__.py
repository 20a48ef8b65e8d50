"""Networks for programs without this package: Keras files, SavedModels, ONNX and TFLite, each with a model card."""
