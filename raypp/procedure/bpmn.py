"""A procedure as BPMN 2.0 with its drawing: what editors and engines of processes read."""

from xml.etree import ElementTree as ET

from raypp.procedure.flow import Gateway, Task, flow_of
from raypp.procedure.layout import Arrow, Layout, Node, NodeKind, laid_out
from raypp.usage.procedure_rules import ProcedureRules

_MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
_DRAWING = "http://www.omg.org/spec/BPMN/20100524/DI"
_BOUNDS = "http://www.omg.org/spec/DD/20100524/DC"
_LINE = "http://www.omg.org/spec/DD/20100524/DI"
_TAGS = {NodeKind.START: "startEvent", NodeKind.END: "endEvent", NodeKind.TASK: "task"}
_GATEWAYS = {Gateway.ONE: "exclusiveGateway", Gateway.ALL: "parallelGateway"}
_TASK_SIZE = 140.0, 70.0


def bpmn_of(rules: ProcedureRules) -> bytes:
    """Return a procedure as BPMN 2.0, the same bytes each time.

    Each time that a step may be done is a task of the step's name. What it needs is its documentation.
    """
    layout = laid_out(flow_of(rules.whole, exact=True), lambda _: _TASK_SIZE)
    for prefix, space in (("", _MODEL), ("bpmndi", _DRAWING), ("dc", _BOUNDS), ("di", _LINE)):
        ET.register_namespace(prefix, space)
    root = ET.Element(f"{{{_MODEL}}}definitions", {"id": "definitions", "targetNamespace": "urn:raypp:procedure"})
    process = ET.SubElement(
        root, f"{{{_MODEL}}}process", {"id": "process", "name": rules.name, "isExecutable": "false"}
    )
    for number, node in enumerate(layout.nodes):
        _add_node(process, number, node, layout)
    for number, arrow in enumerate(layout.arrows):
        ends = {"sourceRef": _node_id(arrow.source), "targetRef": _node_id(arrow.target)}
        ET.SubElement(process, f"{{{_MODEL}}}sequenceFlow", {"id": _arrow_id(number)} | ends)
    diagram = ET.SubElement(root, f"{{{_DRAWING}}}BPMNDiagram", {"id": "diagram"})
    plane = ET.SubElement(diagram, f"{{{_DRAWING}}}BPMNPlane", {"id": "plane", "bpmnElement": "process"})
    for number, node in enumerate(layout.nodes):
        _add_shape(plane, number, node)
    for number, arrow in enumerate(layout.arrows):
        _add_line(plane, number, arrow)
    ET.indent(root, " ")
    content: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content + b"\n"


def words_of(task: Task) -> str:
    """Return what a step needs: its tools, its place, and how long it lasts."""
    step = task.step
    bounds = [f"at least {step.min_s:g} s"] if step.min_s else []
    bounds += [f"at most {step.max_s:g} s"] if step.max_s is not None else []
    where = f" at {step.station}" if step.station else ""
    return "; ".join((" or ".join(step.tools) + where, *bounds))


def _add_node(process: ET.Element, number: int, node: Node, layout: Layout) -> None:
    tag = _GATEWAYS[node.gateway] if node.gateway is not None else _TAGS[node.kind]
    attributes = {"id": _node_id(number)}
    if node.gateway is not None:
        attributes["gatewayDirection"] = "Diverging" if node.opens else "Converging"
    if node.task is not None:
        attributes["name"] = node.task.step.name
    element = ET.SubElement(process, f"{{{_MODEL}}}{tag}", attributes)
    if node.task is not None:
        ET.SubElement(element, f"{{{_MODEL}}}documentation").text = words_of(node.task)
    for what, end in (("incoming", "target"), ("outgoing", "source")):
        for place, arrow in enumerate(layout.arrows):
            if getattr(arrow, end) == number:
                ET.SubElement(element, f"{{{_MODEL}}}{what}").text = _arrow_id(place)


def _add_shape(plane: ET.Element, number: int, node: Node) -> None:
    attributes = {"id": f"shape{number}", "bpmnElement": _node_id(number)}
    shape = ET.SubElement(plane, f"{{{_DRAWING}}}BPMNShape", attributes)
    places = (node.x - node.width / 2, node.y - node.height / 2, node.width, node.height)
    bounds = {name: f"{place:g}" for name, place in zip(("x", "y", "width", "height"), places, strict=True)}
    ET.SubElement(shape, f"{{{_BOUNDS}}}Bounds", bounds)


def _add_line(plane: ET.Element, number: int, arrow: Arrow) -> None:
    attributes = {"id": f"line{number}", "bpmnElement": _arrow_id(number)}
    line = ET.SubElement(plane, f"{{{_DRAWING}}}BPMNEdge", attributes)
    for x, y in arrow.points:
        ET.SubElement(line, f"{{{_LINE}}}waypoint", {"x": f"{x:g}", "y": f"{y:g}"})


def _node_id(number: int) -> str:
    return f"node{number}"


def _arrow_id(number: int) -> str:
    return f"flow{number}"
