#!/usr/bin/env bash
# OpenVINO's Python gives outputs of type bfloat16 as numpy arrays of float16 over the same bits. Both types have 16 bits
# and divide them otherwise, so all values are wrong, most of them plausibly, and nothing is said.
#
# Version: openvino 2026.4.1, onnx 1.23.2.
# Expected: a type that numpy does not have is refused, converted to float32, or given as the type of ml_dtypes, which
# onnx itself uses.
# Seen: 1, 2 and 100, cast to bfloat16, come out as 1.875, 2.0 and 3.39, with dtype float16. The same bits read as
# bfloat16 are right. OpenVINO's own element type of that output says bf16.
# Who is hurt: networks exported in bfloat16 for CPUs with AMX: scores, boxes and embeddings are wrong by a law that keeps
# their order, so that detections look sensible and thresholds do not.
# What helps: a Cast to float32 at the end of the graph; or `output.view(numpy.uint16).astype(numpy.uint32) << 16`, viewed
# as float32.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6
cat > look.py <<'PY'
import numpy as np
import openvino
from onnx import TensorProto, checker, helper

given = np.array([1, 2, 100, 0.5, -3], np.float32)
node = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)
ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [5]), helper.make_tensor_value_info("y", TensorProto.BFLOAT16, [5])]
model = helper.make_model(
    helper.make_graph([node], "cast", ends[:1], ends[1:]), opset_imports=[helper.make_opsetid("", 21)], ir_version=10
)
checker.check_model(model)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU")
got = compiled([given])[0]
right = (got.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
print("given", given, "; OpenVINO", got, got.dtype, "; its element type", compiled.output(0).element_type, "; its bits", right)
assert "bf" in str(compiled.output(0).element_type).lower(), compiled.output(0).element_type
assert got.dtype == np.float16
assert np.allclose(got[:3], [1.875, 2.0, 3.39], atol=0.01), got
assert (right == given).all()
PY
venv/bin/python look.py || { echo "CHANGED: OpenVINO behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
