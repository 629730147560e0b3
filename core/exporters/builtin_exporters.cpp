#include "core/exporters/c_exporter.h"
#include "core/exporters/exporter.h"
#include "core/exporters/ncnn_table_exporter.h"
#include "core/exporters/onnx_qdq_exporter.h"
#include "core/registry/param_specs.h"

namespace bitlathe::core {

namespace {

Registry<Exporter> makeExporters() {
    Registry<Exporter> exporters("exporter");
    exporters.add({std::string(OnnxQdqExporter::kName),
                   "ONNX with Q/DQ pairs (opset 13)",
                   {},
                   "ONNX operator specification, opset 13; ONNX Runtime QDQ format"},
                  [](const ParamValues&) { return std::make_unique<OnnxQdqExporter>(); });
    const std::vector<ParamSpec> target{
        choiceParam("cpu", {"cortex-m4", "cortex-m7", "cortex-m33", "cortex-m3", "cortex-m0plus"},
                    "processor that the build files start from; the code runs on any"),
        choiceParam(
            "backend", {"own", "cmsis_nn"},
            "kernels of convolutions: the exported ones, or calls of CMSIS-NN where it can (you supply it)"),
        switchParam("thresholds", false,
                    "outputs of at most 4 bits by comparisons with thresholds, without products")};
    exporters.add({std::string(CExporter::kName), "C99 for microcontrollers", target,
                   "Rusci et al. 2019, arXiv:1905.13082 (integer-only inference)"},
                  [target](const ParamValues& p) {
                      CExporter::Options options;
                      const auto cpu = static_cast<std::size_t>(p.at("cpu"));
                      options.cpu = target.front().choices[cpu];
                      options.hasDsp = cpu <= 2;
                      options.backend = chosen<CBackend>(p, "backend");
                      options.thresholds = p.at("thresholds") != 0;
                      return std::make_unique<CExporter>(options);
                  });
    exporters.add({std::string(NcnnTableExporter::kName),
                   "Scale table for ncnn's int8 tools",
                   {switchParam("winograd_headroom", false,
                                "3x3 convolutions of stride 1 with 6-bit weights, for ncnn's int8 Winograd")},
                   "ncnn, tools/quantize; Quantization.MXNet"},
                  [](const ParamValues& p) {
                      return std::make_unique<NcnnTableExporter>(p.at("winograd_headroom") != 0);
                  });
    return exporters;
}

}  // namespace

const Registry<Exporter>& exporterRegistry() {
    static const Registry<Exporter> registry = makeExporters();
    return registry;
}

}  // namespace bitlathe::core
