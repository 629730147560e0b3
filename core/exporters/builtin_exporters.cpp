#include "core/exporters/exporter.h"
#include "core/exporters/onnx_qdq_exporter.h"

namespace bitlathe::core {

namespace {

Registry<Exporter> makeExporters() {
    Registry<Exporter> exporters("exporter");
    exporters.add({std::string(OnnxQdqExporter::kName),
                   "ONNX with Q/DQ pairs (opset 13)",
                   {},
                   "ONNX operator specification, opset 13; ONNX Runtime QDQ format"},
                  [](const ParamValues&) { return std::make_unique<OnnxQdqExporter>(); });
    return exporters;
}

}  // namespace

const Registry<Exporter>& exporterRegistry() {
    static const Registry<Exporter> registry = makeExporters();
    return registry;
}

}  // namespace bitlathe::core
