#!/usr/bin/env bash
# OpenVINO reads an ONNX Resize without its attributes `antialias` and `keep_aspect_ratio_policy`, and says nothing. A
# model that holds its own preprocessing (shrink with a filter, keep the shape of things) gets an image without the
# filter, or one that is stretched.
#
# Version: openvino 2026.4.1, onnx 1.23.2 (its reference evaluator is the yardstick; opset 21).
# Expected: the values and shapes of ONNX's reference, or an error that names the attribute.
# Seen: stripes shrunk to a quarter have the values of plain bilinear sampling, with `antialias=1` and without. An image
# of 6 x 12 that is resized to at most 6 x 6 (`not_larger`) comes out as 6 x 6 in place of 3 x 6; `not_smaller` gives 6 x
# 6 in place of 6 x 12. A log line or an exception there is none.
# Who is hurt: detectors with a letterbox or a shrinking step inside see other pixels than those that they learnt on,
# which costs accuracy and nothing else that one would see.
# What helps: resize before the model, by the library of the training; compare one image's outputs with onnxruntime.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6
cat > look.py <<'PY'
import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

core = openvino.Core()


def resized(image, size, **attributes):
    """Resize by OpenVINO and by ONNX's reference."""
    node = helper.make_node("Resize", ["image", "", "", "size"], ["out"], axes=[2, 3], **attributes)
    ends = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, image.shape),
        helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1, None, None]),
    ]
    graph = helper.make_graph([node], "resize", ends[:1], ends[1:], [helper.make_tensor("size", TensorProto.INT64, [2], size)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([image])[0], ReferenceEvaluator(model).run(None, {"image": image})[0]


stripes = np.zeros((1, 1, 8, 8), np.float32)
stripes[..., ::2] = 1
for antialias in (0, 1):
    ours, reference = resized(stripes, [2, 2], mode="linear", antialias=antialias)
    print("antialias", antialias, "OpenVINO", ours.ravel(), "reference", reference.ravel())
    assert np.allclose(ours, 0.5)
    assert np.allclose(reference, [0.59375, 0.40625] if antialias else 0.5)

wide = np.arange(72, dtype=np.float32).reshape(1, 1, 6, 12)
for policy, right in (("stretch", (6, 6)), ("not_larger", (3, 6)), ("not_smaller", (6, 12))):
    ours, reference = resized(wide, [6, 6], mode="nearest", keep_aspect_ratio_policy=policy)
    print(policy, "OpenVINO", ours.shape[2:], "reference", reference.shape[2:])
    assert ours.shape[2:] == (6, 6)
    assert reference.shape[2:] == right
PY
venv/bin/python look.py 2>err || { cat err >&2; echo "CHANGED: OpenVINO behaves otherwise than this says" >&2; exit 1; }
test ! -s err || { cat err >&2; echo "CHANGED: OpenVINO says something now" >&2; exit 1; }
echo "as stated"
