#!/usr/bin/env bash
# OpenVINO's Python API casts an input array to the type of the model's input as numpy's astype does, without a word.
# A model that takes uint8 pixels, as one with its preprocessing inside does, given an image in float32 from 0 to 1, sees
# a black image; 300 becomes 44, and -3 becomes 253. onnxruntime refuses the same input by name and type.
#
# Version: openvino 2026.4.1, onnxruntime 1.31.1.
# Expected: an input of another type is refused where the cast loses values, as a wrong shape is.
# Seen: 0, 1, 44 and 253 for 0.5, 1.7, 300 and -3. A detector finds nothing, at full speed and with a good exit code.
# Who is hurt: whoever moves a pipeline from a float model to one with preprocessing, or from onnxruntime.
# What helps: compare `array.dtype` with `model.input(0).element_type.to_dtype()` before each call.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openvino==2026.4.1 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > look.py <<'PY'
import numpy as np
import onnx
import onnxruntime
import openvino as ov
from onnx import TensorProto, helper

values = [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 4]),
          helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])]
cast = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)
model = helper.make_model(
    helper.make_graph([cast], "pixels", values[:1], values[1:]), opset_imports=[helper.make_opsetid("", 17)], ir_version=9
)
onnx.save(model, "pixels.onnx")
pixels = np.array([[0.5, 1.7, 300.0, -3.0]], np.float32)
try:
    onnxruntime.InferenceSession("pixels.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": pixels})
except Exception as error:
    print("onnxruntime:", str(error).splitlines()[0])
    assert "data type" in str(error)
else:
    raise SystemExit("onnxruntime takes it")
output = ov.Core().compile_model("pixels.onnx", "CPU")([pixels])[0]
print("OpenVINO:", pixels.tolist(), "->", output.tolist())
assert output.tolist() == [[0.0, 1.0, 44.0, 253.0]], output
PY
venv/bin/python look.py || { echo "CHANGED: OpenVINO or onnxruntime behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
