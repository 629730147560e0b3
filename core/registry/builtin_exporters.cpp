#include "core/exporters/exporter.h"

namespace bitlathe::core {

namespace {

Registry<Exporter> makeExporters() {
    Registry<Exporter> exporters("exporter");
    return exporters;
}

} // namespace

const Registry<Exporter>& exporterRegistry() {
    static const Registry<Exporter> registry = makeExporters();
    return registry;
}

} // namespace bitlathe::core
