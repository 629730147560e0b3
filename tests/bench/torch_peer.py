"""The peer of bitlathe-bench: python3-torch's own quantization (torch.ao), timed call by call on request.

Reads one JSON object a line, answers one a line:
  {"do": "setup", "threads": 2, "keep_memory": false}       -> {"torch": "1.13.0a0"}
  {"do": "export", "net": "resnet18_224", "torch_script": PATH, "onnx": PATH}
                                                            -> {}      the float net, batch norm settled
  {"do": "time", "case": "fake_quantize"}                   -> {"ms": 12.3, "cpu_ms": 24.1}     one call
  {"do": "drop"}                                            -> {}      forgets prepared cases
A failure answers {"error": TEXT}. A case is prepared by its first call, so the caller counts one call as warm-up.
"""

import ctypes
import json
import sys
import time

import torch
from torch import nn

BATCHES = {"mobilenet_v2_224": 16, "resnet18_224": 16, "mobilenet_v1_025": 128}


def conv_bn(inputs, outputs, kernel=3, stride=1, groups=1, activation=None):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation] if activation is not None else []))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = [conv_bn(inputs, hidden, 1, activation=nn.ReLU6())] if expansion != 1 else []
        layers += [conv_bn(hidden, hidden, 3, stride, hidden, nn.ReLU6()), conv_bn(hidden, outputs, 1)]
        self.body = nn.Sequential(*layers)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.is_residual else self.body(x)


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [conv_bn(3, 32, 3, 2, activation=nn.ReLU6())], 32
        for expansion, outputs, count, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                                  (6, 160, 3, 2), (6, 320, 1, 1)]:
            for i in range(count):
                layers.append(InvertedResidual(channels, outputs, stride if i == 0 else 1, expansion))
                channels = outputs
        self.features = nn.Sequential(*layers, conv_bn(320, 1280, 1, activation=nn.ReLU6()))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x):
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = conv_bn(inputs, outputs, 3, stride, activation=nn.ReLU())
        self.second = conv_bn(outputs, outputs, 3)
        self.shortcut = conv_bn(inputs, outputs, 1, stride) if stride != 1 or inputs != outputs else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.second(self.first(x)) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [conv_bn(3, 64, 7, 2, activation=nn.ReLU()), nn.MaxPool2d(3, 2, 1)], 64
        for outputs, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
            layers += [BasicBlock(channels, outputs, stride), BasicBlock(outputs, outputs, 1)]
            channels = outputs
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(512, 1000)

    def forward(self, x):
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))


class MobileNetV1(nn.Module):
    """Width 0.25 for 1x32x32 inputs."""

    def __init__(self):
        super().__init__()
        layers, channels = [conv_bn(1, 8, 3, 1, activation=nn.ReLU6())], 8
        for outputs, stride in [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (128, 1), (128, 1),
                                (128, 1), (256, 2), (256, 1)]:
            layers += [conv_bn(channels, channels, 3, stride, channels, nn.ReLU6()),
                       conv_bn(channels, outputs, 1, activation=nn.ReLU6())]
            channels = outputs
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(256, 10)

    def forward(self, x):
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))


NETS = {"mobilenet_v2_224": (MobileNetV2, (3, 224, 224)), "resnet18_224": (ResNet18, (3, 224, 224)),
        "mobilenet_v1_025": (MobileNetV1, (1, 32, 32))}


def images(net):
    torch.manual_seed(1)
    return torch.randn(BATCHES[net], *NETS[net][1])


def build(net):
    """The float net in eval mode, batch norm's statistics those of one batch, so that values neither die nor explode."""
    torch.manual_seed(0)
    model = NETS[net][0]()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(images(net))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
    return model.eval()


def quantization_aware(net):
    from torch.ao.quantization import get_default_qat_qconfig_mapping
    from torch.ao.quantization.quantize_fx import prepare_qat_fx
    return prepare_qat_fx(build(net).train(), get_default_qat_qconfig_mapping("fbgemm"), (images(net),))


def training_step(model, net):
    x, labels = images(net), torch.zeros(BATCHES[net], dtype=torch.long)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()
    return step


def without_gradient(work):
    def run():
        with torch.no_grad():
            work()
    return run


def float_evaluation(net, channels_last=False):
    model, x = build(net), images(net)
    if channels_last:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    return without_gradient(lambda: model(x))


def fake_quantized_evaluation(net):
    model, x = quantization_aware(net), images(net)
    with torch.no_grad():
        model(x)
    model.eval()
    model.apply(torch.ao.quantization.disable_observer)
    return without_gradient(lambda: model(x))


