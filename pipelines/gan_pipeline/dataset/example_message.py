"""The protobuf message `tf.train.Example`, declared without TensorFlow: a map from names to lists of bytes, floats or integers.

The declaration is that of tensorflow/core/example/example.proto and feature.proto, so the bytes are the same. Packages that
ship the generated classes load hundreds of modules with them, Pillow among these, which no reader of records needs.
"""

from functools import cache
from typing import Any

_PACKAGE = "ganmill"
_LISTS = {"bytes_list": "BytesList", "float_list": "FloatList", "int64_list": "Int64List"}
"""Fields of a Feature, numbered from 1, of which one is set."""


@cache
def example_class() -> Any:
    """The message class, with `SerializeToString` and `FromString`."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name=f"{_PACKAGE}/example.proto", package=_PACKAGE, syntax="proto3")
    optional, repeated = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
    types = (FieldDescriptorProto.TYPE_BYTES, FieldDescriptorProto.TYPE_FLOAT, FieldDescriptorProto.TYPE_INT64)
    for name, type_ in zip(_LISTS.values(), types, strict=True):
        file.message_type.add(name=name).field.add(name="value", number=1, label=repeated, type=type_)

    def reference(message: str) -> dict[str, Any]:
        return {"type": FieldDescriptorProto.TYPE_MESSAGE, "type_name": f".{_PACKAGE}.{message}"}

    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (name, message) in enumerate(_LISTS.items(), start=1):
        feature.field.add(name=name, number=number, label=optional, oneof_index=0, **reference(message))

    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=optional, type=FieldDescriptorProto.TYPE_STRING)
    entry.field.add(name="value", number=2, label=optional, **reference("Feature"))
    features.field.add(name="feature", number=1, label=repeated, **reference("Features.FeatureEntry"))

    example = file.message_type.add(name="Example")
    example.field.add(name="features", number=1, label=optional, **reference("Features"))

    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Example"))