def histogram_calibration(net):
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import prepare_fx
    x = images(net)
    model = prepare_fx(build(net), get_default_qconfig_mapping("fbgemm"), (x,))
    return without_gradient(lambda: model(x))


def large_tensor():
    torch.manual_seed(2)
    return torch.randn(16, 64, 112, 112)


def fake_quantize():
    x = large_tensor()
    return without_gradient(lambda: torch.fake_quantize_per_tensor_affine(x, 0.03, 128, 0, 255))


def fake_quantize_channels():
    x, scale, zero = large_tensor(), torch.full((64,), 0.03), torch.full((64,), 128, dtype=torch.int32)
    return without_gradient(lambda: torch.fake_quantize_per_channel_affine(x, scale, zero, 1, 0, 255))


def fake_quantize_gradient():
    x, gradient = large_tensor().requires_grad_(True), large_tensor()

    def run():
        x.grad = None
        torch.fake_quantize_per_tensor_affine(x, 0.03, 128, 0, 255).backward(gradient)
    return run


def learned_step_gradient():
    x, gradient = large_tensor().requires_grad_(True), large_tensor()
    scale, zero = torch.tensor([0.03], requires_grad=True), torch.tensor([0.0])

    def run():
        x.grad = scale.grad = None
        torch._fake_quantize_learnable_per_tensor_affine(x, scale, zero, -128, 127, 1e-3).backward(gradient)
    return run


def histogram_observer():
    observer, x = torch.ao.quantization.HistogramObserver(), large_tensor().relu_()
    return lambda: observer(x)


def squared_error_search():
    x = large_tensor().relu_()

    def run():
        observer = torch.ao.quantization.HistogramObserver()
        observer(x)
        observer.calculate_qparams()
    return run


def divergence_search():
    """Relative entropy over all clips of a 2,048-bin histogram, 128 levels: TensorRT's loop, on numpy slices."""
    import numpy
    x = large_tensor().relu_()

    def divergence(counts, bins, levels):
        clipped = counts[:bins].astype(numpy.float64)
        outliers = counts[bins:].sum()
        spread = numpy.zeros(bins)
        edges = (numpy.arange(levels + 1) * (bins / levels)).astype(numpy.int64)
        for begin, end in zip(edges[:-1], edges[1:]):
            part = clipped[begin:end]
            filled = part > 0
            if filled.any():
                spread[begin:end][filled] = part.sum() / filled.sum()
        clipped[-1] += outliers
        used = (clipped > 0) & (spread > 0)
        p, q = clipped[used] / clipped.sum(), spread[used] / spread.sum()
        return float((p * numpy.log(p / q)).sum())

    def run():
        top = float(x.max())
        counts = torch.histc(x, 2048, 0, top).numpy()
        return min(range(128, 2049), key=lambda bins: divergence(counts, bins, 128))
    return run


KERNELS = {work.__name__: work for work in (fake_quantize, fake_quantize_channels, fake_quantize_gradient, learned_step_gradient,
                                            histogram_observer, squared_error_search, divergence_search)}
PHASES = {"float": float_evaluation, "float_nhwc": lambda net: float_evaluation(net, True),
          "fake_quantized": fake_quantized_evaluation, "calibration": histogram_calibration,
          "float_step": lambda net: training_step(build(net).train(), net),
          "qat_step": lambda net: training_step(quantization_aware(net), net)}


def prepare(case):
    if case in KERNELS:
        return KERNELS[case]()
    phase, net = case.split("/")
    return PHASES[phase](net)


def keep_memory():
    """The allocator settings Bitlathe runs with: large tensors from the heap, nothing given back (glibc's mallopt numbers)."""
    c = ctypes.CDLL(None)
    for option, value in ((-4, 0), (-1, -1), (-2, 64 << 20)):
        c.mallopt(option, value)


def answer(request, prepared):
    if request["do"] == "setup":
        if request["keep_memory"]:
            keep_memory()
        torch.set_num_threads(request["threads"])
        return {"torch": torch.__version__}
    if request["do"] == "export":
        net = request["net"]
        with torch.no_grad():
            torch.jit.trace(build(net), images(net)[:1]).save(request["torch_script"])
        torch.onnx.export(build(net), images(net)[:1], request["onnx"], opset_version=13, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}})
        return {}
    if request["do"] == "drop":
        prepared.clear()
        return {}
    case = request["case"]
    if case not in prepared:
        prepared[case] = prepare(case)
    begin, used = time.perf_counter(), time.process_time()
    prepared[case]()
    return {"ms": 1000 * (time.perf_counter() - begin), "cpu_ms": 1000 * (time.process_time() - used)}


def main():
    import warnings
    warnings.filterwarnings("ignore")
    prepared = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), prepared)
        except Exception as error:  # the caller prints it beside the row
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
